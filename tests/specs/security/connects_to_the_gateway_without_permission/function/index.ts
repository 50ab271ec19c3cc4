import { attempts } from "./attempt.ts";

export default attempts({
  "fetch": async ({ gateway }) =>
    await (await fetch(`http://127.0.0.1:${gateway}/_/health`)).text(),
});
