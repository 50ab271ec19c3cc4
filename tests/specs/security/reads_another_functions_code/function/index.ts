import { attempts } from "./attempt.ts";

export default attempts({
  "bundle": ({ neighbour }) => Deno.readTextFile(neighbour.bundle),
  "source": ({ registryIn }) =>
    Deno.readTextFile(`${registryIn}/neighbour/index.ts`),
});
