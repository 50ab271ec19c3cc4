// A Hono app from npm, as it is: whatever has `fetch` is a handler. Packages
// come from this folder's node_modules (`npm ci`) and are bundled with the
// function when it is published.
import { Hono } from "hono";
import { html } from "hono/html";

const app = new Hono();

app.get("/", (c) => {
  const name = c.req.query("name") ?? "you";
  return c.html(html`
    <!doctype html>
    <title>Hono</title>
    <h1>Hello, ${name}</h1>
  `);
});

app.get("/json", (c) => c.json({ framework: "hono" }));

export default app;
