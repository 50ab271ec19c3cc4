/** Plays the server for one real process: its control channel and its gateway. */
import { RawClient, type RawRequest, type RawResponse } from "./raw_client.ts";

export const TOKEN = "0123456789abcdef0123456789abcdef";

const root = new URL("../", import.meta.url).pathname;
const boot = `${root}dist/boot.js`;
const deno = `${root}node_modules/@deno/linux-x64-glibc/deno`;

/** After this a test that waits has failed; nothing waits for it to pass. */
const LATE_MS = 20_000;

// deno-lint-ignore no-explicit-any -- whatever the shim says is looked at as it is
export type Message = any;

export interface Assignment {
  function?: string;
  revision?: string;
  format?: "esm" | "cjs";
  env?: Record<string, string>;
  makeCache?: boolean;
  cache?: Uint8Array;
}

export class Bed {
  readonly #directory: string;
  readonly #process: Deno.ChildProcess;
  readonly #control: Deno.Conn;
  readonly #messages: Message[] = [];
  readonly #looked: (() => void)[] = [];
  readonly #open: RawClient[] = [];
  /** What the process has printed so far. */
  output = "";
  ended = false;

  private constructor(
    directory: string,
    process: Deno.ChildProcess,
    control: Deno.Conn,
  ) {
    this.#directory = directory;
    this.#process = process;
    this.#control = control;
    void this.#readMessages();
    void this.#readOutput(process.stdout);
    void this.#readOutput(process.stderr);
  }

  /** A process that is ready and has no function yet. */
  static async boot(permissions: string[] = []): Promise<Bed> {
    const directory = await Deno.makeTempDir();
    const sockets = [`${directory}/control.sock`, `${directory}/http.sock`];
    const listener = Deno.listen({ transport: "unix", path: sockets[0] });
    const process = new Deno.Command(deno, {
      clearEnv: true,
      args: [
        ..."run --quiet --no-prompt --no-config --no-lock --no-npm --no-remote"
          .split(" "),
        "--unstable-no-legacy-abort",
        "--v8-flags=--max-old-space-size=128",
        "--allow-env",
        `--allow-net=${sockets.map((path) => `unix:${path}`).join()}`,
        `--allow-read=${sockets.join()}`,
        `--allow-write=${sockets.join()}`,
        ...permissions,
        boot,
        directory,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const control = await listener.accept();
    listener.close();
    const bed = new Bed(directory, process, control);
    await bed.send({ op: "boot", token: TOKEN });
    await bed.message("ready");
    return bed;
  }

  /** A process with a function that has started. */
  static async serve(code: string, assignment?: Assignment): Promise<Bed> {
    const bed = await Bed.boot();
    await bed.assign(code, assignment);
    await bed.message("started");
    return bed;
  }

  async assign(code: string, assignment: Assignment = {}): Promise<void> {
    const bytes = new TextEncoder().encode(code);
    const cache = assignment.cache ?? new Uint8Array();
    await this.send({
      op: "assign",
      function: "hello",
      revision: "0123456789ab",
      format: "esm",
      env: {},
      ...assignment,
      code: bytes.length,
      cache: cache.length,
    }, new Uint8Array([...bytes, ...cache]));
  }

  async send(message: Message, extra = new Uint8Array()): Promise<void> {
    const line = new TextEncoder().encode(JSON.stringify(message) + "\n");
    const bytes = new Uint8Array([...line, ...extra]);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#control.write(bytes.subarray(sent));
    }
  }

  /** Waits for a message and takes it. */
  async message(
    op: string,
    fits: (message: Message) => boolean = () => true,
  ): Promise<Message> {
    return await this.#until(`a message \`${op}\``, () => {
      const index = this.#messages.findIndex((message) =>
        message.op === op && fits(message)
      );
      return index < 0 ? undefined : this.#messages.splice(index, 1)[0];
    });
  }

  /** Waits for something the process prints. */
  async printed(text: string): Promise<void> {
    await this.#until(
      `the output \`${text}\``,
      () => this.output.includes(text) || undefined,
    );
  }

  hasMessage(op: string): boolean {
    return this.#messages.some((message) => message.op === op);
  }

  /** Ends the control channel, as when the server dies. */
  hangUp(): void {
    this.#control.close();
  }

  /** The process's exit code. */
  async exit(): Promise<number> {
    const { code } = await this.#process.status;
    this.ended = true;
    return code;
  }

  /** One request, from the first byte to the end of the body. */
  async fetch(path: string, request: RawRequest = {}): Promise<RawResponse> {
    const client = await this.open(path, request);
    const timer = setTimeout(() => client.close(), LATE_MS);
    try {
      return await client.response();
    } finally {
      clearTimeout(timer);
    }
  }

  /** One request of which only the head and `request.body` were sent yet. */
  async open(path: string, request: RawRequest = {}): Promise<RawClient> {
    const client = await RawClient.connect(`${this.#directory}/http.sock`);
    this.#open.push(client);
    await client.send(path, {
      ...request,
      headers: {
        "x-doze-token": TOKEN,
        "x-request-id": "r1",
        ...request.headers,
      },
    });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#open) client.close();
    if (!this.ended) this.#process.kill("SIGKILL");
    await this.#process.status;
    try {
      this.#control.close();
    } catch {
      // The test has hung up.
    }
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#look();
    }, LATE_MS);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        if (late) {
          const seen = JSON.stringify(this.#messages, null, 2);
          throw new Error(`no ${what}; seen: ${seen}\n${this.output}`);
        }
        await new Promise<void>((resolve) => this.#looked.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #look(): void {
    for (const resolve of this.#looked.splice(0)) resolve();
  }

  async #readMessages(): Promise<void> {
    let rest = new Uint8Array();
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      const count = await this.#control.read(buffer).catch(() => null);
      if (count === null) return;
      rest = new Uint8Array([...rest, ...buffer.subarray(0, count)]);
      for (;;) {
        const end = rest.indexOf(10);
        if (end < 0) break;
        const text = new TextDecoder().decode(rest.subarray(0, end));
        const message: Message = JSON.parse(text);
        const size = message.op === "compiled" ? message.cache : 0;
        if (rest.length < end + 1 + size) break;
        if (size > 0) message.bytes = rest.slice(end + 1, end + 1 + size);
        rest = rest.slice(end + 1 + size);
        this.#messages.push(message);
      }
      this.#look();
    }
  }

  async #readOutput(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      this.#look();
    }
  }
}

/** Bundles a function's entry as the registry does. */
export async function bundle(entry: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(
    `${root}node_modules/@esbuild/linux-x64/bin/esbuild`,
    {
      args: [
        `${root}tests/functions/${entry}`,
        ..."--bundle --format=esm --platform=node --main-fields=module,main"
          .split(" "),
        ..."--conditions=deno,node,module --target=esnext --keep-names".split(
          " ",
        ),
        "--supported:decorators=false",
        "--legal-comments=none",
        "--charset=utf8",
        "--jsx=automatic",
        `--alias:doze=${root}lib/mod.ts`,
        '--banner:js=import{createRequire as __createRequire}from"node:module";' +
        "const require=__createRequire(import.meta.url);",
      ],
    },
  ).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
