import { attempts, node } from "./attempt.ts";

const CODE =
  "this.constructor.constructor('return Deno')().readTextFileSync('/etc/passwd')";

export default attempts({
  "node:vm": () => node("vm").runInNewContext(CODE),
  "Function": () =>
    new Function("return Deno.readTextFileSync('/etc/passwd')")(),
  "indirect eval": () => (0, eval)("Deno.readTextFileSync('/etc/passwd')"),
});
