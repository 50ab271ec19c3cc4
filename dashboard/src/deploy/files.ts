// What was dropped or chosen, as a list of files with paths.

export interface SourceFile {
  path: string;
  file: File;
}

/** The content of a function: a folder's files, or one file that is all of it. */
export interface Chosen {
  /** What the folder or file is called. */
  name: string;
  files: SourceFile[];
}

/** What no function needs and every folder has. */
const LEFT_OUT = new Set([".git", ".DS_Store", "Thumbs.db"]);

/** Reads what was dropped. The entries must be taken before the event is over. */
export async function filesOfDrop(transfer: DataTransfer): Promise<Chosen> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const files: SourceFile[] = [];
  for (const entry of entries) await walk(entry, "", files);
  return chosenOf(files);
}

/** Reads what a file field holds; of a folder the browser gives whole paths. */
export function filesOfInput(list: FileList): Chosen {
  const files = [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return chosenOf(files.filter(({ path }) => !path.split("/").some((part) => LEFT_OUT.has(part))));
}

async function walk(entry: FileSystemEntry, above: string, files: SourceFile[]): Promise<void> {
  if (LEFT_OUT.has(entry.name)) return;
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject)
    );
    files.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject)
    );
    // A folder is read in portions.
    if (some.length === 0) return;
    for (const inner of some) await walk(inner, `${path}/`, files);
  }
}

function chosenOf(files: SourceFile[]): Chosen {
  const top = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  const [only = ""] = top;
  if (top.size === 1 && files.every(({ path }) => path.includes("/"))) {
    const inside = files.map(({ path, file }) => ({ path: path.slice(only.length + 1), file }));
    return { name: only, files: inside };
  }
  return { name: files.length === 1 ? only : "", files };
}
