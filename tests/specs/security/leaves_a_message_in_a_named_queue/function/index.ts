import { attempts } from "./attempt.ts";
import { ask, call } from "./native.ts";

/** Without the slash that the C library takes away. */
const NAME = "doze-test";
const READ = 0;
const MAKE = 0o100;

export default attempts({
  "queue": () => {
    if (ask("mq_open", NAME, READ) >= 0) return call("mq_unlink", NAME);
    call("mq_open", NAME, MAKE, 0o666);
    throw new Error("there was none");
  },
});
