import { attempts } from "./attempt.ts";

export default attempts({
  "passwords": () => Deno.readTextFile("/etc/shadow"),
});
