import { attempts, node } from "./attempt.ts";

export default attempts({
  "Deno": () => Deno.listen({ port: 0 }).close(),
  "node:net": () =>
    new Promise<void>((done, failed) => {
      const server = node("net").createServer().on("error", failed);
      server.listen(0, () => done(server.close()));
    }),
});
