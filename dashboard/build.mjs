// Bundles the dashboard into dist/: one script and one style sheet, named
// after what they hold, and the page that loads them.

import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";

await rm("dist", { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ["src/main.tsx"],
  entryNames: "[name]-[hash]",
  outdir: "dist/assets",
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  sourcemap: "linked",
  legalComments: "linked",
  charset: "utf8",
  logLevel: "warning",
  metafile: true,
});

const outputs = Object.keys(metafile.outputs).map((path) => basename(path));
const one = (extension) => outputs.find((name) => name.endsWith(extension));
const page = await readFile("src/index.html", "utf8");
await mkdir("dist/assets", { recursive: true });
await copyFile("src/icon.svg", "dist/assets/icon.svg");
await writeFile(
  "dist/index.html",
  page.replace("{script}", one(".js")).replace("{style}", one(".css")),
);
