import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const SIZE = 10;

export default attempts({
  "syslog": () => call("syslog", SIZE, 0, 0),
});
