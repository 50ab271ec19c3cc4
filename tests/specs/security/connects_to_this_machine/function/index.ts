import { attempts, type Surroundings } from "./attempt.ts";

const connect = (hostname: string) => async ({ listener }: Surroundings) =>
  (await Deno.connect({ hostname, port: listener })).close();

export default attempts({
  "127.0.0.1": connect("127.0.0.1"),
  "0.0.0.0": connect("0.0.0.0"),
  "localhost": connect("localhost"),
  "fetch": async ({ listener }) =>
    await (await fetch(`http://127.0.0.1:${listener}`)).text(),
  "gateway": async ({ gateway }) =>
    await (await fetch(`http://127.0.0.1:${gateway}/_/health`)).text(),
});
