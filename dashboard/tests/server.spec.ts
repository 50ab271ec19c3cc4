import { answering } from "./doze.ts";
import { expect, test } from "./test.ts";

test("every process is listed, spares included, and one is retired", async ({ page, doze }) => {
  await doze.write("running", answering("running"));
  await expect.poll(() => doze.call("/running")).toBe("running");
  await page.getByRole("link", { name: "Instances" }).click();
  const row = page.getByRole("row").filter({ hasText: "running" });
  await expect(row).toContainText("idle");
  await expect(row).toContainText("MB");
  await expect(page.getByRole("row").filter({ hasText: "spare" }).first()).toBeVisible();
  await row.getByRole("button", { name: /^Retire/ }).click();
  await expect(row).toHaveCount(0);
});

test("the layers in force are those that the gateway tells, and why others are not", async ({ page, doze }) => {
  const ready = await (await fetch(`${doze.gateway}/_/ready`)).json() as {
    isolation: string[];
    isolationMissing: { layer: string; why: string }[];
  };
  await page.getByRole("link", { name: "Isolation" }).click();
  for (const layer of ready.isolation) {
    const row = page.locator(".layers li").filter({ has: page.getByText(layer, { exact: true }) });
    await expect(row).toHaveClass("in-force");
  }
  for (const { layer, why } of ready.isolationMissing) {
    const row = page.locator(".layers li").filter({ has: page.getByText(layer, { exact: true }) });
    await expect(row).toContainText(why);
  }
  await expect(page.locator(".layers li"))
    .toHaveCount(ready.isolation.length + ready.isolationMissing.length);
});
