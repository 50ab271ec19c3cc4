import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

export default attempts({
  "settimeofday": () => call("settimeofday", 0, 0),
});
