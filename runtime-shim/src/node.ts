/**
 * Node's `(req, res)` on top of a web request: Node's own request and response
 * objects on a socket that exists only in memory. What the response writes to
 * it is read back: a head, then the plain body, because chunking is turned off.
 * Frameworks that swap prototypes or wrap `write`, `end` and `writeHead` work,
 * since they find the originals.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex as NodeDuplex } from "node:stream";
import type { WebHandler } from "./handler.ts";
import { NativeError, NativeResponse, NativeURL } from "./intrinsics.ts";

export type NodeListener = (
  request: IncomingMessage,
  response: ServerResponse,
) => unknown;

/** They describe a connection that is not there. */
const CONNECTION_HEADERS = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "date",
]);

export function nodeHandler(listener: NodeListener): WebHandler {
  return (request) =>
    new Promise<Response>((resolve, reject) => {
      const exchange = new Exchange(request, resolve, reject);
      try {
        Promise.resolve(listener(exchange.incoming, exchange.outgoing))
          .catch((thrown) => exchange.fail(thrown));
      } catch (thrown) {
        exchange.fail(thrown);
      }
    });
}

/** One request and its response. */
class Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly #socket: NodeDuplex;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;
  /** Text of the head that has arrived so far, one character a byte. */
  #head = "";
  #body: ReadableStreamDefaultController<Uint8Array> | null = null;
  #headSeen = false;
  #bodyDone = false;
  /** Tells the socket that the client has taken what was written. */
  #resume: (() => void) | null = null;

  constructor(
    request: Request,
    resolve: (response: Response) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    const http = process.getBuiltinModule("node:http");
    const { Duplex } = process.getBuiltinModule("node:stream");
    this.#socket = new Duplex({
      read() {},
      write: (chunk, encoding, done) =>
        this.#written(bytesOf(chunk, encoding), done),
      destroy: (error, done) => {
        this.#broken(error);
        done(error);
      },
    });
    // A listener that looks after no errors should not bring the process down.
    this.#socket.on("error", () => {});
    this.incoming = incomingMessage(request, this.#socket, http);
    this.outgoing = new http.ServerResponse(this.incoming);
    this.outgoing.shouldKeepAlive = false;
    this.outgoing.useChunkedEncodingByDefault = false;
    Object.defineProperty(this.outgoing, "chunkedEncoding", {
      get: () => false,
      set() {},
    });
    this.outgoing.assignSocket(
      this.#socket as unknown as Parameters<ServerResponse["assignSocket"]>[0],
    );
    this.outgoing.on("finish", () => this.#finished());
    // Node's server passes this on; there is none here.
    this.#socket.on("drain", () => {
      forgetNeedOfDrain(this.outgoing);
      this.outgoing.emit("drain");
    });
    request.signal.addEventListener("abort", () => {
      this.incoming.aborted = true;
      this.incoming.destroy();
      this.#socket.destroy();
    });
  }

  fail(thrown: unknown): void {
    this.#reject(thrown);
    this.#socket.destroy(
      thrown instanceof NativeError ? thrown : new NativeError(String(thrown)),
    );
  }

  #written(bytes: Uint8Array, done: () => void): void {
    const body = this.#headSeen ? bytes : this.#readHead(bytes);
    if (this.#body === null || body.length === 0) return done();
    this.#body.enqueue(body);
    if ((this.#body.desiredSize ?? 0) > 0) return done();
    this.#resume = done;
  }

  /** Returns what follows the head, if it is complete. */
  #readHead(bytes: Uint8Array): Uint8Array {
    const before = this.#head.length;
    this.#head += latin1(bytes);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return bytes.subarray(bytes.length);
    const [statusLine, ...lines] = this.#head.slice(0, end).split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    const rest = bytes.subarray(end + 4 - before);
    this.#head = "";
    // 100 Continue and 103 Early Hints: the real head is still to come.
    if (status < 200) return this.#readHead(rest);
    this.#headSeen = true;
    this.#respond(status, lines);
    return rest;
  }

  #respond(status: number, lines: string[]): void {
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon);
      if (!CONNECTION_HEADERS.has(name.toLowerCase())) {
        headers.append(name, line.slice(colon + 1).trim());
      }
    }
    try {
      const bodyless = status === 204 || status === 205 || status === 304 ||
        this.incoming.method === "HEAD";
      const body = bodyless ? null : this.#bodyStream();
      this.#resolve(new NativeResponse(body, { status, headers }));
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #bodyStream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
      pull: () => {
        const resume = this.#resume;
        this.#resume = null;
        resume?.();
      },
      cancel: () => {
        this.#bodyDone = true;
        this.#body = null;
        this.#socket.destroy();
      },
    });
  }

  #finished(): void {
    if (!this.#bodyDone) {
      this.#bodyDone = true;
      this.#body?.close();
    }
    this.#socket.destroy();
  }

  #broken(error: Error | null): void {
    const reason = error ??
      new NativeError("the response was destroyed before it was complete");
    this.#reject(reason);
    if (!this.#bodyDone) {
      this.#bodyDone = true;
      this.#body?.error(reason);
    }
  }
}

function incomingMessage(
  request: Request,
  socket: NodeDuplex,
  http: typeof import("node:http"),
): IncomingMessage {
  const incoming = new http.IncomingMessage(
    socket as unknown as ConstructorParameters<typeof IncomingMessage>[0],
  );
  const url = new NativeURL(request.url);
  incoming.method = request.method;
  incoming.url = url.pathname + url.search;
  incoming.httpVersion = "1.1";
  incoming.httpVersionMajor = 1;
  incoming.httpVersionMinor = 1;
  incoming.headers = Object.fromEntries(request.headers);
  incoming.rawHeaders = [...request.headers].flat();
  const reader = request.body?.getReader();
  incoming._read = (size) => {
    // Node's own would read from the socket; it also marks the message as read.
    http.IncomingMessage.prototype._read.call(incoming, size);
    if (reader === undefined) {
      incoming.complete = true;
      incoming.push(null);
      return;
    }
    reader.read().then(({ done, value }) => {
      incoming.complete = done;
      incoming.push(done ? null : value);
    }, (thrown) => incoming.destroy(thrown));
  };
  return incoming;
}

/** `writableNeedDrain` would stay true; what it reads has no public name. */
function forgetNeedOfDrain(outgoing: ServerResponse): void {
  const key = Object.getOwnPropertySymbols(outgoing)
    .find((symbol) => symbol.description === "kNeedDrain");
  if (key !== undefined) Object.assign(outgoing, { [key]: false });
}

function bytesOf(chunk: Uint8Array | string, encoding: string): Uint8Array {
  if (typeof chunk !== "string") return chunk;
  return process.getBuiltinModule("node:buffer").Buffer
    .from(chunk, encoding as "utf8");
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
