import { attempts, type Surroundings } from "./attempt.ts";

const connect = (hostname: string) => async ({ admin }: Surroundings) =>
  (await Deno.connect({ hostname, port: admin })).close();

export default attempts({
  "127.1": connect("127.1"),
  "0x7f.1": connect("0x7f.1"),
  "2130706433": connect("2130706433"),
  "017700000001": connect("017700000001"),
  "::ffff:127.0.0.1": connect("::ffff:127.0.0.1"),
  "::ffff:7f00:1": connect("::ffff:7f00:1"),
});
