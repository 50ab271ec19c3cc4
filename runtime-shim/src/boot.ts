/**
 * What runs inside every instance. The life of the process:
 *
 * 1. Connect to the server, and serve on a socket of our own meanwhile.
 * 2. Learn the token that every request must carry, then say `ready`. From here
 *    on the process may be a spare for hours: it holds requests until it has a
 *    function.
 * 3. `assign` brings a function: evaluate it, answer what was held.
 * 4. `stop`, or the end of the control channel, ends the process.
 *
 * Loading any `node:` module costs as much as booting Deno, so nothing on the
 * way to `ready`, and nothing a small function needs, may touch one.
 */
import { printRecords, requestNow } from "./console.ts";
import { Control } from "./control.ts";
import { Instance } from "./instance.ts";
import { exit } from "./intrinsics.ts";
import { Gatekeeper } from "./token.ts";

const directory = Deno.args[0];
if (directory === undefined) throw new Error("usage: boot.js DIRECTORY");

printRecords();
const control = new Control(`${directory}/control.sock`);
const gatekeeper = new Gatekeeper();
const instance = new Instance(control, gatekeeper);

// A timer that throws or a promise that nobody handles is one record in the
// log; it must not end the process under the other requests.
addEventListener("error", (event) => {
  event.preventDefault();
  instance.report(requestNow() || null, event.error ?? event.message);
});
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  instance.report(requestNow() || null, event.reason);
});

Deno.serve({
  path: `${directory}/http.sock`,
  onListen() {},
  onError: (thrown) => instance.failed(null, thrown),
}, instance.receive);

const first = await control.receive();
if (first?.op !== "boot") exit(0);
gatekeeper.expect(first.token);
control.send({ op: "ready" });
// The settings that the server gave Deno, and what Deno adds itself, are not
// for the function to see. The server's answer takes longer than this.
for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);

for (;;) {
  const message = await control.receive();
  // The server is gone, and with it everybody who could send us requests.
  if (message === null) exit(0);
  switch (message.op) {
    case "assign":
      // Not awaited: a top-level await in the function must not keep `check`
      // and `stop` from being heard.
      void instance.assign(message);
      break;
    case "check":
      instance.check(message.request);
      break;
    case "stop":
      void instance.stop(message.graceMs);
      break;
  }
}
