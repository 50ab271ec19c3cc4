import type { Context } from "./context.ts";

/**
 * A value that `JSON.stringify` understands. Interfaces have no index
 * signature and therefore do not fit a recursive JSON type, hence `object`.
 */
export type Json = string | number | boolean | null | object;

/**
 * What a handler may return:
 * - a `Response`, sent as it is;
 * - a string, sent as `text/plain;charset=utf-8`;
 * - bytes or a stream of bytes, sent as `application/octet-stream`;
 * - a `Blob`, `FormData` or `URLSearchParams`, sent with its own type;
 * - an async iterable of strings or bytes, streamed chunk by chunk;
 * - any other JSON value, sent as `application/json`;
 * - nothing, sent as 204.
 */
export type HandlerResult = Response | BodyInit | Json | void;

/** A function that answers requests. */
export type Handler = (
  request: Request,
  context: Context,
) => HandlerResult | PromiseLike<HandlerResult>;
