import { attempts } from "./attempt.ts";

export default attempts({
  "Deno": async ({ neighbour }) =>
    (await Deno.connect({
      transport: "unix",
      path: `${neighbour.folder}/http.sock`,
    })).close(),
});
