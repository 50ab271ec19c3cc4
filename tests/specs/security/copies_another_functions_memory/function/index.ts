import { attempts } from "./attempt.ts";
import { address, ask, struct } from "./native.ts";

export default attempts({
  "process_vm_readv": ({ neighbour }) => {
    const into = new Uint8Array(8);
    const local = struct(16, (view) => {
      view.setBigUint64(0, address(into), true);
      view.setBigUint64(8, 8n, true);
    });
    // Nothing is there, but one is told so only after one was let in.
    const nowhere = struct(16, (view) => {
      view.setBigUint64(0, 1n << 12n, true);
      view.setBigUint64(8, 8n, true);
    });
    const BAD_ADDRESS = -14;
    const result = ask(
      "process_vm_readv",
      neighbour.pid,
      local,
      1,
      nowhere,
      1,
      0,
    );
    if (result !== BAD_ADDRESS) throw new Error(`error ${-result}`);
  },
});
