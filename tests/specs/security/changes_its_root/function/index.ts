import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

export default attempts({
  "chroot": () => call("chroot", "/"),
});
