import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const CORE = 4;

export default attempts({
  "prlimit": ({ server }) => {
    const limits = new Uint8Array(16);
    call("prlimit64", server, CORE, 0, limits);
    call("prlimit64", server, CORE, limits, 0);
  },
});
