/**
 * From a bundle's text to its exports, without permission to read any file.
 *
 * The bundler leaves of a module's own syntax only the exports at its end, and
 * imports of built-ins where a function needs them. Without imports, a module
 * is as good as the body of a function, which V8 takes as it is: no other way
 * is as fast, in a fresh process or in a spare. The others go through
 * `node:vm`. Loading that costs as much as booting Deno, but so does every
 * built-in that they could import.
 */
import { decoder, indirectEval, NativeError } from "./intrinsics.ts";

/** A module's exports. */
export type Exports = Record<string, unknown>;

/** The part of `node:vm` used here; its linking calls are too new for Deno's types. */
interface Vm {
  SourceTextModule: new (code: string, options: {
    identifier: string;
    initializeImportMeta(meta: ImportMeta): void;
    importModuleDynamically(specifier: string): unknown;
  }) => VmModule & {
    moduleRequests: { specifier: string }[];
    linkRequests(modules: VmModule[]): void;
    instantiate(): void;
  };
  SyntheticModule: new (
    names: string[],
    evaluate: (
      this: VmModule & {
        setExport(name: string, value: unknown): void;
      },
    ) => void,
    options: { identifier: string },
  ) => VmModule;
}

interface VmModule {
  evaluate(): Promise<void>;
  namespace: Exports;
}

/**
 * What esbuild is told to put in front of every bundle, for the CommonJS
 * packages in it. Few functions have any, and `node:module` is slow to load.
 */
const BANNER =
  /^import\s*\{\s*createRequire as ([\w$]+)\s*\}\s*from\s*"node:module";\s*(?:const|let|var) require\s*=\s*\1\(import\.meta\.url\);?/;

let vm: Vm | null = null;

/** What only a module may do, written where the bundler writes it. */
const NEEDS_MODULE = /^import\b|\bimport\s*\(/m;

/** The end of a bundle: its exports, and the name of its source map. */
const NAMED = /^export \{([^}]*)\};\s*(?:\/\/.*\s*)?$/;
const DEFAULT = /^export default (.*);\s*(?:\/\/.*\s*)?$/;

/** Called in a spare, which has the time. */
export function prepareToEvaluate(): void {
  const { SourceTextModule } = loadVm();
  const sample = new SourceTextModule("export default () => {};", {
    identifier: "doze:///warm.js",
    initializeImportMeta() {},
    importModuleDynamically() {},
  });
  sample.linkRequests([]);
  sample.instantiate();
  void sample.evaluate();
}

/** Evaluates a function's bundle. Throws what its top level throws. */
export async function evaluate(
  functionName: string,
  bundle: Uint8Array<ArrayBuffer>,
): Promise<Exports> {
  const code = withoutUnusedBanner(decoder.decode(bundle));
  const path = `/${functionName}/index.js`;
  // Stacks then read `doze:///hello/index.js:LINE:COLUMN`: a name that is no
  // file's, by which the server finds the source map.
  const name = `doze://${path}`;
  const run = NEEDS_MODULE.test(code) ? null : compile(code, name);
  return run === null ? await evaluateInVm(code, name, path) : await run();
}

/** The module as a function; `null` where it has to be a module. */
function compile(code: string, name: string): (() => Promise<Exports>) | null {
  const end = code.lastIndexOf("\nexport ") + 1;
  const exports = exportsOf(code.slice(end));
  if (exports === null) return null;
  const body = code.slice(0, end);
  try {
    return indirectEval(
      `(async function(){"use strict";${body}return ${exports}})\n//# sourceURL=${name}`,
    );
  } catch {
    // Nothing has run yet. If it is no valid module either, that will be said.
    return null;
  }
}

/** An object with these exports, as an expression. */
function exportsOf(statement: string): string | null {
  const value = DEFAULT.exec(statement)?.[1];
  if (value !== undefined) return `{default:${value}}`;
  const names = NAMED.exec(statement)?.[1].split(",");
  if (names === undefined) return null;
  const properties = names.map((name) => {
    const [variable, alias] = name.trim().split(" as ");
    return `${alias ?? variable}:${variable}`;
  });
  return `{${properties.join()}}`;
}

async function evaluateInVm(
  code: string,
  identifier: string,
  path: string,
): Promise<Exports> {
  const module = new (loadVm().SourceTextModule)(code, {
    identifier,
    initializeImportMeta(meta) {
      // A file: URL, because `createRequire` and `fileURLToPath` take no other.
      meta.url = `file://${path}`;
      meta.filename = path;
      meta.dirname = path.slice(0, path.lastIndexOf("/"));
    },
    importModuleDynamically,
  });
  module.linkRequests(
    module.moduleRequests.map(({ specifier }) => builtIn(specifier)),
  );
  module.instantiate();
  await module.evaluate();
  return module.namespace;
}

async function importModuleDynamically(specifier: string): Promise<unknown> {
  // These carry their code with them.
  if (/^(?:data|blob):/.test(specifier)) return await import(specifier);
  const module = builtIn(specifier);
  await module.evaluate();
  return module;
}

function builtIn(specifier: string): VmModule {
  const exports = process.getBuiltinModule(specifier) as Exports | undefined;
  if (exports === undefined) {
    throw new NativeError(
      `cannot import "${specifier}": a running function can import only ` +
        `\`node:\` built-ins; everything else must be bundled, so write its ` +
        `name as a literal and install its package in the function's folder`,
    );
  }
  const names = Object.keys(exports).filter((name) => name !== "default");
  return new (loadVm().SyntheticModule)(["default", ...names], function () {
    this.setExport("default", exports);
    for (const name of names) this.setExport(name, exports[name]);
  }, { identifier: specifier });
}

function loadVm(): Vm {
  return vm ??= process.getBuiltinModule("node:vm") as unknown as Vm;
}

function withoutUnusedBanner(code: string): string {
  const banner = BANNER.exec(code)?.[0];
  if (banner === undefined) return code;
  const rest = code.slice(banner.length);
  // Spaces of the same length keep the columns that a source map counts.
  return /\brequire\b/.test(rest) ? code : " ".repeat(banner.length) + rest;
}
