import { attempts } from "./attempt.ts";

export default attempts({
  "variables": ({ neighbour }) =>
    Deno.readTextFile(`/proc/${neighbour.pid}/environ`),
  "map": ({ neighbour }) => Deno.readTextFile(`/proc/${neighbour.pid}/maps`),
});
