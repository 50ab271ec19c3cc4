import { attempts } from "./attempt.ts";

export default attempts({
  "full": () => Deno.openSync("/dev/full", { write: true }).close(),
});
