import { attempts } from "./attempt.ts";
import { knock } from "./native.ts";

export default attempts({
  "reboot": () => knock("reboot", 1, 2, 3, 0),
});
