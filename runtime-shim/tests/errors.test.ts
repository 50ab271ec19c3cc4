import {
  deepStrictEqual,
  doesNotMatch,
  match,
  strictEqual,
} from "node:assert/strict";
import { Bed, bundle, TOKEN } from "./harness.ts";

const thrown: [what: string, code: string, message: RegExp, stack: RegExp][] = [
  [
    "throws",
    `throw new TypeError("boom")`,
    /^TypeError: boom$/,
    /doze:\/\/\/hello\/index\.js:1:\d+/,
  ],
  [
    "rejects",
    `return Promise.reject(new Error("boom"))`,
    /^boom$/,
    /Error: boom/,
  ],
  [
    "rejects after a while",
    `return new Promise((_, no) => setTimeout(() => no(new Error("boom"))))`,
    /^boom$/,
    /./,
  ],
  [
    "throws with a cause",
    `throw new Error("outer", { cause: new Error("inner") })`,
    /^outer$/,
    /outer[^]*Caused by: Error: inner/,
  ],
  [
    "throws a cause that is itself",
    `const e = new Error("me"); e.cause = e; throw e`,
    /^me$/,
    /me/,
  ],
  [
    "throws several",
    `throw new AggregateError([new Error("one"), new Error("two")], "both")`,
    /both/,
    /One of: Error: one[^]*One of: Error: two/,
  ],
  ["throws a string", `throw "text"`, /no Error was thrown: "text"/, /text/],
  [
    "throws undefined",
    `throw undefined`,
    /no Error was thrown: undefined/,
    /./,
  ],
  [
    "throws what cannot be read",
    `throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 1 } })`,
    /./,
    /./,
  ],
  [
    "throws an error with bad getters",
    `throw Object.defineProperty(new Error("x"), "stack", { get() { throw 1 } })`,
    /^x$/,
    /./,
  ],
];

Deno.test("whatever a handler throws is a function_error and a record", async (t) => {
  for (const [what, code, message, stack] of thrown) {
    await t.step(what, async () => {
      await using bed = await Bed.serve(
        `export default (request) => { if (request.method !== "GET") return "fine"; ${code} }`,
      );
      const response = await bed.fetch("/");
      deepStrictEqual([response.status, response.text], [500, ""]);
      strictEqual(
        response.headers.get("x-doze-error"),
        `${TOKEN} function_error`,
      );
      const error = await bed.message("error");
      strictEqual(error.request, "r1");
      match(error.message, message);
      match(error.stack, stack);
      doesNotMatch(error.stack, /boot\.js|data:|ext:/);
      const after = await bed.fetch("/", { method: "POST", body: "" });
      strictEqual(after.text, "fine");
    });
  }
});

Deno.test("stacks name the function's module in both ways of loading", async (t) => {
  for (const extra of ["", "import.meta.url;"]) {
    await t.step(extra || "small code", async () => {
      await using bed = await Bed.serve(
        `${extra}\nexport default () => { throw new Error("x") }`,
        { function: "owner/name" },
      );
      await bed.fetch("/");
      match(
        (await bed.message("error")).stack,
        /doze:\/\/\/owner\/name\/index\.js:2:\d+/,
      );
    });
  }
});

const outside: [what: string, code: string, request: string | null][] = [
  ["an unhandled rejection", `Promise.reject(new Error("astray"))`, "r1"],
  // Deno reports it when it has left the timer.
  [
    "a timer that throws",
    `setTimeout(() => { throw new Error("astray") })`,
    null,
  ],
  [
    "a microtask that throws",
    `queueMicrotask(() => { throw new Error("astray") })`,
    "r1",
  ],
];

for (const [what, code, request] of outside) {
  Deno.test(`${what} is a record and does not end the process`, async () => {
    await using bed = await Bed.serve(
      `export default (request) => { if (request.method === "GET") ${code}; return "fine" }`,
    );
    strictEqual((await bed.fetch("/")).text, "fine");
    const error = await bed.message("error");
    deepStrictEqual([error.request, error.message], [request, "astray"]);
    strictEqual((await bed.fetch("/", { method: "HEAD" })).status, 200);
  });
}

const broken: [what: string, code: string, message: RegExp][] = [
  ["throws at its top level", `throw new Error("at the top")`, /^at the top$/],
  [
    "rejects at its top level",
    `await Promise.reject(new Error("at the top"))`,
    /^at the top$/,
  ],
  [
    "exports nothing",
    `export const a = 1`,
    /exports nothing that can be called/,
  ],
  [
    "exports a useless default",
    `export default 42`,
    /exports nothing that can be called/,
  ],
  ["exports null", `export default null`, /exports nothing that can be called/],
  ["is no JavaScript", `export default (`, /Unexpected|SyntaxError|parse/],
  [
    "imports what is not there",
    `import x from "left-pad"; export default x`,
    /cannot import "left-pad"/,
  ],
  [
    "imports a URL",
    `import x from "https://example.com/x.js"; export default x`,
    /cannot import/,
  ],
];

Deno.test("a function that cannot start is reported, and what waits is answered", async (t) => {
  for (const [what, code, message] of broken) {
    await t.step(what, async () => {
      await using bed = await Bed.boot();
      const held = await bed.open("/");
      await bed.assign(code);
      match((await bed.message("failed")).message, message);
      for (const response of [await held.response(), await bed.fetch("/")]) {
        strictEqual(response.status, 500);
        strictEqual(
          response.headers.get("x-doze-error"),
          `${TOKEN} start_failed`,
        );
      }
      strictEqual(bed.hasMessage("started"), false);
    });
  }
});

Deno.test("a dynamic import of what is not bundled says what to do", async () => {
  await using bed = await Bed.serve(
    `export default async () => { const name = "left-pad"; await import(name) }`,
  );
  await bed.fetch("/");
  match(
    (await bed.message("error")).message,
    /cannot import "left-pad".*bundled/,
  );
});

Deno.test("a function that ends the process ends it", async () => {
  await using bed = await Bed.serve(`export default () => Deno.exit(3)`);
  const client = await bed.open("/");
  strictEqual(await bed.exit(), 3);
  client.close();
});

Deno.test("a function that replaces globals spoils no report", async () => {
  await using bed = await Bed.serve(`
    JSON.stringify = JSON.parse = Deno.inspect = Deno.exit = performance.now = Promise.prototype.then = () => { throw new Error("replaced") };
    for (const name of ["Response", "Request", "Headers", "URL", "Promise", "Error", "Set", "TextEncoder", "setTimeout"]) globalThis[name] = undefined;
    export default async (request) => { if (request.method === "GET") throw new TypeError("mine"); return "fine" }`);
  const response = await bed.fetch("/");
  strictEqual(response.headers.get("x-doze-error"), `${TOKEN} function_error`);
  strictEqual((await bed.message("error")).message, "TypeError: mine");
  strictEqual(
    (await bed.fetch("/", { method: "POST", body: "" })).text,
    "fine",
  );
});

Deno.test("a frame in a bundle keeps its line although the banner was taken out", async () => {
  const code = await bundle("create_handler.ts");
  const lines = code.split("\n").length;
  await using bed = await Bed.serve(
    `${code}\nthrow_here: setTimeout(() => { throw new Error("x") })`,
  );
  match(
    (await bed.message("error")).stack,
    new RegExp(`index\\.js:${lines + 1}:`),
  );
});
