import { attempts } from "./attempt.ts";

export default attempts({
  "Deno": () => {
    if (!JSON.stringify(Deno.env.toObject()).includes("of the server")) {
      throw new Error("no");
    }
  },
  "node:process": () => {
    if (!JSON.stringify(process.env).includes("of the server")) {
      throw new Error("no");
    }
  },
  "its own block": () => {
    if (
      !Deno.readTextFileSync("/proc/self/environ").includes("of the server")
    ) throw new Error("no");
  },
});
