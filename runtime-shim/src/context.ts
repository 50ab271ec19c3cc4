import type { Context } from "../lib/context.ts";
import type { Instance } from "./instance.ts";

/**
 * One request's context. One is made per request, so whatever a handler may
 * not ask for is made when it asks.
 */
export class RequestContext implements Context {
  readonly requestId: string;
  readonly #request: Request;
  readonly #instance: Instance;

  constructor(requestId: string, request: Request, instance: Instance) {
    this.requestId = requestId;
    this.#request = request;
    this.#instance = instance;
  }

  get function(): string {
    return this.#instance.function;
  }

  get revision(): string {
    return this.#instance.revision;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  // A getter and not a method, so that `({ waitUntil }) => …` works.
  get waitUntil(): (promise: PromiseLike<unknown>) => void {
    return (promise) => this.#instance.keepUntil(promise, this.requestId);
  }
}
