import type { Assign, Control } from "./control.ts";

/** Bytes of a cache that the server takes. */
const MAX_SIZE = 8 << 20;

type Server = Pick<Control, "send" | "flush">;

/** A script of `node:vm`, as far as a cache is concerned. */
interface Compiled {
  cachedDataRejected?: boolean;
  createCachedData(): Uint8Array<ArrayBuffer>;
}

/**
 * What V8 makes of a bundle, kept by the server for the next process that runs
 * the same.
 *
 * V8 runs a cache as it finds it, so nobody but V8 may have had it in hands:
 * it is made of the code alone, and written before anything of the code runs.
 * From then on the server takes none from this process.
 */
export class CodeCache {
  /** What an earlier process made, if the server has that. */
  readonly data: Uint8Array<ArrayBuffer> | undefined;
  /** What became of it. */
  use: "used" | "rejected" | undefined;

  readonly #control: Server;
  #asked: boolean;

  constructor({ cache, makeCache }: Assign, control: Server) {
    this.#control = control;
    this.#asked = makeCache === true;
    this.data = cache.length > 0 ? cache : undefined;
  }

  /** Whether this code is worth one. */
  get wanted(): boolean {
    return this.#asked || this.data !== undefined;
  }

  /**
   * To be awaited before the code runs, with the script that it became, or
   * with `null` where it became something else.
   */
  async settle(script: Compiled | null): Promise<void> {
    if (script !== null && this.data !== undefined) {
      this.use = script.cachedDataRejected === true ? "rejected" : "used";
    }
    if (!this.#asked) return;
    let made = script?.createCachedData();
    if (made !== undefined && made.length > MAX_SIZE) made = undefined;
    this.#asked = false;
    this.#control.send({ op: "compiled", cache: made?.length ?? 0 }, made);
    await this.#control.flush();
  }
}
