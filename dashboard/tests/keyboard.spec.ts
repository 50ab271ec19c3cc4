import type { Page } from "@playwright/test";
import { answering } from "./doze.ts";
import { expect, test } from "./test.ts";

/** Presses Tab until something of this name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const wanted = typeof name === "string" ? (text: string) => text === name : (t: string) => name.test(t);
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const text = await page.evaluate(() => {
      const focused = document.activeElement;
      return focused?.getAttribute("aria-label") ?? focused?.textContent?.trim() ?? "";
    });
    if (!wanted(text)) continue;
    // Whoever goes by keyboard sees where he is.
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline).toBe("solid");
    return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}

test("a function is found, tried and removed with the keyboard alone", async ({ page, doze }) => {
  await doze.write("key-a", answering("a"));
  await doze.write("key-b", answering("b"));
  await expect(page.getByRole("link", { name: "key-b" })).toBeVisible();

  await page.keyboard.press("/");
  await page.keyboard.type("key-");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("link", { name: "key-a" })).toBeFocused();
  await page.keyboard.press("j");
  await expect(page.getByRole("link", { name: "key-b" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("key-b");

  await tabTo(page, "Try it");
  await page.keyboard.press("Enter");
  await tabTo(page, "Send");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Response" })).toContainText("200");

  await page.keyboard.press("Home");
  await page.getByRole("link", { name: "doze, all functions" }).focus();
  await tabTo(page, "Remove…");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Remove…" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, "Remove");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Functions", exact: true })).toBeVisible();
  await expect.poll(() => doze.call("/key-b")).toContain("function_not_found");
});

test("the first Tab leads past the bar", async ({ page }) => {
  await page.reload();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the page" })).toBeFocused();
});
