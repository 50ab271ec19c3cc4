import { attempts } from "./attempt.ts";

export default attempts({
  "fetch": async ({ admin }) =>
    await (await fetch(`http://127.0.0.1:${admin}/`)).text(),
});
