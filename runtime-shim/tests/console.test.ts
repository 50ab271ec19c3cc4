import { match, ok, strictEqual } from "node:assert/strict";
import { Bed } from "./harness.ts";

/** What the process has printed as one record. */
const record = (level: string, request: string, text: string) =>
  `\x1e${level}${request}\x1f${text}\n`;

const says: [code: string, level: string, text: string][] = [
  [`console.debug("a", 1)`, "D", "a 1"],
  [`console.log("a %s", "b")`, "I", "a b"],
  [`console.info({ a: 1 })`, "I", "{ a: 1 }"],
  [`console.warn("a")`, "W", "a"],
  [`console.error("a")`, "E", "a"],
  [`console.assert(false, "a")`, "E", "Assertion failed: a"],
  [`console.log("a\\nb\\n")`, "I", "a\x1fb\x1f"],
  [`console.log()`, "I", ""],
  [
    `console.group("a"); console.log("b\\nc"); console.groupEnd()`,
    "I",
    "  b\x1f  c",
  ],
];

Deno.test("what console says is one line with its level and its request", async (t) => {
  for (const [code, level, text] of says) {
    await t.step(code, async () => {
      await using bed = await Bed.serve(
        `export default () => { ${code}; return "fine" }`,
      );
      strictEqual((await bed.fetch("/")).text, "fine");
      await bed.printed(record(level, "r1", text));
    });
  }
});

Deno.test("console.trace is one record with the stack", async () => {
  await using bed = await Bed.serve(
    `export default () => { console.trace("here"); console.log("after"); return "" }`,
  );
  await bed.fetch("/");
  await bed.printed(record("I", "r1", "after"));
  const [trace, after] = bed.output.split("\n");
  ok(trace.startsWith("\x1eTr1\x1fTrace: here\x1f    at "), trace);
  match(trace, /index\.js:1:/);
  strictEqual(after + "\n", record("I", "r1", "after"));
});

Deno.test("console.clear says nothing", async () => {
  await using bed = await Bed.serve(
    `export default () => { console.clear(); console.log("after"); return "" }`,
  );
  await bed.fetch("/");
  await bed.printed("after");
  strictEqual(bed.output, record("I", "r1", "after"));
});

Deno.test("each record has the request that it was said in, whatever it awaited", async () => {
  await using bed = await Bed.serve(`
    console.log("at the top");
    const sleep = () => new Promise((done) => setTimeout(done, 20));
    export default async (request) => {
      const { pathname } = new URL(request.url);
      await sleep();
      await Promise.all([sleep(), request.text()]);
      console.log("awaited", pathname);
      queueMicrotask(() => console.log("later", pathname));
      return "";
    }`);
  const ids = ["first", "second", "third"];
  await Promise.all(
    ids.map((id) => bed.fetch(`/${id}`, { headers: { "x-request-id": id } })),
  );
  await bed.printed(record("I", "", "at the top"));
  for (const id of ids) {
    await bed.printed(record("I", id, `awaited /${id}`));
    await bed.printed(record("I", id, `later /${id}`));
  }
});

Deno.test("what is said between requests has no request", async () => {
  await using bed = await Bed.serve(`
    let said = 0;
    setInterval(() => console.log("tick", said++), 5);
    export default () => "fine"`);
  await bed.fetch("/");
  await bed.printed("tick 3");
  ok(bed.output.startsWith(record("I", "", "tick 0")), bed.output);
  strictEqual(bed.output.includes("\x1eIr1"), false, bed.output);
});

Deno.test("AsyncLocalStorage works beside it", async () => {
  await using bed = await Bed.serve(`
    import { AsyncLocalStorage } from "node:async_hooks";
    const store = new AsyncLocalStorage();
    const show = async () => {
      await null;
      console.log("store", store.getStore());
    };
    export default async () => {
      await store.run("mine", show);
      await show();
      return "";
    }`);
  await bed.fetch("/");
  await bed.printed(record("I", "r1", "store mine"));
  await bed.printed(record("I", "r1", "store undefined"));
});

Deno.test("node:console and a console kept by the function say records too", async () => {
  await using bed = await Bed.serve(`
    import node from "node:console";
    const { warn } = console;
    export default () => {
      node.log("through node");
      warn("kept");
      return "";
    }`);
  await bed.fetch("/");
  await bed.printed(record("I", "r1", "through node"));
  await bed.printed(record("W", "r1", "kept"));
});

Deno.test("what is written past console stays as it is", async () => {
  await using bed = await Bed.serve(`
    export default async () => {
      await Deno.stdout.write(new TextEncoder().encode("plain\\n"));
      return "";
    }`);
  await bed.fetch("/");
  await bed.printed("plain\n");
  strictEqual(bed.output, "plain\n");
});
