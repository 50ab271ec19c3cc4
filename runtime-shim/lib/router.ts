import type { Context } from "./context.ts";
import type { HandlerResult } from "./handler.ts";

/** The parameters named in a path: `/items/:id` gives `{ id: string }`, a last `*` gives `"*"`. */
export type Params<Path extends string> = string extends Path
  ? Record<string, string>
  : { [Name in ParamName<Path>]: string };

type ParamName<Path extends string> = Path extends
  `${infer Segment}/${infer Rest}` ? SegmentName<Segment> | ParamName<Rest>
  : SegmentName<Path>;

type SegmentName<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : Segment extends "*" ? "*"
  : never;

/** A handler that also gets the parameters of its path, percent-decoded. */
export type RouteHandler<Path extends string> = (
  request: Request,
  context: Context,
  params: Params<Path>,
) => HandlerResult | PromiseLike<HandlerResult>;

type AddRoute = <const Path extends string>(
  path: Path,
  handle: RouteHandler<Path>,
) => Router;

/** Routes in the order in which they were added: the first that matches wins. */
export interface Router {
  readonly get: AddRoute;
  readonly head: AddRoute;
  readonly post: AddRoute;
  readonly put: AddRoute;
  readonly patch: AddRoute;
  readonly delete: AddRoute;
  readonly options: AddRoute;
  /** Adds a route for every method. */
  readonly all: AddRoute;
  /** Adds a route for a method that has no name of its own here. */
  on<const Path extends string>(
    method: string,
    path: Path,
    handle: RouteHandler<Path>,
  ): Router;
  /** Answers a request; makes `export default app` work. */
  fetch(
    request: Request,
    context: Context,
  ): HandlerResult | PromiseLike<HandlerResult>;
}

interface Route {
  method: string;
  pattern: RegExp;
  names: string[];
  handle: RouteHandler<string>;
}

const ANY_METHOD = "*";

/**
 * Makes a router.
 *
 * ```ts
 * const app = router();
 * app.get("/items/:id", (_request, _context, { id }) => ({ id }));
 * export default app;
 * ```
 *
 * A path that no route knows is answered with 404; a known path with a method
 * that no route takes with 405 and `Allow`. GET routes answer HEAD as well.
 */
export function router(): Router {
  const routes: Route[] = [];

  function on(method: string, path: string, handle: RouteHandler<string>) {
    routes.push({ method: method.toUpperCase(), ...compile(path), handle });
    return app;
  }

  function fetch(request: Request, context: Context) {
    const path = new URL(request.url).pathname;
    const allowed = new Set<string>();
    for (const route of routes) {
      const match = route.pattern.exec(path);
      if (match === null) continue;
      if (serves(route.method, request.method)) {
        return route.handle(request, context, paramsOf(route, match));
      }
      allowed.add(route.method);
    }
    if (allowed.size === 0) return new Response("Not Found", { status: 404 });
    if (allowed.has("GET")) allowed.add("HEAD");
    return new Response("Method Not Allowed", {
      status: 405,
      headers: { allow: [...allowed].join(", ") },
    });
  }

  const adds = (method: string): AddRoute => (path, handle) =>
    on(method, path, handle as RouteHandler<string>);
  const app: Router = {
    get: adds("GET"),
    head: adds("HEAD"),
    post: adds("POST"),
    put: adds("PUT"),
    patch: adds("PATCH"),
    delete: adds("DELETE"),
    options: adds("OPTIONS"),
    all: adds(ANY_METHOD),
    on: on as Router["on"],
    fetch,
  };
  return app;
}

function serves(routeMethod: string, method: string): boolean {
  return routeMethod === method || routeMethod === ANY_METHOD ||
    (method === "HEAD" && routeMethod === "GET");
}

function compile(path: string): { pattern: RegExp; names: string[] } {
  if (!path.startsWith("/")) {
    throw new TypeError(`a route's path begins with "/", not as in "${path}"`);
  }
  const names: string[] = [];
  const source = path.slice(1).split("/").map((segment, index, all) => {
    if (segment.startsWith(":")) {
      names.push(segment.slice(1));
      return "/([^/]+)";
    }
    if (segment === "*") {
      names.push("*");
      if (index === all.length - 1) return "(?:/(.*))?";
      throw new TypeError(`"*" is only understood at the end of "${path}"`);
    }
    return "/" + segment.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  return { pattern: new RegExp(`^${source.join("")}$`), names };
}

function paramsOf(route: Route, match: RegExpExecArray) {
  const params: Record<string, string> = {};
  for (const [index, name] of route.names.entries()) {
    params[name] = decode(match[index + 1] ?? "");
  }
  return params;
}

/** A stray `%` is the client's, not a reason to fail. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
