import { rm } from "node:fs/promises";
import { join } from "node:path";
import { answering } from "./doze.ts";
import { expect, test } from "./test.ts";

test("a folder that is dropped appears, and goes when it is removed, without a reload", async ({ page, doze }) => {
  await doze.write("visitor", answering("hi"));
  const row = page.getByRole("row").filter({ hasText: "visitor" });
  await expect(row).toContainText("live");
  await rm(join(doze.registryIn, "visitor"), { recursive: true });
  await expect(row).toHaveCount(0);
});

test("requests, errors, latency and the instance are told as they happen", async ({ page, doze }) => {
  await doze.write(
    "busy",
    `export default (request) => { if (request.url.includes("fail")) throw new Error("no"); return "ok"; };`,
  );
  const row = page.getByRole("row").filter({ hasText: "busy" });
  await expect(row).toContainText("live");
  for (let i = 0; i < 5; i++) expect(await doze.call("/busy")).toBe("ok");
  await doze.call("/busy?fail");
  await expect(row.locator(".requests")).toHaveText("6");
  await expect(row.locator(".errors")).toHaveText("1");
  await expect(row.locator(".p50")).toContainText("ms");
  await expect(row.locator(".instances")).toHaveText("1");
  await expect(row.locator(".memory")).toContainText("MB");
  // Who comes later sees the last minute too.
  await page.reload();
  await expect(row.locator(".requests")).toHaveText(/[1-6]/);
  await expect(row.locator(".last")).toContainText(/just now|s ago/);
});

test("the list is narrowed by name and by state, and sorted by any column", async ({ page, doze }) => {
  await doze.write("zebra", answering("z"));
  await doze.write("zebra-broken", "export default (");
  const names = page.locator("table.functions tbody td.name");
  // The key is for a list that is there.
  await expect(names.filter({ hasText: "zebra" })).toHaveCount(2);
  await page.keyboard.press("/");
  await page.keyboard.type("ZEBRA");
  await expect(names).toHaveText(["zebra", "zebra-broken"]);
  await page.getByRole("button", { name: "Function" }).click();
  await expect(names).toHaveText(["zebra-broken", "zebra"]);
  await expect(page.getByRole("columnheader", { name: "Function" }))
    .toHaveAttribute("aria-sort", "descending");
  await page.getByRole("button", { name: /^broken/ }).click();
  await expect(names).toHaveText(["zebra-broken"]);
  await page.getByLabel("Filter by name").fill("nothing is called so");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(names.filter({ hasText: "zebra" })).toHaveCount(2);
});
