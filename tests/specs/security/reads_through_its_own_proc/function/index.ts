import { attempts } from "./attempt.ts";

const PATH = "/etc/passwd";

export default attempts({
  "root": () => Deno.readTextFile(`/proc/self/root${PATH}`),
  // Further up than any folder lies.
  "cwd": () => Deno.readTextFile(`/proc/self/cwd${"/..".repeat(20)}${PATH}`),
});
