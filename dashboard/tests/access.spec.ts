import { expect, open, test } from "./test.ts";

test("a function is protected, and a token lets its bearer in until it is revoked", async ({ page, doze }) => {
  await doze.write("guarded", `export default () => "let in";`);
  await open(page, "guarded", "Tokens");
  await page.getByRole("button", { name: "Ask for a token" }).click();
  await expect(page.getByText("Callers need one of these tokens")).toBeVisible();
  await expect.poll(() => doze.call("/guarded")).toContain("unauthorized");

  await page.getByLabel("Label of the new token").fill("for the test");
  await page.getByRole("button", { name: "Make a token" }).click();
  const token = await page.locator(".secret code").innerText();
  const bearer = { headers: { authorization: `Bearer ${token}` } };
  await expect.poll(() => doze.call("/guarded", bearer)).toBe("let in");
  await page.reload();
  await expect(page.getByText("for the test")).toBeVisible();
  await expect(page.getByText(token)).toHaveCount(0);

  await page.getByRole("button", { name: "Revoke for the test" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText("for the test")).toHaveCount(0);
  await expect.poll(() => doze.call("/guarded", bearer)).toContain("unauthorized");
});

test("a secret reaches the function that names it, and its value is shown nowhere", async ({ page, doze }) => {
  await doze.write("keeper", {
    "index.ts": `export default () => Deno.env.get("DASH_KEY") ?? "none";`,
    "registry.json": `{"secrets": ["DASH_KEY"]}`,
  });
  await page.getByRole("link", { name: "Secrets" }).click();
  await page.getByLabel("Name", { exact: true }).fill("DASH_KEY");
  await page.getByLabel("Value").fill("a value of some length");
  await page.getByRole("button", { name: "Set" }).click();
  const secrets = page.getByRole("region", { name: "Secrets" });
  await expect(secrets).toContainText("DASH_KEY");
  await expect(secrets).toContainText("used by keeper");
  await expect.poll(() => doze.call("/keeper")).toBe("a value of some length");
  expect(await page.content()).not.toContain("a value of some length");

  await page.getByRole("button", { name: "Remove DASH_KEY" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(secrets).toHaveCount(0);
});
