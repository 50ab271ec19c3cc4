import { answering } from "./doze.ts";
import { expect, open, test } from "./test.ts";

test("an older revision is brought back after a question, and Refresh leads forward again", async ({ page, doze }) => {
  await doze.write("turned", answering("first"));
  await open(page, "turned", "Revisions");
  const rows = page.locator(".revisions li");
  await expect(rows).toHaveCount(1);
  await doze.write("turned", answering("second"));
  await expect(rows).toHaveCount(2);
  await expect.poll(() => doze.call("/turned")).toBe("second");

  await rows.nth(1).getByRole("button", { name: "Roll back to this" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await expect(page.locator(".note")).toBeVisible();
  await expect(rows.nth(1)).toContainText("live");
  await expect.poll(() => doze.call("/turned")).toBe("first");

  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.locator(".note")).toHaveCount(0);
  await expect.poll(() => doze.call("/turned")).toBe("second");
});
