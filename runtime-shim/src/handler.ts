/** Which of the forms that a function may have is this one? */
import type { Context } from "../lib/context.ts";
import { isWebHandler } from "../lib/create_handler.ts";
import { NativeError } from "./intrinsics.ts";
import { namedFunctions } from "./functions.ts";
import type { Exports } from "./load.ts";
import { nodeHandler, type NodeListener } from "./node.ts";

/** What every form is brought to: takes a request, returns whatever it likes. */
export type WebHandler = (request: Request, context: Context) => unknown;

// deno-lint-ignore ban-types -- any callable is what is looked for
type Callable = Function;

interface Fetcher {
  fetch(request: Request, env: Context, context: Context): unknown;
}

/** The function's handler; throws when its module exports nothing usable. */
export function findHandler(
  exports: Exports,
  format: "esm" | "cjs",
): WebHandler {
  const found = format === "cjs"
    ? fromCommonJs(exports.default)
    : fromDefault(exports.default) ?? fromNames(exports);
  if (found === null) {
    throw new NativeError(
      "the function exports nothing that can be called: export a handler as " +
        "`default`, an object with `fetch`, or named functions",
    );
  }
  return found;
}

function fromDefault(value: unknown): WebHandler | null {
  if (isWebHandler(value)) return value;
  if (isFetcher(value)) {
    // Hono and Cloudflare's form have `env` second and the context third.
    return (request, context) => value.fetch(request, context, context);
  }
  if (isExpress(value)) return nodeHandler(value);
  if (typeof value === "function") return value as WebHandler;
  return fromNames(value);
}

function fromCommonJs(value: unknown): WebHandler | null {
  if (isTranspiled(value)) {
    return fromDefault(value.default) ?? fromNames(value);
  }
  // Without a second parameter there is no `res` to answer with.
  if (
    typeof value === "function" && value.length >= 2 &&
    !isWebHandler(value) && !isFetcher(value)
  ) {
    return nodeHandler(value as NodeListener);
  }
  return fromDefault(value);
}

function fromNames(value: unknown): WebHandler | null {
  if (typeof value !== "object" || value === null) return null;
  const functions = new Map(
    Object.entries(value).filter(
      (entry): entry is [string, Callable] => typeof entry[1] === "function",
    ),
  );
  return functions.size === 0 ? null : namedFunctions(functions);
}

function isFetcher(value: unknown): value is Fetcher {
  return (typeof value === "object" || typeof value === "function") &&
    typeof (value as Fetcher | null)?.fetch === "function";
}

/** An Express app is a function of its own kind, also when an ES module exports it. */
function isExpress(value: unknown): value is NodeListener {
  return typeof value === "function" &&
    typeof (value as { handle?: unknown }).handle === "function" &&
    typeof (value as { listen?: unknown }).listen === "function";
}

/** A compiler's CommonJS form of an ES module. */
function isTranspiled(value: unknown): value is Exports {
  return typeof value === "object" && value !== null && "__esModule" in value;
}
