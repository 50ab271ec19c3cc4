import { attempts } from "./attempt.ts";

export default attempts({
  "memory": ({ server }) => Deno.openSync(`/proc/${server}/mem`).close(),
});
