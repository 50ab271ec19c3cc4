import { deepStrictEqual, doesNotMatch, strictEqual } from "node:assert/strict";
import { Bed, TOKEN } from "./harness.ts";

for (const token of ["", "wrong", TOKEN.toUpperCase(), `${TOKEN}, ${TOKEN}`]) {
  Deno.test(`a request with the token "${token}" is refused before the function`, async () => {
    await using bed = await Bed.serve(
      `export default () => { console.log("called"); return "secret" }`,
    );
    const response = await bed.fetch("/", {
      headers: { "x-doze-token": token },
    });
    deepStrictEqual([response.status, response.text], [403, ""]);
    strictEqual((await bed.fetch("/")).text, "secret");
  });
}

Deno.test("a stranger cannot warm or wait on a spare", async () => {
  await using bed = await Bed.boot();
  const headers = { "x-doze-token": "wrong", "x-doze-warm": "1" };
  strictEqual((await bed.fetch("/", { headers })).status, 403);
});

Deno.test("the function finds the token nowhere on its request", async () => {
  await using bed = await Bed.serve(`
    const all = (headers) => [...headers].flat().concat(headers.get("x-doze-token"), headers.get("X-Doze-Token"), headers.has("x-doze-token"));
    export default async (request, context) => {
      const lazily = request.headers.get("x-doze-token");
      const copies = [request.clone(), new Request(request), new Request(request, { method: "PUT" }), new Request("http://a/", request), new Request(request.clone())];
      return [lazily, all(request.headers), ...copies.map((copy) => all(copy.headers)), all(new Headers(request.headers)),
        Deno.inspect(request, { showHidden: true, depth: 20 }), Deno.inspect(context, { showHidden: true, depth: 20 }),
        Deno.inspect(globalThis, { depth: 6 }).includes("${TOKEN}")];
    }`);
  const { status, text } = await bed.fetch("/", {
    headers: { accept: "kept" },
  });
  strictEqual(status, 200);
  doesNotMatch(text, new RegExp(TOKEN));
  const [lazily, first, ...rest] = JSON.parse(text);
  strictEqual(lazily, null);
  for (const headers of [first, ...rest.slice(0, 6)]) {
    strictEqual(headers.includes("x-doze-token"), false);
    strictEqual(headers.includes("kept"), true);
    deepStrictEqual(headers.slice(-3), [null, null, false]);
  }
  strictEqual(rest.at(-1), false);
});

Deno.test("a function that replaces every method on the way catches no token", async () => {
  await using bed = await Bed.serve(`
    const { apply } = Reflect;
    const seen = [];
    const watch = (owner, name) => {
      const native = owner[name];
      owner[name] = function (...args) {
        const result = apply(native, this, args);
        seen[seen.length] = [this, args, result];
        return result;
      };
    };
    for (const name of ["apply", "bind", "call"]) watch(Function.prototype, name);
    for (const name of ["filter", "find", "map", "some"]) watch(Array.prototype, name);
    watch(Headers.prototype, "get");
    watch(Reflect, "apply");
    String.prototype.toLowerCase = () => "another name";
    export default (request) => {
      const [key] = Object.getOwnPropertySymbols(request);
      let asked = 0;
      const changing = { toString: () => asked++ ? "x-doze-token" : "accept" };
      return Deno.inspect([seen, [...request.headers], request.headers.get("x-doze-token"),
        request[key].header(changing)], { depth: 20, iterableLimit: 1e6 });
    }`);
  const { status, text } = await bed.fetch("/");
  strictEqual(status, 200);
  doesNotMatch(text, new RegExp(TOKEN));
});

Deno.test("the shim is not reachable as the handler's this", async () => {
  await using bed = await Bed.serve(
    `export default function () { return { seen: typeof this } }`,
  );
  strictEqual((await bed.fetch("/")).text, `{"seen":"undefined"}`);
});

Deno.test("request headers stay immutable for the function", async () => {
  await using bed = await Bed.serve(
    `export default (request) => { try { request.headers.set("a", "b"); return "changed" } catch { return "refused" } }`,
  );
  strictEqual((await bed.fetch("/")).text, "refused");
});
