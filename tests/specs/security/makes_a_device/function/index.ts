import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const CHARACTER_DEVICE = 0o020600;
const MEMORY = (1 << 8) | 1;

export default attempts({
  "the machine's memory": () => {
    const path = `${Deno.args[0]}/memory`;
    call("mknod", path, CHARACTER_DEVICE, MEMORY);
    call("unlink", path);
  },
});
