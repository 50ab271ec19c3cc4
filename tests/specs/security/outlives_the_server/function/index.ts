import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const SET_DEATH_SIGNAL = 1;

export default attempts({
  "prctl": () => call("prctl", SET_DEATH_SIGNAL, 0),
});
