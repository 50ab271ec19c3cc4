import { attempts } from "./attempt.ts";

export default attempts({
  "list": ({ data }) => [...Deno.readDirSync(`${data}/deno`)],
});
