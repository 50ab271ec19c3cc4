/** What a handler returned, as a response. */
import {
  encoder,
  inspect,
  NativeBlob,
  NativeError,
  nativeFormData,
  nativeReadableStream,
  NativeResponse,
  NativeURLSearchParams,
  stringifyJson,
} from "./intrinsics.ts";

const { getPrototypeOf, prototype: plain } = Object;
const { prototype: list } = Array;
const BYTES = { headers: { "content-type": "application/octet-stream" } };
const JSON_TEXT = { headers: { "content-type": "application/json" } };

/** Throws when the value is nothing that can be sent, with a message for its author. */
export function toResponse(value: unknown): Response {
  if (value instanceof NativeResponse) return checked(value);
  if (typeof value === "string") return new NativeResponse(value);
  if (value === undefined) return new NativeResponse(null, { status: 204 });
  if (typeof value === "object" && value !== null && !isPlain(value)) {
    const body = bodyOf(value);
    if (body !== null) return body;
  }
  return new NativeResponse(jsonOf(value), JSON_TEXT);
}

/** Most results are; it spares them the questions below. */
function isPlain(value: object): boolean {
  const prototype = getPrototypeOf(value);
  return (prototype === plain || prototype === list || prototype === null) &&
    !(Symbol.asyncIterator in value);
}

function bodyOf(value: object): Response | null {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return new NativeResponse(value as BufferSource, BYTES);
  }
  if (value instanceof nativeReadableStream()) {
    return new NativeResponse(value, BYTES);
  }
  if (
    value instanceof NativeBlob || value instanceof nativeFormData() ||
    value instanceof NativeURLSearchParams
  ) {
    return new NativeResponse(value);
  }
  if (Symbol.asyncIterator in value) {
    const chunks = value as AsyncIterable<unknown>;
    return new NativeResponse(
      nativeReadableStream().from(encoded(chunks)),
      BYTES,
    );
  }
  if (value instanceof NativeError) {
    throw new TypeError("the handler returned an Error; throw it instead", {
      cause: value,
    });
  }
  return null;
}

function jsonOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = stringifyJson(value);
  } catch (thrown) {
    throw new TypeError("the handler returned a value that is no JSON", {
      cause: thrown,
    });
  }
  if (text !== undefined) return text;
  throw new TypeError(
    `the handler returned ${inspect(value)}, which cannot be a response`,
  );
}

function checked(response: Response): Response {
  // Deno would find out too, but no longer know whose request it was.
  if (response.type === "error") {
    throw new TypeError("the handler returned `Response.error()`");
  }
  if (response.bodyUsed) {
    throw new TypeError("the body of the returned response was already read");
  }
  return response;
}

async function* encoded(chunks: AsyncIterable<unknown>) {
  for await (const chunk of chunks) {
    // Whatever else it is, the response's stream refuses it and says why.
    yield typeof chunk === "string"
      ? encoder.encode(chunk)
      : chunk as Uint8Array<ArrayBuffer>;
  }
}
