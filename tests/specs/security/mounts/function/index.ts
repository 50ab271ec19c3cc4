import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const DETACH = 2;

export default attempts({
  "over its folder": () => {
    const folder = `${Deno.args[0]}/mount`;
    Deno.mkdirSync(folder);
    call("mount", "none", folder, "tmpfs", 0, 0);
    call("umount2", folder, DETACH);
  },
});
