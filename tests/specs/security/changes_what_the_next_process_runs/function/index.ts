import { attempts } from "./attempt.ts";

export default attempts({
  "write": ({ run }) => {
    let written = 0;
    for (const { name, isDirectory } of Deno.readDirSync(run)) {
      const folder = `${run}/${name}`;
      if (!isDirectory || folder === Deno.args[0]) continue;
      try {
        Deno.writeTextFileSync(`${folder}/deno/left`, "here");
        written += 1;
      } catch (error) {
        // Others come and go.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    if (written === 0) throw new Error("nobody else is there");
  },
});
