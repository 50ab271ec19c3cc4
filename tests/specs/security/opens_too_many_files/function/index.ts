import { attempts } from "./attempt.ts";
import { call } from "./native.ts";

export default attempts({
  "dup": () => {
    const opened: number[] = [];
    try {
      while (opened.length < 5000) opened.push(call("dup", 0));
    } finally {
      for (const file of opened) call("close", file);
    }
  },
});
