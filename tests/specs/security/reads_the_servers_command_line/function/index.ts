import { attempts } from "./attempt.ts";

export default attempts({
  "arguments": ({ server }) => Deno.readTextFile(`/proc/${server}/cmdline`),
  "status": ({ server }) => Deno.readTextFile(`/proc/${server}/status`),
});
