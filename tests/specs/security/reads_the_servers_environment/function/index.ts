import { attempts } from "./attempt.ts";

export default attempts({
  "variables": ({ server }) => Deno.readTextFile(`/proc/${server}/environ`),
  "map": ({ server }) => {
    if (Deno.readTextFileSync(`/proc/${server}/maps`) === "") {
      throw new Error("it is empty");
    }
  },
});
