import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Bed, TOKEN } from "./harness.ts";

const text = "text/plain;charset=UTF-8";
const bytes = "application/octet-stream";
const json = "application/json";

const usable: [
  value: string,
  status: number,
  type: string | null,
  body: string,
][] = [
  [`"text"`, 200, text, "text"],
  [`""`, 200, text, ""],
  [`undefined`, 204, null, ""],
  [`null`, 200, json, "null"],
  [`0`, 200, json, "0"],
  [`false`, 200, json, "false"],
  [`[1, "two"]`, 200, json, `[1,"two"]`],
  [`{ a: { b: 1 } }`, 200, json, `{"a":{"b":1}}`],
  [`new Date(0)`, 200, json, `"1970-01-01T00:00:00.000Z"`],
  [`new TextEncoder().encode("bytes")`, 200, bytes, "bytes"],
  [`new TextEncoder().encode("bytes").buffer`, 200, bytes, "bytes"],
  [`new Blob(["blob"], { type: "text/x" })`, 200, "text/x", "blob"],
  [
    `new URLSearchParams({ a: "b" })`,
    200,
    "application/x-www-form-urlencoded;charset=UTF-8",
    "a=b",
  ],
  [`ReadableStream.from([new Uint8Array([65])])`, 200, bytes, "A"],
  [`(async function* () { yield "a"; yield "b" })()`, 200, bytes, "ab"],
  [
    `new Response("own", { status: 418, headers: { "content-type": "x/y" } })`,
    418,
    "x/y",
    "own",
  ],
  [`Promise.resolve("later")`, 200, text, "later"],
  [`{ then: (resolve) => resolve("thenable") }`, 200, text, "thenable"],
  [`Response.redirect("http://other.example/", 303)`, 303, null, ""],
];

Deno.test("every usable value becomes the response that it promises", async (t) => {
  const cases = usable.map(([value]) => `() => (${value})`);
  await using bed = await Bed.serve(
    `const cases = [${cases}]; export default (request) => cases[new URL(request.url).searchParams.get("n")]()`,
  );
  for (const [n, [value, status, type, body]] of usable.entries()) {
    await t.step(value, async () => {
      const got = await bed.fetch(`/?n=${n}`);
      deepStrictEqual(
        [got.status, got.headers.get("content-type"), got.text, got.complete],
        [status, type, body, true],
      );
    });
  }
});

const unusable: [value: string, message: RegExp][] = [
  [`() => 1`, /returned \[Function.*cannot be a response/],
  [`Symbol("s")`, /returned Symbol\(s\)/],
  [`10n`, /no JSON/],
  [`{ big: 10n }`, /no JSON/],
  [`(() => { const a = {}; a.a = a; return a })()`, /no JSON/],
  [`new Error("returned")`, /returned an Error; throw it instead/],
  [`Response.error()`, /`Response.error\(\)`/],
  [`used`, /already read/],
  [`Object.create(Response.prototype)`, /./],
  [`{ get then() { throw new Error("mine") } }`, /mine/],
  [`{ toJSON() { throw new Error("mine") } }`, /no JSON/],
];

Deno.test("every unusable value is a function_error and says why", async (t) => {
  const cases = unusable.map(([value]) => `() => (${value})`);
  await using bed = await Bed.serve(
    `const used = new Response("x"); await used.text();
     const cases = [${cases}]; export default (request) => cases[new URL(request.url).searchParams.get("n")]()`,
  );
  for (const [n, [value, message]] of unusable.entries()) {
    await t.step(value, async () => {
      const response = await bed.fetch(`/?n=${n}`);
      strictEqual(response.status, 500);
      strictEqual(
        response.headers.get("x-doze-error"),
        `${TOKEN} function_error`,
      );
      const error = await bed.message("error");
      strictEqual(error.request, "r1");
      match(error.message, message);
    });
  }
});

Deno.test("FormData is sent with its boundary", async () => {
  await using bed = await Bed.serve(
    `export default () => { const f = new FormData(); f.set("a", "b"); return f }`,
  );
  const response = await bed.fetch("/");
  match(
    response.headers.get("content-type") ?? "",
    /^multipart\/form-data; boundary=/,
  );
  match(response.text, /name="a"/);
});

Deno.test("HEAD has the head of GET and no body", async () => {
  await using bed = await Bed.serve(`export default () => "four"`);
  const response = await bed.fetch("/", { method: "HEAD" });
  deepStrictEqual([response.status, response.text], [200, ""]);
  strictEqual(response.headers.get("content-length"), "4");
});
