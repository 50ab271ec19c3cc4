import { attempts } from "./attempt.ts";

export default attempts({
  "redirect": async ({ redirect }) =>
    await (await fetch(`http://${redirect}`)).text(),
});
