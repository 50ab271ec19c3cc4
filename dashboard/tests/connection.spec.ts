import { expect, test } from "@playwright/test";
import { Doze } from "./doze.ts";

test("a page whose server stops says so, and shows what it last knew", async ({ page }) => {
  const doze = await Doze.start();
  try {
    await doze.write("hello", `export default () => "hi";`);
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await expect(page.getByRole("link", { name: "hello", exact: true })).toBeVisible();
  } finally {
    await doze.stop();
  }
  await expect(page.getByText("Reconnecting…")).toBeVisible();
  await expect(page.getByRole("link", { name: "hello", exact: true })).toBeVisible();
});
