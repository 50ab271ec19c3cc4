import { type Context, Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.text("Hello Hono"));
app.get(
  "/users/:id",
  (c) => c.json({ id: c.req.param("id"), env: typeof c.env }),
);
app.post("/later", (c: Context) => {
  c.executionCtx.waitUntil(Promise.reject(new Error("later")));
  return c.body(null, 202);
});

export default app;
