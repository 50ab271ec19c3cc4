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
  | { op: "started"; ms: number }
  | { op: "failed"; message: string; stack: string }
  | { op: "error"; request: string | null; message: string; stack: string }
  | { op: "settled"; request: string };

/**
 * Characters that may wait to be written. A function that throws in a loop
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
  #unsent = "";
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
      if (code === null) return null;
      message.code = code;
    }
    return message;
  }

  send(message: Outgoing): void {
    if (this.#unsent.length > MAX_UNSENT) return;
    this.#unsent += stringifyJson(message) + "\n";
    this.#writing ??= this.#write();
  }

  /** Resolves when everything sent so far is written. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      const connection = await this.#connection;
      while (this.#unsent !== "") {
        const bytes = encoder.encode(this.#unsent);
        this.#unsent = "";
        for (let sent = 0; sent < bytes.length;) {
          sent += await connection.write(bytes.subarray(sent));
        }
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
