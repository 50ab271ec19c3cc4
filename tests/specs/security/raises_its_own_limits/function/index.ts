import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

const MESSAGE_QUEUES = 12;

export default attempts({
  "prlimit": () => {
    const limits = new Uint8Array(16);
    const view = new DataView(limits.buffer);
    call("prlimit64", 0, MESSAGE_QUEUES, 0, limits);
    const [soft, hard] = [
      view.getBigUint64(0, true),
      view.getBigUint64(8, true),
    ];
    const set = (value: bigint) => {
      view.setBigUint64(0, soft < value ? soft : value, true);
      view.setBigUint64(8, value, true);
      call("prlimit64", 0, MESSAGE_QUEUES, limits, 0);
    };
    set(hard - 1n);
    set(hard);
  },
});
