import { expect, test } from "@playwright/test";
import { Doze } from "./doze.ts";

test("a server without functions says what to do first, and does it", async ({ page }) => {
  const doze = await Doze.start();
  try {
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await expect(page.getByRole("heading", { name: "No functions yet" })).toBeVisible();
    await expect(page.getByText("mkdir registry_in/hello")).toBeVisible();
    await page.getByRole("button", { name: "Deploy this example" }).click();
    await expect(page.getByRole("link", { name: "hello", exact: true })).toBeVisible();
    await expect.poll(() => doze.call("/hello")).toBe("Hello, world");
  } finally {
    await doze.stop();
  }
});
