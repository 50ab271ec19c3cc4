import { attempts, node } from "./attempt.ts";
import { call } from "./native.ts";

const NETLINK = 16;
const RAW = 3;

export default attempts({
  "netlink": () => call("close", call("socket", NETLINK, RAW, 0)),
  "node:os": () => {
    if (Object.keys(node("os").networkInterfaces()).length === 0) {
      throw new Error("none");
    }
  },
});
