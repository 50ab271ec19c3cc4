import { answering } from "./doze.ts";
import { expect, open, test } from "./test.ts";

test("a function's page says where it answers, what it may do and how it fares", async ({ page, doze }) => {
  await doze.write("known", {
    "index.ts": answering("known"),
    "data/a.txt": "a",
    "registry.json": JSON.stringify({
      permissions: ["--allow-net=api.github.com", "--allow-read=./data"],
      env: { UNITS: "metric" },
    }),
  });
  await open(page, "known");
  await expect(page.getByRole("link", { name: `${doze.gateway}/known` })).toBeVisible();
  await expect(page.getByText("May reach api.github.com")).toBeVisible();
  await expect(page.getByText("May read ./data")).toBeVisible();
  await expect(page.getByText("Is given the variable UNITS")).toBeVisible();
  await expect(page.getByText("May not write files")).toBeVisible();
  await expect(page.getByText("None runs.")).toBeVisible();

  await doze.call("/known");
  await doze.call("/known");
  await expect(page.locator(".figure", { hasText: "Requests" })).toContainText("2");
  await expect(page.getByRole("heading", { name: "Last hour" })).toContainText("2 requests");
  const plot = page.getByRole("img", { name: /Requests per minute over the last hour/ });
  await expect(plot).toHaveAccessibleName(/requests at most 2/);
  await expect(plot.locator("canvas")).toBeVisible();
  const instances = page.getByRole("region", { name: "Instances" });
  await expect(instances.getByRole("row")).toHaveCount(2);
  await instances.getByRole("button", { name: /^Retire/ }).click();
  await expect(page.getByText("None runs.")).toBeVisible();
});

test("a function that does not build shows every problem, and is well when it is mended", async ({ page, doze }) => {
  await doze.write("sick", {
    "index.ts": `import a from "./missing.ts";\nexport default () => a;\n`,
    "registry.json": `{"memroyMb": 64, "timeoutSeconds": "soon"}`,
  });
  await open(page, "sick");
  const problems = page.getByRole("region", { name: "Problems" });
  await expect(problems).toContainText("there is nothing to run");
  await expect(problems).toContainText("`memroyMb` is not a known field; did you mean `memoryMb`?");
  await expect(problems).toContainText("`timeoutSeconds`: expected a number of seconds");
  await doze.write("sick", { "registry.json": "{}" });
  await expect(problems).toContainText("index.ts:1:15");
  await expect(problems).toContainText("./missing.ts");
  await doze.write("sick", { "missing.ts": `export default "well";` });
  await expect(problems).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("live");
});

test("a mistake in a function that runs is told, and its last good revision serves on", async ({ page, doze }) => {
  await doze.write("worn", answering("good"));
  await open(page, "worn");
  await doze.write("worn", "export default (");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("stale");
  await expect(page.getByRole("region", { name: "Problems" })).toContainText("index.ts:");
  expect(await doze.call("/worn")).toBe("good");
});

test("a function is removed after a question, folder and all", async ({ page, doze }) => {
  await doze.write("doomed", answering("still here"));
  await open(page, "doomed");
  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await doze.call("/doomed")).toBe("still here");
  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("heading", { name: "Functions", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "doomed" })).toHaveCount(0);
  expect(await doze.call("/doomed")).toContain("function_not_found");
});

test("a name that nothing has says so", async ({ page, doze }) => {
  await page.goto(`${doze.admin}/functions/ada/nobody`);
  await expect(page.getByText("There is no function ada/nobody")).toBeVisible();
});
