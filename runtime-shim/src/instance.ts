import { enter, leave } from "./console.ts";
import type { Assign, Control } from "./control.ts";
import { CodeCache } from "./code_cache.ts";
import { RequestContext } from "./context.ts";
import { findHandler, type WebHandler } from "./handler.ts";
import {
  exit,
  NativePromise,
  NativeResponse,
  now,
  setTimer,
  setVariable,
} from "./intrinsics.ts";
import { evaluate } from "./load.ts";
import { describe } from "./problem.ts";
import { toResponse } from "./respond.ts";
import type { Gatekeeper } from "./token.ts";
import { warmUpVm } from "./vm.ts";
import { sample, warmUpHandler } from "./warm.ts";

type Reply = Response | Promise<Response>;
/** Who is told what becomes of the function. */
type Server = Pick<Control, "send" | "flush">;
type Answer = (request: Request, context: RequestContext) => Reply;

const NOBODY: Server = { send() {}, async flush() {} };

/** This process: at first without a function, then serving one, or failed to. */
export class Instance {
  /** Known from `assign` on; what was held before sees it when it is handled. */
  function = "";
  revision = "";

  readonly #control: Server;
  readonly #gatekeeper: Gatekeeper;
  /** How a request is answered in the present state. */
  #answer: Answer = (request, context) => this.#hold(request, context);
  #handler: WebHandler = warmUpHandler;
  #assigned = false;
  /** Requests held or with a handler that returned a promise. */
  readonly #unsettled = new Set<RequestContext>();
  /** Ids of requests whose end the server asked to be told. */
  readonly #watched = new Set<string>();
  readonly #kept = new Set<Promise<void>>();
  readonly #evaluated = NativePromise.withResolvers<void>();

  constructor(control: Server, gatekeeper: Gatekeeper) {
    this.#control = control;
    this.#gatekeeper = gatekeeper;
  }

  /** The way of every request. A synchronous handler is answered synchronously. */
  receive = (incoming: Request): Reply => {
    const request = this.#gatekeeper.admit(incoming);
    if (request === null) return new NativeResponse(null, { status: 403 });
    const id = this.#gatekeeper.header(incoming, "x-request-id") ?? "";
    return this.#answer(request, new RequestContext(id, request, this));
  };

  async assign(message: Assign): Promise<void> {
    if (this.#assigned) return;
    this.#assigned = true;
    const began = now();
    this.function = message.function;
    this.revision = message.revision;
    try {
      const env = message.env ?? {};
      for (const name of Object.keys(env)) setVariable(name, env[name]);
      const cache = new CodeCache(message, this.#control);
      const exports = await evaluate(message.function, message.code, cache);
      this.#handler = findHandler(exports, message.format);
      this.#answer = (request, context) => this.#call(request, context);
      const ms = now() - began;
      this.#control.send({ op: "started", ms, cache: cache.use });
    } catch (thrown) {
      this.#answer = () => this.#errorReply("start_failed");
      this.#control.send({ op: "failed", ...describe(thrown) });
    }
    this.#evaluated.resolve();
  }

  /** Answering at all proves that the event loop turns. */
  check(requestId: string): void {
    this.#control.send({ op: "alive" });
    for (const context of this.#unsettled) {
      if (context.requestId === requestId) {
        this.#watched.add(requestId);
        return;
      }
    }
    this.#control.send({ op: "settled", request: requestId });
  }

  async stop(graceMs: number): Promise<void> {
    // Loading Deno's timers takes as long as half a start.
    if (this.#kept.size > 0) {
      const patience = new NativePromise((resolve) =>
        setTimer()(resolve, graceMs)
      );
      await NativePromise.race([this.#allKept(), patience]);
    }
    this.#control.send({ op: "stopped" });
    await this.#control.flush();
    exit(0);
  }

  /** `context.waitUntil`. */
  keepUntil(promise: PromiseLike<unknown>, requestId: string): void {
    const kept = this.#watchKept(promise, requestId)
      .then(() => void this.#kept.delete(kept));
    this.#kept.add(kept);
  }

  report(requestId: string | null, thrown: unknown): void {
    this.#control.send({
      op: "error",
      request: requestId,
      ...describe(thrown),
    });
  }

  /** Reports what went wrong, and is the reply to give for it. */
  failed(requestId: string | null, thrown: unknown): Response {
    this.report(requestId, thrown);
    return this.#errorReply("function_error");
  }

  async #hold(request: Request, context: RequestContext): Promise<Response> {
    const warm = this.#gatekeeper.header(request, "x-doze-warm");
    if (warm === "1" || warm === "vm") {
      // 5 MB, and 20 ms, for a function that imports built-ins or is large.
      if (warm === "vm") warmUpVm();
      return await this.#rehearse(request, context);
    }
    return await this.#wait(request, context);
  }

  /** Another instance takes a function and a request, as this one will. */
  async #rehearse(
    request: Request,
    context: RequestContext,
  ): Promise<Response> {
    const rehearsal = new Instance(NOBODY, this.#gatekeeper);
    const held = rehearsal.#wait(request, context);
    await rehearsal.assign(sample());
    await held;
    return await this.#call(request, context);
  }

  /** What is done with a request that came before the function's code has run. */
  async #wait(request: Request, context: RequestContext): Promise<Response> {
    this.#unsettled.add(context);
    try {
      await this.#evaluated.promise;
      return await this.#answer(request, context);
    } finally {
      this.#settled(context);
    }
  }

  #call(request: Request, context: RequestContext): Reply {
    const outside = enter(context.requestId);
    try {
      // Not as a method: `this` would hand the function our insides.
      const handler = this.#handler;
      const result = handler(request, context);
      return isPromise(result)
        ? this.#await(result, context)
        : toResponse(result);
    } catch (thrown) {
      return this.failed(context.requestId, thrown);
    } finally {
      leave(outside);
    }
  }

  async #await(
    result: PromiseLike<unknown>,
    context: RequestContext,
  ): Promise<Response> {
    this.#unsettled.add(context);
    try {
      return toResponse(await result);
    } catch (thrown) {
      return this.failed(context.requestId, thrown);
    } finally {
      this.#settled(context);
    }
  }

  #settled(context: RequestContext): void {
    this.#unsettled.delete(context);
    if (this.#watched.size > 0 && this.#watched.delete(context.requestId)) {
      this.#control.send({ op: "settled", request: context.requestId });
    }
  }

  async #watchKept(promise: PromiseLike<unknown>, requestId: string) {
    try {
      await promise;
    } catch (thrown) {
      this.report(requestId, thrown);
    }
  }

  async #allKept(): Promise<void> {
    // Kept work may keep more work.
    while (this.#kept.size > 0) await NativePromise.all(this.#kept);
  }

  /**
   * The gateway writes the body. The token shows that the error is ours: a
   * function does not know it and cannot pass its own response off as one.
   */
  #errorReply(code: "function_error" | "start_failed"): Response {
    return new NativeResponse(null, {
      status: 500,
      headers: { "x-doze-error": this.#gatekeeper.sign(code) },
    });
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return value instanceof NativePromise ||
    typeof (value as PromiseLike<unknown> | null | undefined)?.then ===
      "function";
}
