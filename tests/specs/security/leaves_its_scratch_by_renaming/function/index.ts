import { attempts } from "./attempt.ts";

export default attempts({
  "out": ({ open }) => {
    Deno.writeTextFileSync("scratch/mine", "here");
    Deno.renameSync("scratch/mine", `${open}/renamed`);
  },
});
