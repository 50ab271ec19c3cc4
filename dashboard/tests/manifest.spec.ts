import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { answering } from "./doze.ts";
import { expect, open, test } from "./test.ts";

test("a manifest is changed, and the function runs by it", async ({ page, doze }) => {
  await doze.write("ruled", {
    "index.ts": `export default () => Deno.env.get("WORD") ?? "none";`,
    "registry.json": `{"timeoutSeconds": 20, "env": {"WORD": "old"}}`,
  });
  await open(page, "ruled", "Manifest");
  const editor = page.getByLabel("Manifest", { exact: true });
  await expect(editor).toHaveValue(/"timeoutSeconds": 20/);
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await editor.fill(`{\n  "env": {\n    "WORD": "new"\n  }\n}`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved and live.")).toBeVisible();
  await expect.poll(() => doze.call("/ruled")).toBe("new");
  const written = JSON.parse(await readFile(join(doze.registryIn, "ruled/registry.json"), "utf8"));
  expect(written).toEqual({ env: { WORD: "new" } });
});

test("mistakes in a manifest are told beside their lines, and nothing is changed", async ({ page, doze }) => {
  await doze.write("strict", { "index.ts": answering("strict"), "registry.json": `{"memoryMb": 64}` });
  await open(page, "strict", "Manifest");
  const editor = page.getByLabel("Manifest", { exact: true });

  await editor.fill(`{\n  "memoryMb": 64,\n}`);
  await expect(page.locator(".wrong")).toContainText("not valid JSON");
  await expect(page.locator(".wrong .line-number")).toHaveText("3");
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();

  await editor.fill(`{\n  "memoryMb": 3,\n  "idelSeconds": 5\n}`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".wrong .line-number")).toHaveText(["2", "3"]);
  await expect(page.locator(".wrong").nth(0)).toContainText("`memoryMb`: expected a whole number");
  await expect(page.locator(".wrong").nth(1)).toContainText("did you mean `idleSeconds`?");
  await expect(page.getByRole("alert")).toContainText("line 3");
  expect(await readFile(join(doze.registryIn, "strict/registry.json"), "utf8")).toBe(`{"memoryMb": 64}`);

  await page.getByRole("button", { name: "Discard" }).click();
  await expect(page.locator(".wrong")).toHaveCount(0);
});

test("a field is put into the manifest from the list beside it", async ({ page, doze }) => {
  await doze.write("listed", answering("listed"));
  await open(page, "listed", "Manifest");
  await page.getByRole("button", { name: "methods" }).click();
  await expect(page.getByLabel("Manifest", { exact: true })).toHaveValue(/"methods": \[/);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved and live.")).toBeVisible();
  const refused = await fetch(`${doze.gateway}/listed`, { method: "PUT" });
  expect(refused.status).toBe(405);
});
