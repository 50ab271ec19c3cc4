import { attempts } from "./attempt.ts";
import { knock } from "./native.ts";

export default attempts({
  "finit_module": () => knock("finit_module", -1, "", 0),
});
