import { attempts } from "./attempt.ts";

export default attempts({
  "list": ({ registry }) => [...Deno.readDirSync(registry)],
  "record": ({ registry }) => Deno.readTextFile(`${registry}/neighbour.json`),
});
