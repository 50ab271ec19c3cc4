import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const INTERNET = 2;
const PACKET = 17;
const RAW = 3;

export default attempts({
  "internet": () => call("close", call("socket", INTERNET, RAW, 1)),
  "packets": () => call("close", call("socket", PACKET, RAW, 0)),
});
