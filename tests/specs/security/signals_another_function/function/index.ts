import { attempts } from "./attempt.ts";

export default attempts({
  "Deno": ({ neighbour }) => Deno.kill(neighbour.pid, "SIGCONT"),
  "node:process": ({ neighbour }) => process.kill(neighbour.pid, "SIGCONT"),
});
