/**
 * From a bundle's text to its exports, without permission to read any file.
 *
 * The bundler leaves of a module's own syntax only the exports at its end, and
 * on its first line what a function needs of built-ins. Without that, a module
 * is as good as the body of a function, which V8 takes as it is: no other way
 * is as fast, in a fresh process or in a spare. A large one becomes a function
 * as a script of `node:vm`, which alone takes what V8 made of it before. What
 * has to be a module is one of `node:vm`. Loading that costs as much as booting
 * Deno, but so does every built-in that it could import.
 */
import type { CodeCache } from "./code_cache.ts";
import { decoder, indirectEval } from "./intrinsics.ts";
import { asFunction, type ModuleFunction } from "./module_text.ts";
import {
  evaluateModule,
  isVmLoaded,
  makeScript,
  metaFor,
  namespaceOf,
  requireFor,
} from "./vm.ts";

/** A module's exports. */
export type Exports = Record<string, unknown>;

type Body = (...values: unknown[]) => Promise<Exports>;

/** An import that a function cannot answer in its own way. */
const DYNAMIC_IMPORT = /\bimport\s*\(/;

/** Evaluates a function's bundle. Throws what its top level throws. */
export async function evaluate(
  functionName: string,
  bundle: Uint8Array<ArrayBuffer>,
  cache: CodeCache,
): Promise<Exports> {
  const path = `/${functionName}/index.js`;
  // Stacks then read `doze:///hello/index.js:LINE:COLUMN`: a name that is no
  // file's, by which the server finds the source map.
  const name = `doze://${path}`;
  const text = decoder.decode(bundle);
  const made = asFunction(text);
  const needsVm = made === null || made.parameters.length > 0 ||
    DYNAMIC_IMPORT.test(made.expression);

  let body: Body | null = null;
  if (made !== null && cache.wanted && (needsVm || isVmLoaded())) {
    body = await fromScript(made, name, cache);
  } else if (made !== null && !needsVm) {
    body = fromEval(made, name);
  }
  await cache.settle(null);
  if (made !== null && body !== null) {
    const values = await valuesFor(made, path);
    if (values !== null) return await body(...values);
  }
  return await evaluateModule(text, name, path);
}

async function fromScript(
  { expression, shift }: ModuleFunction,
  name: string,
  cache: CodeCache,
): Promise<Body | null> {
  try {
    const script = makeScript(expression, name, cache.data, -shift);
    await cache.settle(script);
    return script.runInThisContext() as Body;
  } catch {
    // Nothing has run yet. If it is no valid module either, that will be said.
    return null;
  }
}

function fromEval({ expression }: ModuleFunction, name: string): Body | null {
  try {
    return indirectEval(`${expression}\n//# sourceURL=${name}`);
  } catch {
    return null;
  }
}

/** What it is called with; `null` where something it imports is not there. */
async function valuesFor(
  { parameters, imports }: ModuleFunction,
  path: string,
): Promise<unknown[] | null> {
  const values: unknown[] = [];
  for (const parameter of parameters) {
    if (parameter === "require") values.push(requireFor(path));
    else if (parameter === "meta") values.push(metaFor(path));
    else {
      const namespaces: Exports[] = [];
      for (const { specifier, names } of imports) {
        const namespace = await namespaceOf(specifier);
        if (!names.every((name) => name in namespace)) return null;
        namespaces.push(namespace);
      }
      values.push(namespaces);
    }
  }
  return values;
}
