import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Assignment, Bed, bundle } from "./harness.ts";

const cjs: Assignment = { format: "cjs" };

/** What esbuild makes of a CommonJS entry. */
const commonJs = (body: string) =>
  `const module = { exports: {} }; let exports = module.exports;\n${body}\nexport default module.exports;`;

const forms: [name: string, code: string, expected: string, as?: Assignment][] =
  [
    ["a default function", `export default () => "hi"`, "hi"],
    [
      "a default async function with both parameters",
      `export default async (request, context) => request.method + context.requestId`,
      "GETr1",
    ],
    [
      "an object with fetch, called as its method",
      `export default { word: "hi", fetch(request) { return new Response(this.word + new URL(request.url).pathname) } }`,
      "hi/p",
    ],
    [
      "an instance of a class with fetch",
      `class App { #word = "hi"; fetch() { return this.#word } } export default new App()`,
      "hi",
    ],
    [
      "a function that has fetch",
      `const app = () => "wrong"; app.fetch = () => "right"; export default app`,
      "right",
    ],
    [
      "a named export beside the default one is no handler",
      `export const other = () => 1; export default () => "default"`,
      "default",
    ],
    [
      "CommonJS in Node's style",
      commonJs(
        `module.exports = (req, res) => { res.end(req.method + " " + req.url) }`,
      ),
      "GET /p?q=1",
      cjs,
    ],
    [
      "CommonJS with one parameter takes a web request",
      commonJs(`module.exports = (request) => request.method`),
      "GET",
      cjs,
    ],
    [
      "CommonJS with fetch",
      commonJs(`module.exports = { fetch: () => new Response("hi") }`),
      "hi",
      cjs,
    ],
    [
      "CommonJS made from an ES module",
      commonJs(
        `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = (request, context) => context.function`,
      ),
      "hello",
      cjs,
    ],
  ];

for (const [name, code, expected, assignment] of forms) {
  Deno.test(`form: ${name}`, async () => {
    await using bed = await Bed.serve(code, assignment);
    const response = await bed.fetch("/p?q=1");
    deepStrictEqual([response.status, response.text], [200, expected]);
  });
}

const bundled: [entry: string, path: string, expected: string][] = [
  ["create_handler.ts", "/", "Hello, world"],
  ["router.ts", "/items/a%20b", `{"id":"a b","request":"r1"}`],
  ["top_level_await.ts", "/", "waited"],
  ["module.ts", "/", `["undefined","TypeError","undefined"]`],
  ["built_ins.ts", "/", `["646f7a65",true,"x",32]`],
  ["hono.ts", "/", "Hello Hono"],
  ["hono.ts", "/users/7", `{"id":"7","env":"object"}`],
  ["express_module.ts", "/", "Hello module"],
];

for (const [entry, path, expected] of bundled) {
  Deno.test(`bundle: ${entry} answers ${path}`, async () => {
    await using bed = await Bed.serve(await bundle(entry));
    const response = await bed.fetch(path);
    deepStrictEqual([response.status, response.text], [200, expected]);
  });
}

Deno.test("createHandler makes a web handler of two parameters in CommonJS", async () => {
  await using bed = await Bed.serve(await bundle("create_handler.cjs"), cjs);
  strictEqual((await bed.fetch("/")).text, "GET hello");
});

Deno.test("Hono's waitUntil reaches the log", async () => {
  await using bed = await Bed.serve(await bundle("hono.ts"));
  const response = await bed.fetch("/later", { method: "POST", body: "" });
  strictEqual(response.status, 202);
  const { request, message } = await bed.message("error");
  deepStrictEqual([request, message], ["r1", "later"]);
});
