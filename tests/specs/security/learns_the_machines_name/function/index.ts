import { attempts, node } from "./attempt.ts";

const isIt = (name: string, host: string) => {
  if (name !== host) throw new Error(name);
};

export default attempts({
  "Deno": ({ host }) => isIt(Deno.hostname(), host),
  "node:os": ({ host }) => isIt(node("os").hostname(), host),
});
