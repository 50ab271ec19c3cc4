import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { mkdir } from "node:fs/promises";
import { answering } from "./doze.ts";
import { expect, test } from "./test.ts";

const PAGES = [
  "/",
  "/functions/seen",
  "/functions/seen?view=logs",
  "/functions/seen?view=try",
  "/functions/seen?view=revisions",
  "/functions/seen?view=manifest",
  "/functions/seen?view=tokens",
  "/functions/unseen-and-broken",
  "/instances",
  "/secrets",
  "/isolation",
];

/** Screenshots for a person to look at: `SHOTS=folder npm test -- appearance`. */
const SHOTS = process.env["SHOTS"];

async function shoot(page: Page, path: string, mode: string): Promise<void> {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  const name = path === "/" ? "list" : path.slice(1).replace(/\W+/g, "-");
  await page.screenshot({ path: `${SHOTS}/${name}-${mode}.png`, fullPage: true });
}

test.beforeEach(async ({ doze, page }) => {
  await doze.write("seen", {
    "index.ts": `export default () => { console.log("seen"); return "seen"; };`,
    "registry.json": JSON.stringify({ permissions: ["--allow-net=api.github.com"], env: { A: "b" } }),
  });
  await doze.write("a-function-with-quite-a-long-name/and-an-owner", answering("long"));
  await doze.write("unseen-and-broken", `import "./nothing.ts";\nexport default (`);
  await expect.poll(() => doze.call("/seen")).toBe("seen");
  await expect.poll(() => doze.call("/unseen-and-broken")).toContain("function_broken");
  await expect(page.getByRole("link", { name: "seen", exact: true })).toBeVisible();
});

/** Goes there and waits until the page shows what it asked the server for. */
async function visit(page: Page, address: string): Promise<void> {
  await page.goto(address, { waitUntil: "load" });
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(page.locator("main h1")).toBeVisible();
  await expect(page.locator("main :is(.card, table, .empty)").first()).toBeVisible();
}

for (const scheme of ["light", "dark"] as const) {
  test(`nothing is in the way of those who see or steer otherwise, in ${scheme}`, async ({ page, doze }) => {
    await page.emulateMedia({ colorScheme: scheme });
    for (const path of PAGES) {
      await visit(page, doze.admin + path);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const told = violations.map(({ id, nodes }) => `${path}: ${id}: ${nodes.map((node) => node.html)}`);
      expect(told).toEqual([]);
      await shoot(page, path, scheme);
    }
  });
}

test("the page follows the system's colours", async ({ page }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  expect(light).toBe("rgb(247, 247, 245)");
  expect(await ground()).toBe("rgb(15, 17, 22)");
});

test("no page scrolls sideways on a phone, and everything is in reach", async ({ page, doze }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of PAGES) {
    await visit(page, doze.admin + path);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(beyond, path).toBeLessThanOrEqual(0);
    await shoot(page, path, "phone");
  }
  await page.goto(doze.admin);
  await page.getByText("seen", { exact: true }).click();
  await page.getByRole("link", { name: "Tokens" }).click();
  await expect(page.getByRole("button", { name: "Make a token" })).toBeInViewport();
});

test("nothing moves for those who asked for that", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll("*")].filter((element) =>
      parseFloat(getComputedStyle(element).transitionDuration) > 0
    ).length
  );
  expect(moving).toBe(0);
});

test("everything comes from the server itself", async ({ page, doze }) => {
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  for (const path of PAGES) await visit(page, doze.admin + path);
  expect([...hosts]).toEqual([doze.admin]);
});
