import { attempts } from "./attempt.ts";

export default attempts({
  "Deno": () => Deno.listen({ port: 0 }).close(),
  "Deno, on loopback": () =>
    Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
});
