import type { Handler } from "./handler.ts";

/**
 * Marks a handler as one for web requests. The symbol is in the global
 * registry because this module is bundled into the function and the platform
 * has a copy of its own.
 */
const WEB_HANDLER = Symbol.for("doze.handler");

/**
 * Declares a function's handler. It types the parameters, and it says that
 * the handler takes a web `Request`, however many parameters it names, also
 * in CommonJS, where a bare function means Node's `(req, res)`.
 */
export function createHandler(handle: Handler): Handler {
  if (typeof handle !== "function") {
    throw new TypeError(
      `createHandler needs a function, not ${
        handle === null ? "null" : typeof handle
      }`,
    );
  }
  const handler: Handler = (request, context) => handle(request, context);
  return Object.defineProperty(handler, WEB_HANDLER, { value: true });
}

/** Tells what `createHandler` made from any other value. */
export function isWebHandler(value: unknown): value is Handler {
  return typeof value === "function" && WEB_HANDLER in value;
}
