/**
 * From a bundle's text to its exports, without permission to read any file.
 *
 * There are two ways, and which one is faster depends on the process.
 * `node:vm` evaluates code of any size quickly, but loading it costs as much
 * as booting Deno; a spare has paid that before it is needed. A process that
 * was started for this very request imports small code through a data: URL.
 */
import { decoder, NativeError } from "./intrinsics.ts";

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
 * Bytes from which loading `node:vm` pays, which takes 13 ms: Deno parses what
 * it imports before V8 does, at 0.2 to 0.6 ms per KiB as the code may be.
 */
const LARGE = 32 * 1024;

/**
 * What esbuild is told to put in front of every bundle, for the CommonJS
 * packages in it. Few functions have any, and `node:module` is slow to load.
 */
const BANNER =
  /^import\s*\{\s*createRequire as ([\w$]+)\s*\}\s*from\s*"node:module";\s*(?:const|let|var) require\s*=\s*\1\(import\.meta\.url\);?/;

let vm: Vm | null = null;

/** How the passing name of a directly imported module begins; nobody else's does. */
const DIRECT = "data:text/javascript;charset=utf-8;doze,";

/** That name in a stack, where Deno shortens it. */
const DIRECT_NAME = new RegExp(`${DIRECT}\\S*?(?=:\\d+:\\d+)`, "g");

let directName = "";

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
  if (vm === null && bundle.length < LARGE && !/\bimport\b/.test(code)) {
    return await importDirectly(code, name);
  }
  return await evaluateInVm(code, name, path);
}

/** Replaces the passing name that a module has in a stack by its lasting one. */
export function moduleNames(stack: string): string {
  return stack.replace(DIRECT_NAME, directName);
}

async function importDirectly(code: string, name: string): Promise<Exports> {
  directName = name;
  return await import(DIRECT + encodeURIComponent(code));
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
