import { attempts } from "./attempt.ts";

export default attempts({
  "execPath": () => {
    const again = new Deno.Command(Deno.execPath(), { args: ["--version"] });
    if (!again.outputSync().success) throw new Error("it did not run");
  },
});
