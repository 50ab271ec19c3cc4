import { attempts } from "./attempt.ts";

const cache = () => `${Deno.args[0]}/deno`;
const prototype = Object.prototype as { left?: string };

export default attempts({
  "in Deno's cache": () => {
    const files = [...Deno.readDirSync(cache())].filter(({ isFile }) => isFile);
    const texts = files.map(({ name }) =>
      Deno.readTextFileSync(`${cache()}/${name}`)
    );
    for (const { name } of files) {
      Deno.writeTextFileSync(`${cache()}/${name}`, "left");
    }
    if (!texts.includes("left")) throw new Error("it is as new");
  },
  "in every object": () => {
    const found = prototype.left;
    prototype.left = "here";
    if (found === undefined) throw new Error("it is as new");
  },
});
