import { attempts } from "./attempt.ts";

/** Not written in one piece, or it would be found in this function's code. */
const SECRET = ["kept", "for", "the", "neighbour"].join(" ");

const holds = (read: () => string) => {
  try {
    return read().includes(SECRET);
  } catch {
    return false;
  }
};

const list = (folder: string) => {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
};

const isIn = (folder: string): boolean =>
  list(folder).some(({ name, isFile, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return isIn(path);
    return isFile && holds(() => Deno.readTextFileSync(path));
  });

const isInProcesses = (file: string) =>
  list("/proc").some(({ name }) =>
    holds(() => Deno.readTextFileSync(`/proc/${name}/${file}`))
  );

const found = (is: boolean) => {
  if (!is) throw new Error("it is not there");
};

export default attempts({
  "variables": () => found(holds(() => JSON.stringify(Deno.env.toObject()))),
  "environments": () => found(isInProcesses("environ")),
  "command lines": () => found(isInProcesses("cmdline")),
  "what the server keeps": ({ data }) => found(isIn(data)),
  "what is published": ({ registry }) => found(isIn(registry)),
  "the other's folder": ({ neighbour }) => found(isIn(neighbour.folder)),
});
