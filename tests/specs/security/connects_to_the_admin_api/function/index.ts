import { attempts, node, type Surroundings } from "./attempt.ts";

const connect = (hostname: string) => async ({ admin }: Surroundings) =>
  (await Deno.connect({ hostname, port: admin })).close();

export default attempts({
  "127.0.0.1": connect("127.0.0.1"),
  "0.0.0.0": connect("0.0.0.0"),
  "localhost": connect("localhost"),
  "fetch": async ({ admin }) =>
    await (await fetch(`http://127.0.0.1:${admin}/api/secrets`)).text(),
  "node:net": ({ admin }) =>
    new Promise((done, failed) => {
      const socket = node("net").connect(admin, "127.0.0.1");
      socket.on("error", failed).on("connect", () => done(socket.destroy()));
    }),
});
