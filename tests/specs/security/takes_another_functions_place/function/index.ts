import { attempts } from "./attempt.ts";

const { NotFound, ConnectionRefused } = Deno.errors;

export default attempts({
  "connect": async ({ run }) => {
    // The next process is prepared a moment after the last one has started.
    for (let look = 0; look < 500; look++) {
      for (const { name, isDirectory } of Deno.readDirSync(run)) {
        if (isDirectory && await connects(`${run}/${name}/control.sock`)) {
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("there is none");
  },
});

async function connects(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    // Its process has connected meanwhile.
    if (error instanceof NotFound || error instanceof ConnectionRefused) {
      return false;
    }
    throw error;
  }
}
