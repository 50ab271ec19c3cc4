/** What a bundle's text says of the module that it is. */

/** A module as a function. */
export interface ModuleFunction {
  /** An asynchronous function whose value is the exports, as an expression. */
  expression: string;
  /** Characters by which it moves the text's first line to the right. */
  shift: number;
  /** What it is called with, in this order. */
  parameters: ("require" | "meta" | "imports")[];
  /** What `imports` holds: the namespaces of these, with these names in them. */
  imports: { specifier: string; names: string[] }[];
}

/**
 * What the bundler puts on the first line, in this order. `require` is for the
 * CommonJS packages in a bundle. Few functions have any, and `node:module` is
 * slow to load.
 */
const REQUIRE =
  /import\s*\{\s*createRequire as ([\w$]+)\s*\}\s*from\s*"node:module";\s*(?:const|let|var) require\s*=\s*\1\(import\.meta\.url\);?/y;
const META = /const __dozeMeta=import\.meta;/y;
const IMPORT =
  /import (?:([\w$]+)(?:, | ))?(?:\* as ([\w$]+) |\{([^}"\n]*)\} )?(?:from )?"([^"\n]*)"; ?/y;

/** What only a module may do, written where the bundler writes it. */
const LEFT = /^import\b/m;

/** The end of a bundle: its exports, and the name of its source map. */
const NAMED = /^export \{([^}]*)\};\s*(?:\/\/.*\s*)?$/;
const DEFAULT = /^export default (.*);\s*(?:\/\/.*\s*)?$/;

/** The module as a function; `null` where it has to be a module. */
export function asFunction(text: string): ModuleFunction | null {
  const end = text.lastIndexOf("\nexport ") + 1;
  const exports = exportsOf(text.slice(end));
  if (exports === null) return null;

  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  const banner = take(REQUIRE);
  const meta = take(META);
  const imports: ModuleFunction["imports"] = [];
  const bindings: string[] = [];
  for (let found = take(IMPORT); found !== null; found = take(IMPORT)) {
    const [, value, all, list, specifier] = found;
    const pairs = pairsIn(list ?? "");
    if (value !== undefined) pairs.push(["default", value]);
    const from = `__dozeImports[${imports.length}]`;
    if (all !== undefined) bindings.push(`${all}=${from}`);
    const pattern = pairs.map(([name, variable]) => `${name}:${variable}`);
    if (pairs.length > 0) bindings.push(`{${pattern.join()}}=${from}`);
    imports.push({ specifier, names: pairs.map(([name]) => name) });
  }
  const body = text.slice(at, end);
  if (LEFT.test(body)) return null;

  const parameters: ModuleFunction["parameters"] = [];
  const names: string[] = [];
  if (banner !== null && /\brequire\b/.test(body)) {
    parameters.push("require");
    names.push("require");
  }
  if (meta !== null) {
    parameters.push("meta");
    names.push("__dozeMeta");
  }
  if (imports.length > 0) {
    parameters.push("imports");
    names.push("__dozeImports");
  }
  const variables = bindings.length > 0 ? `const ${bindings.join()};` : "";
  const head = `(async function(${names.join()}){"use strict";${variables}`;
  const expression = `${head}${body}return ${exports}})`;
  return { expression, shift: head.length - at, parameters, imports };
}

/** An object with these exports, as an expression. */
function exportsOf(statement: string): string | null {
  const value = DEFAULT.exec(statement)?.[1];
  if (value !== undefined) return `{default:${value}}`;
  const list = NAMED.exec(statement)?.[1];
  if (list === undefined) return null;
  const pairs = pairsIn(list);
  return `{${pairs.map(([name, alias]) => `${alias}:${name}`).join()}}`;
}

/** `a, b as c` as `[["a", "a"], ["b", "c"]]`. */
function pairsIn(list: string): [name: string, alias: string][] {
  const items = list.split(",").map((item) => item.trim());
  return items.filter((item) => item !== "").map((item) => {
    const [name, alias] = item.split(" as ");
    return [name, alias ?? name];
  });
}
