import { attempts } from "./attempt.ts";

export default attempts({
  "list": ({ neighbour }) => [...Deno.readDirSync(neighbour.folder)],
  "write": ({ neighbour }) =>
    Deno.writeTextFile(`${neighbour.folder}/left`, "here"),
});
