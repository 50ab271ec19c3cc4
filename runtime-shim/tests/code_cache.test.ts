import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Assignment, Bed, bundle } from "./harness.ts";

/** A process as the server keeps it: what a large bundle needs is loaded. */
async function spare(): Promise<Bed> {
  const bed = await Bed.boot();
  const warm = { headers: { "x-doze-warm": "vm" } };
  strictEqual((await bed.fetch("/", warm)).status, 204);
  return bed;
}

/** What V8 makes of the code, and what the process that made it answers. */
async function made(code: string, path = "/", assignment?: Assignment) {
  await using bed = await spare();
  await bed.assign(code, { ...assignment, makeCache: true });
  const { bytes } = await bed.message("compiled");
  strictEqual((await bed.message("started")).cache, undefined);
  return { cache: bytes as Uint8Array, answer: (await bed.fetch(path)).text };
}

async function used(
  code: string,
  cache: Uint8Array,
  path = "/",
  assignment?: Assignment,
) {
  await using bed = await spare();
  await bed.assign(code, { ...assignment, cache });
  const { cache: use } = await bed.message("started");
  return { use, answer: (await bed.fetch(path)).text };
}

const forms: [entry: string, path: string, expected: string][] = [
  ["create_handler.ts", "/", "Hello, world"],
  ["router.ts", "/items/a%20b", `{"id":"a b","request":"r1"}`],
  ["top_level_await.ts", "/", "waited"],
  ["module.ts", "/", `["undefined","TypeError","undefined"]`],
  ["dynamic_import.ts", "/", `["path",7,"nope"]`],
  ["hono.ts", "/", "Hello Hono"],
  ["express_module.ts", "/", "Hello module"],
];

for (const [entry, path, expected] of forms) {
  Deno.test(`${entry} is the same with a code cache, made and used`, async () => {
    const code = await bundle(entry);
    const { cache, answer } = await made(code, path);
    strictEqual(answer, expected);
    deepStrictEqual(await used(code, cache, path), { use: "used", answer });
  });
}

Deno.test("what has to be a module does without a code cache", async () => {
  for (const entry of ["built_ins.ts", "import_meta.ts"]) {
    const code = await bundle(entry);
    const { cache, answer } = await made(code);
    strictEqual(cache, undefined);
    ok(answer.startsWith("["), answer);
  }
});

Deno.test("names of a CommonJS bundle and its require are its own", async () => {
  const code =
    `import{createRequire as c}from"node:module";const require=c(import.meta.url);
const path = require("node:path");
export default () => path.basename(require.resolve("node:fs"));
`;
  const { cache, answer } = await made(code);
  strictEqual(answer, "node:fs");
  deepStrictEqual(await used(code, cache), { use: "used", answer });
});

const FIRST_LINE =
  `const __dozeMeta=import.meta;import { Buffer } from "node:buffer"; import path, { join as j } from "path"; import * as util from "node:util"; import "node:os"; `;

Deno.test("built-ins and import.meta on the first line are a function's own", async () => {
  const code = `${FIRST_LINE}
let outcome;
try { path = 1 } catch (error) { outcome = error.name }
const handler = () => [
  Buffer.from("doze").toString("hex"), j === path.join, util.default === undefined,
  Object.prototype.toString.call(util), outcome, __dozeMeta.url, __dozeMeta.dirname,
];
export {
  handler as default
};
`;
  const expected =
    `["646f7a65",true,false,"[object Module]","TypeError","file:///hello/index.js","/hello"]`;
  const { cache, answer } = await made(code);
  strictEqual(answer, expected);
  deepStrictEqual(await used(code, cache), { use: "used", answer: expected });
  await using small = await Bed.serve(code);
  strictEqual((await small.fetch("/")).text, expected);
});

Deno.test("an import of what a built-in does not have is the same error in each form", async () => {
  const code =
    `import { nope } from "node:path"; \nexport default () => nope;\n`;
  const messages: string[] = [];
  for (const makeCache of [false, true]) {
    await using bed = await spare();
    await bed.assign(code, { makeCache });
    messages.push((await bed.message("failed")).message);
  }
  strictEqual(messages[0], messages[1]);
  ok(messages[0].includes("nope"), messages[0]);
});

const THROWS = `const at = () => new Error("x").stack;
const stack = at(); function later() { return at() }
export default () => stack.split("\\n")[1] + later().split("\\n")[2];
`;

Deno.test("stacks have the lines and columns of the bundle, with a code cache and without", async () => {
  const { cache, answer } = await made(THROWS);
  ok(answer.includes("hello/index.js:1:18"), answer);
  ok(answer.includes("hello/index.js:2:47"), answer);
  deepStrictEqual(await used(THROWS, cache), { use: "used", answer });
});

Deno.test("V8 makes its cache before anything of the code runs", async () => {
  await using bed = await spare();
  const code =
    `Deno.UnixConn.prototype.write = undefined; throw new Error("ran");
export default 1;
`;
  await bed.assign(code, { makeCache: true });
  const { bytes } = await bed.message("compiled");
  ok(bytes.length > 0);
});

Deno.test("a code cache of other code or of another V8 is told, and the code runs", async () => {
  const code = `export default () => "right";\n`;
  const { cache } = await made(code);
  const other = await made(`export default () => "another one";\n`);
  const foreign = cache.slice();
  // The header's second word says which V8 made it.
  foreign[4] ^= 1;
  const rejected = { use: "rejected", answer: "right" };
  deepStrictEqual(await used(code, foreign), rejected);
  deepStrictEqual(await used(code, other.cache), rejected);
  deepStrictEqual(await used(code, cache.slice(0, 100)), rejected);
});

Deno.test("a process that has not loaded what a code cache needs starts without", async () => {
  await using bed = await Bed.boot();
  await bed.assign(`export default () => "right";\n`, { makeCache: true });
  strictEqual((await bed.message("compiled")).cache, 0);
  strictEqual((await bed.message("started")).cache, undefined);
  strictEqual((await bed.fetch("/")).text, "right");
});
