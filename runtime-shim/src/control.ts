import { decoder, encoder, parseJson, stringifyJson } from "./intrinsics.ts";

/** Hands a function over. */
export interface Assign {
  op: "assign";
  function: string;
  revision: string;
  format: "esm" | "cjs";
  env?: Record<string, string>;
  /** The bundle; on the wire it follows the line, which has its length here. */
  code: Uint8Array<ArrayBuffer>;
  /** What V8 made of it in another process; on the wire it follows the code. */
  cache: Uint8Array<ArrayBuffer>;
  /** Whether the server waits for that, before anything of the code runs. */
  makeCache?: boolean;
}

/** From the server. */
export type Incoming =
  | { op: "boot"; token: string }
  | Assign
  | { op: "check"; request: string }
  | { op: "stop"; graceMs: number };

/** To the server. */
export type Outgoing =
  | { op: "ready" | "alive" | "stopped" }
  | { op: "compiled"; cache: number }
  | { op: "started"; ms: number; cache?: "used" | "rejected" }
  | { op: "failed"; message: string; stack: string }
  | { op: "error"; request: string | null; message: string; stack: string }
  | { op: "settled"; request: string };

/**
 * Bytes that may wait to be written. A function that throws in a loop
 * faster than the server reads loses reports instead of growing the process.
 */
const MAX_UNSENT = 1 << 20;

const READ_SIZE = 64 * 1024;
const NEWLINE = 10;

/** The channel to the server: lines of JSON both ways, read by one reader only. */
export class Control {
  readonly #connection: Promise<Deno.UnixConn>;
  /** Received and not yet looked at. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #unsent: Uint8Array<ArrayBuffer>[] = [];
  #unsentBytes = 0;
  #writing: Promise<void> | null = null;

  /** Connects while other things are done. */
  constructor(path: string) {
    this.#connection = Deno.connect({ transport: "unix", path });
  }

  /** The next message; `null` when the server is gone. */
  async receive(): Promise<Incoming | null> {
    const line = await this.#readLine();
    if (line === null) return null;
    const message = parseJson(line);
    if (message.op === "assign") {
      const code = await this.#readExactly(message.code);
      const cache = await this.#readExactly(message.cache ?? 0);
      if (code === null || cache === null) return null;
      message.code = code;
      message.cache = cache;
    }
    return message;
  }

  /** Sends a message, with the bytes behind it that it announces. */
  send(message: Outgoing, bytes?: Uint8Array<ArrayBuffer>): void {
    if (this.#unsentBytes > MAX_UNSENT) return;
    this.#queue(encoder.encode(stringifyJson(message) + "\n"));
    if (bytes !== undefined) this.#queue(bytes);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything sent so far is written. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #queue(bytes: Uint8Array<ArrayBuffer>): void {
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
  }

  async #write(): Promise<void> {
    try {
      const connection = await this.#connection;
      for (let next = this.#unsent.shift(); next; next = this.#unsent.shift()) {
        for (let sent = 0; sent < next.length;) {
          sent += await connection.write(next.subarray(sent));
        }
        this.#unsentBytes -= next.length;
      }
    } catch {
      // The server is gone; `receive` sees it too and ends the process.
    } finally {
      this.#writing = null;
    }
  }

  async #readLine(): Promise<string | null> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(NEWLINE, searched);
      if (end >= 0) {
        const line = decoder.decode(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      searched = this.#rest.length;
      const more = new Uint8Array(READ_SIZE);
      const count = await this.#read(more);
      if (count === null) return null;
      this.#rest = joined(this.#rest, more.subarray(0, count));
    }
  }

  async #readExactly(size: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = new Uint8Array(size);
    const early = this.#rest.subarray(0, size);
    bytes.set(early);
    this.#rest = this.#rest.subarray(early.length);
    for (let filled = early.length; filled < size;) {
      const count = await this.#read(bytes.subarray(filled));
      if (count === null) return null;
      filled += count;
    }
    return bytes;
  }

  async #read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const connection = await this.#connection;
    try {
      return await connection.read(into);
    } catch {
      // A reset says the same as an orderly end: nobody is there any more.
      return null;
    }
  }
}

function joined(
  first: Uint8Array<ArrayBuffer>,
  second: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
