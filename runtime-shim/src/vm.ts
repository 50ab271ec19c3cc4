/** What is used of `node:vm`. It is slow to load, so nothing here is at first. */
import type { Exports } from "./load.ts";
import { NativeError } from "./intrinsics.ts";

/** Its linking calls are too new for Deno's types. */
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
  Script: new (code: string, options: {
    filename: string;
    columnOffset?: number;
    cachedData?: Uint8Array;
    importModuleDynamically(specifier: string): unknown;
  }) => Script;
}

interface VmModule {
  evaluate(): Promise<void>;
  namespace: Exports;
}

/** Compiled code that has not run. */
export interface Script {
  cachedDataRejected?: boolean;
  createCachedData(): Uint8Array<ArrayBuffer>;
  runInThisContext(): unknown;
}

let vm: Vm | null = null;

/** Whether using it costs nothing any more. */
export function isVmLoaded(): boolean {
  return vm !== null;
}

/** Runs what evaluating a function runs. */
export function warmUpVm(): void {
  const sample = new (loadVm().SourceTextModule)("export default () => {};", {
    identifier: "doze:///warm.js",
    initializeImportMeta() {},
    importModuleDynamically() {},
  });
  sample.linkRequests([]);
  sample.instantiate();
  void sample.evaluate();
  const first = makeScript("(() => {})", "doze:///warm.js");
  makeScript("(() => {})", "doze:///warm.js", first.createCachedData())
    .runInThisContext();
}

/** Compiles an expression, or takes what V8 made of it before. */
export function makeScript(
  expression: string,
  filename: string,
  cachedData?: Uint8Array,
  columnOffset = 0,
): Script {
  return new (loadVm().Script)(expression, {
    filename,
    columnOffset,
    cachedData,
    importModuleDynamically,
  });
}

/** The `require` of a module at this path. */
export function requireFor(path: string): unknown {
  const { createRequire } = process.getBuiltinModule("node:module") as {
    createRequire(url: string): unknown;
  };
  return createRequire(fileUrl(path));
}

/** The `import.meta` of a module at this path. */
export function metaFor(path: string): Partial<ImportMeta> {
  return {
    __proto__: null,
    url: fileUrl(path),
    filename: path,
    dirname: path.slice(0, path.lastIndexOf("/")),
  } as Partial<ImportMeta>;
}

/** What a module that imports this as a whole gets. */
export async function namespaceOf(specifier: string): Promise<Exports> {
  const module = builtIn(specifier);
  await module.evaluate();
  return module.namespace;
}

/** Evaluates a module. Throws what its top level throws. */
export async function evaluateModule(
  code: string,
  identifier: string,
  path: string,
): Promise<Exports> {
  const module = new (loadVm().SourceTextModule)(code, {
    identifier,
    initializeImportMeta(meta) {
      Object.assign(meta, metaFor(path));
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

/** A file: URL, because `createRequire` and `fileURLToPath` take no other. */
function fileUrl(path: string): string {
  return `file://${path}`;
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
