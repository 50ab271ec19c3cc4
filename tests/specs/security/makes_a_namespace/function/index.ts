import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const NEW_NETWORK = 0x40000000;

export default attempts({
  "unshare": () => call("unshare", NEW_NETWORK),
});
