// What a deployment sends: an archive, or one source file as it is.

import { zipSync } from "fflate";
import type { Chosen } from "./files.ts";

export interface Packed {
  bytes: Blob;
  type: string;
  /** The entry file's name, where the body is the entry file. */
  file?: string;
}

const ARCHIVES: [RegExp, string][] = [
  [/\.zip$/i, "application/zip"],
  [/\.(tar\.gz|tgz)$/i, "application/gzip"],
];
const SOURCE = /\.([cm]?[jt]s|[jt]sx)$/i;

export async function pack({ files }: Chosen): Promise<Packed> {
  const [only] = files;
  if (only && files.length === 1) {
    const archive = ARCHIVES.find(([ending]) => ending.test(only.path));
    if (archive) return { bytes: only.file, type: archive[1] };
    const extension = SOURCE.exec(only.path)?.[1]?.toLowerCase();
    if (extension && !only.path.includes("/")) {
      const type = extension.includes("t") ? "application/typescript" : "application/javascript";
      // A lone file is the entry, whatever it is called.
      return { bytes: only.file, type, file: `index.${extension}` };
    }
  }
  const contents: Record<string, Uint8Array> = {};
  for (const { path, file } of files) {
    contents[path] = new Uint8Array(await file.arrayBuffer());
  }
  const zip = zipSync(contents, { level: 6 });
  return { bytes: new Blob([zip as Uint8Array<ArrayBuffer>]), type: "application/zip" };
}

/** A name for a function that is called like what was dropped. */
export function suggestName({ name, files }: Chosen): string {
  const stem = name.replace(/\.(zip|tar\.gz|tgz|[cm]?[jt]s|[jt]sx)$/i, "");
  const generic = files.length === 1 && stem === "index";
  return generic ? "" : stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
}
