import { attempts } from "./attempt.ts";
import { ask, call } from "./native.ts";

const KEY = 0x646f7a65;
const MAKE = 0o1666;
const REMOVE = 0;

export default attempts({
  "queue": () => {
    const found = ask("msgget", KEY, 0);
    if (found >= 0) return call("msgctl", found, REMOVE, 0);
    call("msgget", KEY, MAKE);
    throw new Error("there was none");
  },
});
