import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const CONTINUE = 18;

export default attempts({
  "Deno": ({ server }) => Deno.kill(server, "SIGCONT"),
  "node:process": ({ server }) => process.kill(server, "SIGCONT"),
  "tgkill": ({ server }) => call("tgkill", server, server, CONTINUE),
});
