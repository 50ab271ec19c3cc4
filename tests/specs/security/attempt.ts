/** What the runner tells about the machine: whom an attempt could harm. */
export interface Surroundings {
  /** The server's process id. */
  server: number;
  /** The gateway's port, on 127.0.0.1. */
  gateway: number;
  /** The admin API's, there as well. */
  admin: number;
  /** Another function's process, its folder, and the file with its code. */
  neighbour: { pid: number; folder: string; bundle: string };
  registryIn: string;
  registry: string;
  /** The server's own folder. */
  data: string;
  /** The folder with every instance's folder. */
  run: string;
  /** A file of the host that everybody may read. */
  secret: string;
  /** A folder of the host that everybody may write to. */
  open: string;
  /** A Unix socket of the host that everybody may connect to. */
  socket: string;
  /** One that is no file. */
  abstract: string;
  /** Ports on 127.0.0.1: one that answers HTTP, and one for datagrams. */
  listener: number;
  datagrams: number;
  /** An address that the operator excepts; it sends clients to `listener`. */
  redirect: string;
  /** The name of this machine. */
  host: string;
}

type Way = (surroundings: Surroundings) => unknown;

/** A way that leads nowhere, but says so to nobody, was stopped. */
const PATIENCE_MS = 8000;

/**
 * A function that tries each way. Its answer has, by name, null for each way
 * that got through and what was thrown for each that did not.
 */
export function attempts(ways: Record<string, Way>) {
  return async (request: Request) => {
    const surroundings: Surroundings = await request.json();
    const answer: Record<string, string | null> = {};
    for (const [name, way] of Object.entries(ways)) {
      try {
        await Promise.race([way(surroundings), thrownElsewhere(), tooLate()]);
        answer[name] = null;
      } catch (error) {
        answer[name] = String(error);
      }
    }
    return answer;
  };
}

function thrownElsewhere(): Promise<never> {
  return new Promise((_, failed) =>
    addEventListener("error", ({ error }) => failed(error), { once: true })
  );
}

function tooLate(): Promise<never> {
  return new Promise((_, failed) =>
    setTimeout(() => failed(new Error("it is still waiting")), PATIENCE_MS)
  );
}

/** A module of Node's. An import would make every start slower. */
// deno-lint-ignore no-explicit-any
export const node = (name: string): any =>
  process.getBuiltinModule(`node:${name}`);

/** Sends one to a port on 127.0.0.1. */
export function sendDatagram(port: number): Promise<void> {
  return new Promise((done, failed) => {
    const socket = node("dgram").createSocket("udp4").on("error", failed);
    socket.bind(
      0,
      "127.0.0.1",
      () =>
        socket.send("x", port, "127.0.0.1", (error: Error | null) => {
          socket.close();
          error ? failed(error) : done();
        }),
    );
  });
}
