// A small web site. GET and HEAD of a file in public/ are answered from disk
// and start no process; everything else, such as the form, comes here.
import { createHandler } from "doze";

export default createHandler(async (request) => {
  if (request.method !== "POST") {
    return new Response("There is no such page.\n", { status: 404 });
  }
  const form = await request.formData();
  return `Thank you, ${form.get("name") || "stranger"}.\n`;
});
