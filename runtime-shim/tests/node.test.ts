import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Bed, bundle, TOKEN } from "./harness.ts";

const serve = (listener: string) =>
  Bed.serve(`export default ${listener}`, { format: "cjs" });

Deno.test("status, headers and several cookies come through", async () => {
  await using bed = await serve(`(req, res) => {
    res.setHeader("Set-Cookie", ["a=1", "b=2"]);
    res.writeHead(404, "Gone Fishing", { "X-Own": req.headers["x-own"] });
    res.write("part "); res.end("end");
  }`);
  const response = await bed.fetch("/", { headers: { "x-own": "yes" } });
  deepStrictEqual([response.status, response.text, response.complete], [
    404,
    "part end",
    true,
  ]);
  strictEqual(response.headers.get("x-own"), "yes");
  deepStrictEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("a request body is read as a stream and answered late", async () => {
  await using bed = await serve(`(req, res) => {
    let text = ""; req.setEncoding("utf8");
    req.on("data", (part) => { text += part }).on("end", () => setTimeout(() => res.end(text.toUpperCase() + req.complete)));
  }`);
  const response = await bed.fetch("/", { method: "POST", body: "body ü" });
  strictEqual(response.text, "BODY Ütrue");
});

Deno.test("a body is piped through with back-pressure", async () => {
  await using bed = await serve(`(req, res) => { req.pipe(res) }`);
  const body = "0123456789".repeat(200_000);
  const client = await bed.open("/", {
    method: "POST",
    headers: { "content-length": String(body.length) },
  });
  const [response] = await Promise.all([client.response(), client.write(body)]);
  deepStrictEqual([response.complete, response.text === body], [true, true]);
});

const bodyless: [method: string, status: number][] = [["GET", 204], [
  "GET",
  304,
], ["HEAD", 200]];
for (const [method, status] of bodyless) {
  Deno.test(`${method} with ${status} has no body`, async () => {
    await using bed = await serve(
      `(req, res) => { res.statusCode = ${status}; res.end(${
        status === 200 ? `"text"` : ""
      }) }`,
    );
    const response = await bed.fetch("/", { method });
    deepStrictEqual([response.status, response.text], [status, ""]);
    strictEqual((await bed.fetch("/", { method })).status, status);
  });
}

const failing: [what: string, listener: string][] = [
  ["throws", `(req, res) => { throw new Error("boom") }`],
  ["rejects", `async (req, res) => { await 0; throw new Error("boom") }`],
  ["destroys its response", `(req, res) => { res.destroy(new Error("boom")) }`],
];
for (const [what, listener] of failing) {
  Deno.test(`a listener that ${what} before the head is a function_error`, async () => {
    await using bed = await serve(listener);
    const response = await bed.fetch("/");
    strictEqual(
      response.headers.get("x-doze-error"),
      `${TOKEN} function_error`,
    );
    match((await bed.message("error")).message, /boom/);
  });
}

Deno.test("a listener that destroys its response half way breaks the connection", async () => {
  await using bed = await serve(
    `(req, res) => { res.write("half"); setTimeout(() => res.destroy(), 20) }`,
  );
  const response = await bed.fetch("/");
  deepStrictEqual([response.status, response.complete], [200, false]);
});

Deno.test("the response closes when the client leaves", async () => {
  await using bed = await serve(
    `(req, res) => { res.on("close", () => console.log("closed")); console.log("in") }`,
  );
  const client = await bed.open("/");
  await bed.printed("in");
  client.close();
  await bed.printed("closed");
});

const express: [
  method: string,
  path: string,
  body: string | undefined,
  status: number,
  expected: RegExp,
][] = [
  ["GET", "/", undefined, 200, /^Hello Express$/],
  ["GET", "/items/7?q=x", undefined, 201, /^{"id":"7","q":"x"}$/],
  ["POST", "/echo", `{"a":[1]}`, 200, /^{"a":\[1\]}$/],
  ["POST", "/echo", `{`, 400, /SyntaxError/],
  ["GET", "/missing", undefined, 404, /Cannot GET \/missing/],
  ["GET", "/boom", undefined, 500, /handled by Express/],
];

Deno.test("an Express app works as it is", async (t) => {
  await using bed = await Bed.serve(await bundle("express.cjs"), {
    format: "cjs",
  });
  for (const [method, path, body, status, expected] of express) {
    await t.step(`${method} ${path} is ${status}`, async () => {
      const response = await bed.fetch(path, {
        method,
        body,
        headers: { "content-type": "application/json" },
      });
      deepStrictEqual([response.status, response.complete], [status, true]);
      match(response.text, expected);
      strictEqual(response.headers.get("x-doze-error"), null);
    });
  }
});
