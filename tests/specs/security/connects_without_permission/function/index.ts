import { attempts, node } from "./attempt.ts";

export default attempts({
  "Deno": async ({ listener }) =>
    (await Deno.connect({ hostname: "127.0.0.1", port: listener })).close(),
  "fetch": async ({ listener }) =>
    await (await fetch(`http://127.0.0.1:${listener}`)).text(),
  "node:net": ({ listener }) =>
    new Promise((done, failed) => {
      const socket = node("net").connect(listener, "127.0.0.1");
      socket.on("error", failed).on("connect", () => done(socket.destroy()));
    }),
});
