import { attempts } from "./attempt.ts";

export default attempts({
  "write": ({ registry }) => {
    Deno.writeTextFileSync(`${registry}/.left`, "here");
    Deno.removeSync(`${registry}/.left`);
  },
  "drop": ({ registryIn }) => {
    Deno.writeTextFileSync(`${registryIn}/.left`, "here");
    Deno.removeSync(`${registryIn}/.left`);
  },
});
