import { router } from "doze";

const app = router();
app.get("/", () => "home");
app.get("/items/:id", (_request, _context, { id }) => ({ id }));
app.post("/items", async (request) => Response.json(await request.json(), { status: 201 }));
export default app;
