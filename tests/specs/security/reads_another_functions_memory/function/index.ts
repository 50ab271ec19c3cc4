import { attempts } from "./attempt.ts";

export default attempts({
  "memory": ({ neighbour }) =>
    Deno.openSync(`/proc/${neighbour.pid}/mem`).close(),
});
