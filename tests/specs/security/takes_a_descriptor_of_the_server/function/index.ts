import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

export default attempts({
  "pidfd_getfd": ({ server }) => {
    const process = call("pidfd_open", server, 0);
    try {
      call("close", call("pidfd_getfd", process, 0, 0));
    } finally {
      call("close", process);
    }
  },
});
