import { attempts } from "./attempt.ts";

const SCORE = "/proc/self/oom_score_adj";

export default attempts({
  "score": () =>
    Deno.writeTextFile(SCORE, String(Number(Deno.readTextFileSync(SCORE)) - 1)),
});
