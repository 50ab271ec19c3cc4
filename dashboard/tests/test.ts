// What every test has: a server, shared by a file's tests, and a page that is
// signed in and in which nothing may go wrong unseen.

import { expect, type Page, test as base } from "@playwright/test";
import { Doze } from "./doze.ts";

export { expect };

interface PerTest {
  /** Signed in, on the list. */
  page: Page;
}

export const test = base.extend<PerTest, { doze: Doze }>({
  doze: [
    async ({}, use) => {
      const doze = await Doze.start();
      await use(doze);
      await doze.stop();
    },
    { scope: "worker" },
  ],
  page: async ({ page, doze }, use) => {
    const wrong = watch(page);
    await page.goto(`${doze.admin}/#token=${doze.token}`);
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    await use(page);
    expect(wrong).toEqual([]);
  },
});

/** What the page's console says went wrong, such as a breach of the policy. */
function watch(page: Page): string[] {
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => {
    // A call that the server refuses is told too, and shown by the page.
    const refused = /Failed to load resource.* status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !refused) wrong.push(message.text());
  });
  return wrong;
}

/** Opens a function's page once the list has it. */
export async function open(page: Page, name: string, view?: string): Promise<void> {
  await page.getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText(name);
  if (view) await page.getByRole("link", { name: view, exact: true }).click();
}
