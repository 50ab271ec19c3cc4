// A JSON API. The items live in this process: they are gone once it has been
// idle for `idleSeconds`, so keep real data elsewhere.
import { router } from "doze";

interface Item {
  id: number;
  text: string;
}

const items = new Map<number, Item>();
let lastId = 0;

const app = router();

app.get("/items", () => [...items.values()]);

app.post("/items", async (request) => {
  const body = await request.json().catch(() => null);
  if (typeof body?.text !== "string" || body.text === "") {
    return problem(400, 'expected JSON such as {"text": "milk"}');
  }
  const item: Item = { id: ++lastId, text: body.text };
  items.set(item.id, item);
  return Response.json(item, { status: 201 });
});

app.get("/items/:id", (_request, _context, { id }) => {
  return items.get(Number(id)) ?? problem(404, `there is no item ${id}`);
});

app.delete("/items/:id", (_request, _context, { id }) => {
  // Nothing returned: 204.
  if (!items.delete(Number(id))) return problem(404, `there is no item ${id}`);
});

function problem(status: number, message: string): Response {
  return Response.json({ error: message }, { status });
}

export default app;
