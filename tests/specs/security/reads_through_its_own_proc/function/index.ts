import { attempts } from "./attempt.ts";

export default attempts({
  "root": () => Deno.readTextFile("/proc/self/root/etc/passwd"),
  // Further up than any folder lies.
  "cwd": () =>
    Deno.readTextFile(`/proc/self/cwd/${"../".repeat(20)}etc/passwd`),
});
