import { attempts, node } from "./attempt.ts";

const PATH = "/etc/passwd";

export default attempts({
  "Deno": () => Deno.readTextFile(PATH),
  "node:fs": () => node("fs").readFileSync(PATH),
  "fetch": async () => await (await fetch(`file://${PATH}`)).text(),
  "up from its folder": () =>
    Deno.readTextFile(`${Deno.args[0]}${"/..".repeat(20)}${PATH}`),
});
