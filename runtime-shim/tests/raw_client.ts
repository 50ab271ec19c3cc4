/** HTTP/1.1 over a Unix socket, byte by byte, so that broken bodies show. */

export interface RawRequest {
  method?: string;
  headers?: Record<string, string>;
  /** A string is sent with its length; `"chunked"` leaves it to `chunk`. */
  body?: string | { chunked: true };
}

export interface RawResponse {
  status: number;
  headers: Headers;
  text: string;
  /** Whether the body ended as HTTP says it must. */
  complete: boolean;
}

export class RawClient {
  readonly #connection: Deno.Conn;
  #method = "GET";
  #rest = new Uint8Array();
  #ended = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async connect(path: string): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path }));
  }

  async send(path: string, request: RawRequest): Promise<void> {
    this.#method = request.method ?? "GET";
    const headers: Record<string, string> = {
      host: "public.example",
      ...request.headers,
    };
    if (typeof request.body === "string") {
      headers["content-length"] = String(
        new TextEncoder().encode(request.body).length,
      );
    } else if (request.body) headers["transfer-encoding"] = "chunked";
    const lines = Object.entries(headers).map(([name, value]) =>
      value === "" ? "" : `${name}: ${value}\r\n`
    );
    await this.write(
      `${this.#method} http://public.example${path} HTTP/1.1\r\n` +
        `${lines.join("")}\r\n${
          typeof request.body === "string" ? request.body : ""
        }`,
    );
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /** One chunk of a chunked request body; an empty one ends it. */
  async chunk(text: string): Promise<void> {
    const size = new TextEncoder().encode(text).length.toString(16);
    await this.write(`${size}\r\n${text}\r\n`);
  }

  async response(): Promise<RawResponse> {
    const { status, headers } = await this.head();
    let text = "";
    let complete = true;
    const bodyless = this.#method === "HEAD" || status === 204 ||
      status === 304;
    if (!bodyless && headers.get("transfer-encoding") === "chunked") {
      for (;;) {
        const chunk = await this.readChunk();
        if (chunk === "") break;
        complete = chunk !== null;
        if (chunk === null) break;
        text += chunk;
      }
    } else if (!bodyless) {
      const length = Number(headers.get("content-length"));
      const bytes = await this.#take(length);
      complete = bytes !== null;
      text = new TextDecoder().decode(bytes ?? this.#rest);
    }
    return { status, headers, text, complete };
  }

  async head(): Promise<{ status: number; headers: Headers }> {
    const [statusLine, ...lines] = (await this.#until("\r\n\r\n")).split(
      "\r\n",
    );
    const headers = new Headers(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      }),
    );
    return { status: Number(statusLine.split(" ")[1]), headers };
  }

  /** The next chunk's text, empty at the orderly end, `null` at a break. */
  async readChunk(): Promise<string | null> {
    let size: number;
    try {
      size = parseInt(await this.#until("\r\n"), 16);
    } catch {
      return null;
    }
    const bytes = await this.#take(size + 2);
    return bytes && new TextDecoder().decode(bytes.subarray(0, size));
  }

  /** Bytes as they come, for what is HTTP no more. */
  async take(size: number): Promise<Uint8Array> {
    const bytes = await this.#take(size);
    if (bytes === null) throw new Error("the connection ended");
    return bytes;
  }

  close(): void {
    if (!this.#ended) this.#connection.close();
    this.#ended = true;
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const end = new TextDecoder("latin1").decode(this.#rest).indexOf(mark);
      if (end >= 0) {
        const text = new TextDecoder().decode(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + mark.length);
        return text;
      }
      if (!await this.#more()) {
        throw new Error(
          `the connection ended; seen: ${new TextDecoder().decode(this.#rest)}`,
        );
      }
    }
  }

  async #take(size: number): Promise<Uint8Array | null> {
    while (this.#rest.length < size) if (!await this.#more()) return null;
    const bytes = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return bytes;
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    const count = await this.#connection.read(buffer).catch(() => null);
    if (count === null) return false;
    const joined = new Uint8Array(this.#rest.length + count);
    joined.set(this.#rest);
    joined.set(buffer.subarray(0, count), this.#rest.length);
    this.#rest = joined;
    return true;
  }
}
