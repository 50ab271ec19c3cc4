/**
 * What a spare runs before it has a function, so that the first real request
 * finds Deno's own code for requests and responses compiled, and ours.
 */
import type { Assign } from "./control.ts";
import type { WebHandler } from "./handler.ts";
import { encoder } from "./intrinsics.ts";

/** A function as the bundler writes it. */
const CODE = `// index.ts
var handler = () => "warm";
export {
  handler as default
};
//# sourceMappingURL=bundle.js.map
`;

/** A function for a rehearsal. */
export function sample(): Assign {
  const code = encoder.encode(CODE);
  const cache = new Uint8Array(0);
  return {
    op: "assign",
    function: "warm",
    revision: "",
    format: "esm",
    code,
    cache,
  };
}

export const warmUpHandler: WebHandler = async (request, context) => {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  context.waitUntil(Promise.resolve(context.signal));
  const parts = [
    Response.json({ path: url.pathname, method: request.method }),
    new Response("warm", { headers }),
    new Response(new Uint8Array(1)),
    new Response(new ReadableStream({ start: (body) => body.close() })),
  ];
  for (const part of parts) await part.text();
  await request.text();
  return new Response(null, { status: 204 });
};
