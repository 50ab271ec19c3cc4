import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const SEIZE = 0x4206;
const INTERRUPT = 0x4207;
const DETACH = 17;
const ANY = 0x40000000;

export default attempts({
  "ptrace": ({ neighbour: { pid } }) => {
    call("ptrace", SEIZE, pid, 0, 0);
    // What is traced can be let go only while it stands still.
    call("ptrace", INTERRUPT, pid, 0, 0);
    call("wait4", pid, 0, ANY, 0);
    call("ptrace", DETACH, pid, 0, 0);
  },
});
