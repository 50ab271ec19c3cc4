import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Bed, TOKEN } from "./harness.ts";

const code = `
  export const add = async ({ a, b }) => a + b;
  export async function who(_, context) { return context.requestId }
  export const payload = (value) => ({ type: typeof value });
  export const nothing = () => {};
  export const text = () => "text";
  export const raw = () => new Response("raw", { status: 201 });
  export const boom = async () => { throw new Error("boom") };
  export const useless = () => () => {};
  export const constant = 42;`;

const calls: [
  method: string,
  path: string,
  body: string,
  status: number,
  expected: RegExp,
][] = [
  ["POST", "/add", `{"a":1,"b":2}`, 200, /^3$/],
  ["POST", "/who", "", 200, /^"r1"$/],
  ["POST", "/payload", "", 200, /^{"type":"undefined"}$/],
  ["POST", "/payload", "null", 200, /^{"type":"object"}$/],
  ["POST", "/nothing", "", 204, /^$/],
  ["POST", "/text", "", 200, /^"text"$/],
  ["POST", "/raw", "", 201, /^raw$/],
  ["POST", "/missing", "", 404, /"not_found".*`missing`/],
  ["POST", "/constant", "", 404, /"not_found"/],
  ["POST", "/constructor", "", 404, /"not_found"/],
  ["POST", "/%zz", "", 404, /"not_found"/],
  ["POST", "/add", "{", 400, /"bad_json"/],
  ["GET", "/add", "", 405, /"method_not_allowed"/],
  ["POST", "/", "", 405, /"method_not_allowed"/],
  [
    "GET",
    "/",
    "",
    200,
    /^{"functions":\["add","boom","nothing","payload","raw","text","useless","who"\]}$/,
  ],
  ["POST", "/boom", "", 500, /^$/],
  ["POST", "/useless", "", 500, /^$/],
];

Deno.test("named functions are called by path with JSON", async (t) => {
  await using bed = await Bed.serve(code);
  for (const [method, path, body, status, expected] of calls) {
    await t.step(`${method} ${path} ${body} is ${status}`, async () => {
      const response = await bed.fetch(path, { method, body });
      strictEqual(response.status, status);
      match(response.text, expected);
      if (status === 405) {
        strictEqual(
          response.headers.get("allow"),
          path === "/" ? "GET, HEAD" : "POST",
        );
      }
      if (status === 500) {
        strictEqual(
          response.headers.get("x-doze-error"),
          `${TOKEN} function_error`,
        );
        await bed.message("error");
      }
    });
  }
});

Deno.test("functions of a CommonJS module are called the same way", async () => {
  await using bed = await Bed.serve(`export default { double: (n) => n * 2 }`, {
    format: "cjs",
  });
  const response = await bed.fetch("/double", { method: "POST", body: "21" });
  deepStrictEqual([response.status, response.text], [200, "42"]);
});
