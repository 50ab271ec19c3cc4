import { attempts } from "./attempt.ts";

const PATH = "/etc/passwd";

export default attempts({
  "list": ({ server }) => {
    const [first] = [...Deno.readDirSync(`/proc/${server}/fd`)];
    Deno.readLinkSync(`/proc/${server}/fd/${first.name}`);
  },
  "root": ({ server }) => Deno.readTextFile(`/proc/${server}/root${PATH}`),
});
