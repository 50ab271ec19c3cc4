import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

export default attempts({
  "sethostname": ({ host }) => call("sethostname", host, host.length),
});
