import { attempts } from "./attempt.ts";

export default attempts({
  "root": () => Deno.readTextFile("/proc/self/root/etc/passwd"),
  "cwd": () => Deno.readTextFile("/proc/self/cwd/../../../../../../etc/passwd"),
});
