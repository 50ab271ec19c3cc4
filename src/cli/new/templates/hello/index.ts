import { createHandler } from "doze";

export default createHandler((request) => {
  const name = new URL(request.url).searchParams.get("name") ?? "world";
  return `Hello, ${name}\n`;
});
