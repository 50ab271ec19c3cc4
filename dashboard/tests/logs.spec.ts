import { expect, open, test } from "./test.ts";

const TALKER = `export default (request) => {
  const word = new URL(request.url).searchParams.get("say");
  if (word === "fail") throw new TypeError("it broke");
  if (word === "beware") console.warn("mind the " + word);
  else console.log("said " + word);
  return word;
};
`;

test("what a function prints is shown as it does, by level, with the stack of what it throws", async ({ page, doze }) => {
  await doze.write("talker", TALKER);
  await open(page, "talker", "Logs");
  const log = page.getByRole("log");
  await doze.call("/talker?say=one");
  await expect(log).toContainText("said one");
  await doze.call("/talker?say=beware");
  await expect(log.locator(".record.warn")).toContainText("mind the beware");
  await doze.call("/talker?say=fail");
  await expect(log.locator(".record.error")).toContainText("it broke");
  await expect(log.locator(".record.error .stack")).toContainText("index.ts:3");

  await page.getByRole("button", { name: "warn", exact: true }).click();
  await expect(log).toContainText("mind the beware");
  await expect(log).not.toContainText("said one");
  await page.getByRole("button", { name: "debug", exact: true }).click();
  await expect(log).toContainText("said one");
  await page.getByLabel("Filter the text").fill("MIND");
  await expect(log.locator(".record")).toHaveCount(1);
});

test("a paused log stands still and tells how much waits", async ({ page, doze }) => {
  await doze.write("chatty", TALKER);
  await open(page, "chatty", "Logs");
  const log = page.getByRole("log");
  await doze.call("/chatty?say=before");
  await expect(log).toContainText("said before");
  await page.getByRole("button", { name: "Pause" }).click();
  await doze.call("/chatty?say=meanwhile");
  await expect(page.getByRole("button", { name: /Resume \([1-9]/ })).toBeVisible();
  await expect(log).not.toContainText("meanwhile");
  await page.getByRole("button", { name: /Resume/ }).click();
  await expect(log).toContainText("said meanwhile");
});

test("a log follows its end until somebody scrolls up to read", async ({ page, doze }) => {
  await doze.write("long", `export default () => { for (let i = 0; i < 120; i++) console.log("line " + i); };`);
  await open(page, "long", "Logs");
  await doze.call("/long");
  const log = page.getByRole("log");
  await expect(log.getByText("line 119", { exact: true })).toBeInViewport();
  await log.evaluate((box) => box.scrollTop = 0);
  await expect(page.getByLabel("Follow")).not.toBeChecked();
  await page.getByLabel("Follow").check();
  await expect(log.getByText("line 119", { exact: true })).toBeInViewport();
});
