import { attempts } from "./attempt.ts";

export default attempts({
  "connect": async ({ run }) => {
    for (const { name, isDirectory } of Deno.readDirSync(run)) {
      if (!isDirectory) continue;
      const path = `${run}/${name}/control.sock`;
      try {
        (await Deno.connect({ transport: "unix", path })).close();
        return;
      } catch (error) {
        // Its process has connected meanwhile.
        const { NotFound, ConnectionRefused } = Deno.errors;
        if (
          !(error instanceof NotFound || error instanceof ConnectionRefused)
        ) throw error;
      }
    }
    throw new Error("there is none");
  },
});
