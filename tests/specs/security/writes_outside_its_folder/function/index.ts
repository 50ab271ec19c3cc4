import { attempts, node } from "./attempt.ts";

export default attempts({
  "Deno": ({ open }) => Deno.writeTextFile(`${open}/deno`, "here"),
  "node:fs": ({ open }) => node("fs").writeFileSync(`${open}/node`, "here"),
  "SQLite": ({ open }) =>
    new (node("sqlite").DatabaseSync)(":memory:")
      .exec(
        `ATTACH '${open}/base' AS other; CREATE TABLE IF NOT EXISTS other.t (a)`,
      ),
  "a heap snapshot": ({ open }) => node("v8").writeHeapSnapshot(`${open}/heap`),
  "shared memory": () => {
    Deno.writeTextFileSync("/dev/shm/doze-test", "here");
    Deno.removeSync("/dev/shm/doze-test");
  },
});
