// Files in public/ are answered from disk and start no process. This code
// answers what is not a page, such as a POST.
import { createHandler } from "doze";

export default createHandler(async (request) => {
  if (request.method !== "POST") {
    return new Response("There is no such page.\n", { status: 404 });
  }
  const { name } = await request.json().catch(() => ({}));
  return { greeting: `Hello, ${name || "stranger"}` };
});
