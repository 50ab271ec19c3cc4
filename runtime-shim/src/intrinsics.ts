/**
 * Globals that the shim needs after the function has been loaded, as they were
 * before: a function may replace any of them, and should then find its own
 * code broken and our reports of it intact.
 *
 * Methods of prototypes are not covered, except where the token passes through
 * them. Who replaces `Set.prototype.add` in its own process harms nobody else.
 */
import type { Internals } from "./console.ts";

export const exit: (code?: number) => never = Deno.exit;
export const inspect = Deno.inspect;
export const setVariable = Deno.env.set;
export const parseJson = JSON.parse;
export const stringifyJson = JSON.stringify;
export const now = performance.now.bind(performance);
export const NativeBlob = Blob;
export const NativeError = Error;
export const NativePromise = Promise;
export const NativeResponse = Response;
export const NativeURL = URL;
export const NativeURLSearchParams = URLSearchParams;
export const defineProperty = Object.defineProperty;
export const propertyOf = Object.getOwnPropertyDescriptor;
export const prototypeOf = Object.getPrototypeOf;
export const symbolsOf = Object.getOwnPropertySymbols;
// What is called like this, nobody can have put himself in between.
export const apply = Reflect.apply;
export const lowerCase = String.prototype.toLowerCase;
export const replaceAll = String.prototype.replaceAll;
export const slice = String.prototype.slice;
// Deno's own modules find each other's insides there.
export const internals: Internals = (Deno as unknown as {
  internal: symbol;
  [key: symbol]: Internals;
})[(Deno as unknown as { internal: symbol }).internal] ?? {};
// Called by another name, it sees no scope of ours.
export const indirectEval = eval;
export const encoder = new TextEncoder();
export const decoder = new TextDecoder();

// Deno loads these when they are first touched, which takes 1 to 3 ms each:
// a fifth of a cold start. So take how to get them, and get them when needed.
export const setTimer = unloaded("setTimeout");
export const nativeFormData = unloaded("FormData");
export const nativeReadableStream = unloaded("ReadableStream");
export const nativeRequest = unloaded("Request");

function unloaded<Name extends keyof typeof globalThis>(
  name: Name,
): () => (typeof globalThis)[Name] {
  const property = Object.getOwnPropertyDescriptor(globalThis, name);
  const get = property?.get?.bind(globalThis);
  return get ?? (() => property?.value);
}
