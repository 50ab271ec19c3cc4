import { expect, test } from "@playwright/test";
import { Doze } from "./doze.ts";

test.describe("a session", () => {
  let doze: Doze;
  test.beforeAll(async () => doze = await Doze.start());
  test.afterAll(() => doze.stop());

  test("is opened by the link that the server prints, and the token leaves the address bar", async ({ page }) => {
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await expect(page.getByRole("heading", { name: "Functions", exact: true })).toBeVisible();
    expect(page.url()).toBe(`${doze.admin}/`);
    await page.reload();
    await expect(page.getByRole("heading", { name: "Functions", exact: true })).toBeVisible();
  });

  test("is opened by the pasted token, on the page that was asked for", async ({ page }) => {
    await page.goto(`${doze.admin}/isolation`);
    await page.getByLabel("Admin token").fill(doze.token);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Isolation" })).toBeVisible();
  });

  test("is not opened by another token, and the page says so", async ({ page }) => {
    await page.goto(doze.admin);
    await page.getByLabel("Admin token").fill("not-the-operators-token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert")).toContainText("not the operator's token");
    await page.goto(`${doze.admin}/#token=not-the-operators-token`);
    await page.reload();
    await expect(page.getByRole("alert")).toContainText("not the operator's token");
  });

  test("ends with signing out, for good", async ({ page }) => {
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByLabel("Admin token")).toBeVisible();
    await page.reload();
    await expect(page.getByLabel("Admin token")).toBeVisible();
  });

  test("that the server no longer knows leads back to the token", async ({ page, context }) => {
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await expect(page.getByRole("heading", { name: "Functions", exact: true })).toBeVisible();
    await context.clearCookies();
    // Whatever it asks for next is refused. Where it has asked by itself
    // already, there is nothing left to click on.
    const click = page.getByRole("link", { name: "Instances" }).click({ timeout: 5_000 });
    await click.catch(() => {});
    await expect(page.getByLabel("Admin token")).toBeVisible();
  });
});
