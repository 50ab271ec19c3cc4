import { attempts } from "./attempt.ts";

const told = (text: string) => {
  if (!text.includes("of the neighbour")) throw new Error("it is not there");
};

export default attempts({
  "variables": ({ neighbour }) =>
    told(Deno.readTextFileSync(`/proc/${neighbour.pid}/environ`)),
  "arguments": ({ neighbour }) =>
    told(Deno.readTextFileSync(`/proc/${neighbour.pid}/cmdline`)),
  "files": ({ neighbour }) => {
    for (const { name, isFile } of Deno.readDirSync(neighbour.folder)) {
      if (isFile) told(Deno.readTextFileSync(`${neighbour.folder}/${name}`));
    }
    throw new Error("it is not there");
  },
});
