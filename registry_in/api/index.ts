// A JSON API. The router matches method and path, types the parameters and
// answers 404 and 405 by itself. The notes live in this process: they are gone
// once it has been idle for `idleSeconds`, so keep real data elsewhere.
import { router } from "doze";

interface Note {
  id: number;
  text: string;
}

const notes = new Map<number, Note>();
let lastId = 0;

const app = router();

app.get("/notes", () => [...notes.values()]);

app.post("/notes", async (request) => {
  const body = await request.json().catch(() => null);
  if (typeof body?.text !== "string" || body.text === "") {
    return problem(400, 'expected JSON such as {"text": "buy milk"}');
  }
  const note: Note = { id: ++lastId, text: body.text };
  notes.set(note.id, note);
  // The function sees the path below its name; this header has the rest.
  const prefix = request.headers.get("x-forwarded-prefix") ?? "";
  const location = `${prefix}/notes/${note.id}`;
  return Response.json(note, { status: 201, headers: { location } });
});

app.get("/notes/:id", (_request, _context, { id }) => {
  return notes.get(Number(id)) ?? problem(404, `there is no note ${id}`);
});

app.delete("/notes/:id", (_request, _context, { id }) => {
  // Nothing returned: 204.
  if (!notes.delete(Number(id))) return problem(404, `there is no note ${id}`);
});

function problem(status: number, message: string): Response {
  return Response.json({ error: message }, { status });
}

export default app;
