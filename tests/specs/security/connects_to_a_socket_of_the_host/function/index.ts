import { attempts, node } from "./attempt.ts";

export default attempts({
  "Deno": async ({ socket }) =>
    (await Deno.connect({ transport: "unix", path: socket })).close(),
  "node:net": ({ socket: path }) =>
    new Promise((done, failed) => {
      const socket = node("net").connect({ path });
      socket.on("error", failed).on("connect", () => done(socket.destroy()));
    }),
});
