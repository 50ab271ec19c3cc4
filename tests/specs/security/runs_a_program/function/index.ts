import { attempts, node } from "./attempt.ts";

const PROGRAM = "/bin/true";

export default attempts({
  "Deno": () => new Deno.Command(PROGRAM).outputSync(),
  "execFileSync": () => node("child_process").execFileSync(PROGRAM),
  "execSync": () => node("child_process").execSync("true"),
  "spawn": () =>
    new Promise((done, failed) =>
      node("child_process").spawn(PROGRAM).on("error", failed).on("exit", done)
    ),
});
