import { attempts } from "./attempt.ts";

export default attempts({
  "read": ({ secret }) => {
    Deno.linkSync(secret, "scratch/hard");
    Deno.readTextFileSync("scratch/hard");
  },
});
