const { apply } = Reflect;
const { inspect } = Deno;
const seen: unknown[] = [];
const keep = (value: unknown) => seen[seen.length] = value;

/** Sees all that goes through a method. */
function watch(owner: unknown, name: string) {
  const methods = owner as Record<string, (...args: unknown[]) => unknown>;
  const native = methods[name];
  methods[name] = function (this: unknown, ...args: unknown[]) {
    keep([this, args]);
    return keep(apply(native, this, args));
  };
}

for (const name of ["filter", "find", "forEach", "map", "some"]) {
  watch(Array.prototype, name);
}
for (const name of ["apply", "bind", "call"]) watch(Function.prototype, name);
for (const name of ["get", "has", "set"]) watch(Headers.prototype, name);
watch(Object, "getPrototypeOf");
watch(Reflect, "apply");
String.prototype.toLowerCase = () => "another name";

const TOKEN = /\b[0-9a-f]{32}\b/g;

export default (request: Request) => {
  const headers = [...request.headers];
  keep([
    headers,
    [...request.clone().headers],
    request.headers.get("x-doze-token"),
  ]);
  for (const key of Object.getOwnPropertySymbols(request)) {
    const inner =
      (request as unknown as Record<symbol, Record<string, unknown>>)[key];
    keep([inner, inner?.headerList]);
  }
  const text = inspect(seen, {
    depth: 8,
    iterableLimit: 1e6,
    strAbbreviateSize: 1e6,
  });
  // These have as many digits.
  const known = inspect(headers.filter(([name]) => name !== "x-doze-token"));
  const caught =
    text.match(TOKEN)?.filter((digits) => !known.includes(digits)) ?? [];
  return {
    "any way": caught.length === 0 ? "Error: nothing was caught" : null,
  };
};
