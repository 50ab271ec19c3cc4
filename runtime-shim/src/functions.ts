/** A module of named functions: each is called as `POST /<name>`, JSON in and out. */
import type { WebHandler } from "./handler.ts";
import {
  NativeResponse,
  NativeURL,
  parseJson,
  stringifyJson,
} from "./intrinsics.ts";

// deno-lint-ignore ban-types -- exported functions take and return anything
type NamedFunction = Function;

export function namedFunctions(
  functions: Map<string, NamedFunction>,
): WebHandler {
  return async (request, context) => {
    const name = nameIn(request.url);
    if (name === "") {
      return request.method === "GET" || request.method === "HEAD"
        ? json({ functions: [...functions.keys()] })
        : notAllowed("GET, HEAD");
    }
    const named = functions.get(name);
    if (named === undefined) {
      return problem(404, "not_found", `there is no function \`${name}\``);
    }
    if (request.method !== "POST") return notAllowed("POST");
    const body = await request.text();
    let payload: unknown;
    try {
      payload = body === "" ? undefined : parseJson(body);
    } catch (thrown) {
      return problem(400, "bad_json", `the payload is no JSON: ${thrown}`);
    }
    const result = await named(payload, context);
    return result === undefined || result instanceof NativeResponse
      ? result
      : json(result);
  };
}

function nameIn(url: string): string {
  const path = new NativeURL(url).pathname.slice(1);
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function json(value: unknown, init: ResponseInit = {}): Response {
  const text = stringifyJson(value);
  if (text === undefined) {
    throw new TypeError(`the function returned a ${typeof value}, not JSON`);
  }
  return new NativeResponse(text, {
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

function problem(status: number, code: string, message: string): Response {
  return json({ error: { code, message } }, { status });
}

function notAllowed(allow: string): Response {
  return json(
    {
      error: {
        code: "method_not_allowed",
        message: `this path takes ${allow}`,
      },
    },
    { status: 405, headers: { allow } },
  );
}
