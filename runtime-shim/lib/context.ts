/** What a handler is told about the request besides the request itself. */
export interface Context {
  /** The id of this request, the same as in the `x-request-id` header and in the log. */
  readonly requestId: string;
  /** The name of the function, as in its URL: `hello` or `owner/hello`. */
  readonly function: string;
  /** The revision that answers: a hash of its content. */
  readonly revision: string;
  /** Aborts when the client leaves or the request's time is over. */
  readonly signal: AbortSignal;
  /**
   * Lets work outlive the response: the instance is not stopped before the
   * promise has settled, or the server's patience is at its end.
   * A rejection is logged and harms nobody.
   */
  readonly waitUntil: (promise: PromiseLike<unknown>) => void;
}
