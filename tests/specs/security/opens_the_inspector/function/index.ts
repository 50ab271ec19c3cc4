import { attempts, node } from "./attempt.ts";

export default attempts({
  "node:inspector": () => {
    node("inspector").open(0, "127.0.0.1");
    const url = node("inspector").url();
    node("inspector").close();
    if (url === undefined) throw new Error("it is closed");
  },
});
