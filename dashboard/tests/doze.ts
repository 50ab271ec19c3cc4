// A real `doze up` in folders of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const project = resolve(import.meta.dirname, "../..");
const program = resolve(project, process.env["CARGO_TARGET_DIR"] ?? "target", "debug/doze");

export class Doze {
  readonly admin: string;
  readonly gateway: string;
  readonly token: string;
  readonly registryIn: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(
    folder: string,
    process: ChildProcess,
    addresses: { admin: string; gateway: string },
    token: string,
  ) {
    this.#folder = folder;
    this.#process = process;
    this.admin = `http://${addresses.admin}`;
    this.gateway = `http://${addresses.gateway}`;
    this.registryIn = join(folder, "registry_in");
    this.token = token;
  }

  /** Starts a server; `prepare` may lay functions into its folder before. */
  static async start(prepare: (registryIn: string) => Promise<void> = async () => {}): Promise<Doze> {
    const folder = await mkdtemp(join(tmpdir(), "doze-dashboard-"));
    // Functions' processes have other users, who must get here.
    await chmod(folder, 0o755);
    const at = (name: string) => join(folder, name);
    await mkdir(at("registry_in"));
    await prepare(at("registry_in"));
    const flags = {
      "registry-in": at("registry_in"),
      registry: at("registry"),
      data: at("data"),
      runtime: join(project, "runtime-shim"),
      dashboard: join(project, "dashboard/dist"),
      listen: "127.0.0.1:0",
      admin: "127.0.0.1:0",
    };
    const given = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const child = spawn(program, ["up", ...given], { stdio: ["ignore", "ignore", "pipe"] });
    const addresses = await listening(child);
    const token = (await readFile(at("data/admin-token"), "utf8")).trim();
    return new Doze(folder, child, addresses, token);
  }

  /** Lays a function into `registry_in`: one entry file, or files by their paths. */
  async write(name: string, content: string | Record<string, string>): Promise<void> {
    await writeFunction(this.registryIn, name, content);
  }

  /** Calls the admin API as a script would. */
  api(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${this.token}`);
    return fetch(this.admin + path, { ...init, headers });
  }

  /** The text that a function answers. */
  async call(path: string, init?: RequestInit): Promise<string> {
    return (await fetch(this.gateway + path, init)).text();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function writeFunction(
  registryIn: string,
  name: string,
  content: string | Record<string, string>,
): Promise<void> {
  const files = typeof content === "string" ? { "index.ts": content } : content;
  for (const [path, text] of Object.entries(files)) {
    const file = join(registryIn, name, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

/** A handler that answers a text. */
export const answering = (text: string) => `export default () => ${JSON.stringify(text)};\n`;

/** Waits until the server has said where it listens. */
function listening(child: ChildProcess): Promise<{ admin: string; gateway: string }> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const find = (what: string) => new RegExp(`${what} is listening.* address=(\\S+)`).exec(log)?.[1];
      const [admin, gateway] = [find("admin"), find("gateway")];
      if (admin && gateway) resolve({ admin, gateway });
    });
    child.once("exit", (code) => reject(new Error(`doze ended with ${code}:\n${log}`)));
    child.once("error", reject);
  });
}
