import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answering, writeFunction } from "./doze.ts";
import { drop } from "./drop.ts";
import { expect, open, test } from "./test.ts";

let folder: string;
test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "doze-drop-"));
});
test.afterAll(() => rm(folder, { recursive: true }));

test("a dropped folder becomes a function, sub-folders and all", async ({ page, doze }) => {
  await writeFunction(folder, "dropped", {
    "index.ts": `import { word } from "./lib/word.ts";\nexport default () => word;\n`,
    "lib/word.ts": `export const word = "from a folder";\n`,
    ".git/HEAD": "ref: refs/heads/main",
  });
  await drop(page, join(folder, "dropped"));
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("dropped 2 files");
  await expect(dialog.getByLabel("Name")).toHaveValue("dropped");
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("dropped");
  expect(await doze.call("/dropped")).toBe("from a folder");
});

test("a dropped file is a function's new version", async ({ page, doze }) => {
  await doze.write("renewed", answering("old"));
  await open(page, "renewed");
  await writeFile(join(folder, "anything.js"), answering("new"));
  await drop(page, join(folder, "anything.js"));
  const dialog = page.getByRole("dialog", { name: "New version of renewed" });
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(dialog).toHaveCount(0);
  await expect.poll(() => doze.call("/renewed")).toBe("new");
});

test("what does not build is told in full, and can be dropped again", async ({ page, doze }) => {
  await writeFunction(folder, "faulty", {
    "index.ts": `import a from "./gone.ts";\nimport b from "npm:left-pad";\nexport default () => a + b;\n`,
    "registry.json": `{"memroyMb": 64}`,
  });
  await drop(page, join(folder, "faulty"));
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(dialog.getByRole("alert")).toContainText("did you mean `memoryMb`?");
  await writeFunction(folder, "faulty", { "registry.json": "{}" });
  await drop(page, join(folder, "faulty"));
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(dialog.getByRole("alert")).toContainText("index.ts:1:15");
  await expect(dialog.getByRole("alert")).toContainText("index.ts:2:15");
  await writeFunction(folder, "faulty", { "index.ts": answering("mended") });
  await drop(page, join(folder, "faulty"));
  await expect(dialog.getByRole("alert")).toHaveCount(0);
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(dialog).toHaveCount(0);
  await expect.poll(() => doze.call("/faulty")).toBe("mended");
});

test("files are chosen without a drag, under a name of one's own", async ({ page, doze }) => {
  await page.getByRole("button", { name: "Deploy…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: "Deploy" })).toBeDisabled();
  const chooser = page.waitForEvent("filechooser");
  await dialog.getByRole("button", { name: "Files…" }).click();
  await (await chooser).setFiles({
    name: "index.ts",
    mimeType: "text/plain",
    buffer: Buffer.from(answering("chosen")),
  });
  await dialog.getByLabel("Name").fill("ada/chosen");
  await dialog.getByRole("button", { name: "Deploy" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("ada/chosen");
  expect(page.url()).toBe(`${doze.admin}/functions/ada/chosen`);
  await expect.poll(() => doze.call("/ada/chosen")).toBe("chosen");
});
