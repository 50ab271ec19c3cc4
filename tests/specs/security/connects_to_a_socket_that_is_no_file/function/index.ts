import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const UNIX = 1;
const STREAM = 1;

export default attempts({
  "abstract": ({ abstract }) => {
    const name = new TextEncoder().encode(`\x01\0\0${abstract}`);
    const socket = call("socket", UNIX, STREAM, 0);
    try {
      call("connect", socket, name, name.length);
    } finally {
      call("close", socket);
    }
  },
});
