import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type Context, router } from "doze";

const context = {} as Context;

const app = router()
  .get("/", () => "root")
  .get("/items/:id", (_request, _context, { id }) => `item ${id}`)
  .put("/items/:id", (_request, _context, params) => `put ${params.id}`)
  .get("/a.b/:x/c/:y", (_request, _context, { x, y }) => `${x} ${y}`)
  .get("/files/*", (_request, _context, params) => `file ${params["*"]}`)
  .all("/any", (request) => request.method)
  .on("PROPFIND", "/dav", () => "found")
  .get("/items/:other", () => "never reached");

const routes: [method: string, path: string, expected: string][] = [
  ["GET", "/", "root"],
  ["GET", "/items/7", "item 7"],
  ["GET", "/items/a%2Fb", "item a/b"],
  ["GET", "/items/100%", "item 100%"],
  ["GET", "/items/7?q=1", "item 7"],
  ["HEAD", "/items/7", "item 7"],
  ["PUT", "/items/7", "put 7"],
  ["GET", "/a.b/1/c/2", "1 2"],
  ["GET", "/files/x/y", "file x/y"],
  ["GET", "/files", "file "],
  ["DELETE", "/any", "DELETE"],
  ["PROPFIND", "/dav", "found"],
  ["GET", "/aXb/1/c/2", "404 null"],
  ["GET", "/items/", "404 null"],
  ["GET", "/items/7/8", "404 null"],
  ["POST", "/items/7", "405 GET, PUT, HEAD"],
];

for (const [method, path, expected] of routes) {
  Deno.test(`${method} ${path} is answered with "${expected}"`, async () => {
    const request = new Request(`http://host${path}`, { method });
    const result = await app.fetch(request, context);
    const got = result instanceof Response
      ? `${result.status} ${result.headers.get("allow")}`
      : result;
    strictEqual(got, expected);
  });
}

Deno.test("a path that cannot match is refused when it is added", () => {
  throws(() => router().get("items", () => 1), /begins with "\/"/);
  throws(() => router().get("/*/x", () => 1), /only understood at the end/);
});

Deno.test("parameters are typed from the path", () => {
  router().get("/:a/:b/*", (_request, _context, params) => {
    const { a, b, "*": rest } = params;
    // @ts-expect-error -- the path names no `c`
    return [a, b, rest, params.c];
  });
  deepStrictEqual(Object.keys(router()).includes("fetch"), true);
});
