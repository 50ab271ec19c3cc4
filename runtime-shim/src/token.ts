/**
 * Who may talk to this process, and how the proof of it is kept from the
 * function. Deno's `Request` reads its headers lazily from an inner object,
 * which is also what `clone()`, `new Request(request)` and `fetch(request)`
 * copy from. Reading the token there spares us a `Headers` object per request,
 * and hiding it there hides it from everybody at once. Rebuilding the request
 * without the header costs more than half of the throughput and breaks
 * `Deno.upgradeWebSocket`; it remains for a Deno whose inner object differs.
 */
import {
  apply,
  defineProperty,
  lowerCase,
  nativeRequest,
  propertyOf,
  prototypeOf,
  symbolsOf,
} from "./intrinsics.ts";

const TOKEN = "x-doze-token";
const description = propertyOf(Symbol.prototype, "description")!.get!;

/** What we rely on of Deno's inner request. */
interface Inner {
  header(name: string): string | null;
}

type ReadHeader = (this: Inner, name: string) => string | null;

export class Gatekeeper {
  /** Until it is known, nobody is let in. */
  #token: string | undefined;
  /** `undefined`: not looked for yet; `null`: this Deno has it elsewhere. */
  #innerKey: symbol | null | undefined;
  #read: ReadHeader = () => null;

  /** From here on, whoever has this is let in. */
  expect(token: string): void {
    this.#token = token;
  }

  /** The request as the function may see it, or `null` for a stranger's. */
  admit(request: Request): Request | null {
    if (this.#innerKey === undefined) this.#innerKey = this.#prepare(request);
    if (this.#innerKey === null) return this.#admitSlowly(request);
    return this.header(request, TOKEN) === this.#token ? request : null;
  }

  /** Reads one header, without the cost of `request.headers` where possible. */
  header(request: Request, name: string): string | null {
    if (this.#innerKey === null || this.#innerKey === undefined) {
      return request.headers.get(name);
    }
    return apply(this.#read, innerOf(request, this.#innerKey), [name]);
  }

  /** An error code as only we can say it. */
  sign(code: string): string {
    return `${this.#token} ${code}`;
  }

  #prepare(request: Request): symbol | null {
    const key = innerKeyOf(request);
    if (key === undefined) return null;
    const prototype = prototypeOf(innerOf(request, key));
    const list = propertyOf(prototype, "headerList")?.get;
    const read = prototype.header;
    if (list === undefined || typeof read !== "function") return null;
    this.#read = read;
    defineProperty(prototype, "headerList", {
      get() {
        const headers: [string, string][] = apply(list, this, []);
        const shown: [string, string][] = [];
        // By index, since a function may have replaced every method and every
        // iterator since.
        for (let i = 0; i < headers.length; i++) {
          if (!isToken(headers[i][0])) shown[shown.length] = headers[i];
        }
        return shown;
      },
    });
    defineProperty(prototype, "header", {
      value(name: string) {
        // Once, since an object could be another text the second time.
        const text = `${name}`;
        return isToken(text) ? null : apply(read, this, [text]);
      },
    });
    return key;
  }

  #admitSlowly(request: Request): Request | null {
    if (request.headers.get(TOKEN) !== this.#token) return null;
    // An upgrade needs the original; seeing its own token is then the lesser evil.
    if (request.headers.has("upgrade")) return request;
    const headers = new Headers(request.headers);
    headers.delete(TOKEN);
    return new (nativeRequest())(request, { headers });
  }
}

function innerOf(request: Request, key: symbol): Inner {
  return (request as unknown as Record<symbol, Inner>)[key];
}

function innerKeyOf(request: Request): symbol | undefined {
  const symbols = symbolsOf(request);
  for (let i = 0; i < symbols.length; i++) {
    if (apply(description, symbols[i], []) === "request") return symbols[i];
  }
}

function isToken(name: string): boolean {
  return apply(lowerCase, name, []) === TOKEN;
}
