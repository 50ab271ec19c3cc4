import { attempts } from "./attempt.ts";

export default attempts({
  "read": ({ secret }) => {
    Deno.symlinkSync(secret, "scratch/read");
    Deno.readTextFileSync("scratch/read");
  },
  "write": ({ open }) => {
    Deno.symlinkSync(open, "scratch/write");
    Deno.writeTextFileSync("scratch/write/by-link", "here");
  },
});
