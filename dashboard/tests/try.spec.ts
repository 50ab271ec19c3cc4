import { expect, open, test } from "./test.ts";

test("a function is tried with a method, a path, headers and a body", async ({ page, doze }) => {
  await doze.write(
    "mirror",
    `export default async (request) => ({
      method: request.method,
      path: new URL(request.url).pathname + new URL(request.url).search,
      word: request.headers.get("x-word"),
      body: await request.text(),
    });`,
  );
  await open(page, "mirror", "Try it");
  await page.getByLabel("Method").selectOption("POST");
  await page.getByLabel("Path").fill("/a/b?c=d");
  await page.getByLabel("Headers, one a line").fill("x-word: héllo\ncontent-type: text/plain");
  await page.getByLabel("Body").fill("the body");
  await page.getByRole("button", { name: "Send" }).click();
  const response = page.getByRole("region", { name: "Response" });
  await expect(response).toContainText("200");
  await expect(response).toContainText(/spare|cold/);
  await expect(response).toContainText(`"method": "POST"`);
  await expect(response).toContainText(`"path": "/a/b?c=d"`);
  await expect(response).toContainText(`"body": "the body"`);
  await expect(response).toContainText("ms");
  await page.getByLabel("Path").press("Control+Enter");
  await expect(response).toContainText("warm");
  await response.getByText(/headers/).click();
  await expect(response).toContainText("x-request-id");
});

test("what is not text is told, an image is shown, and a stream is cut off", async ({ page, doze }) => {
  await doze.write(
    "various",
    `const PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    export default (request) => {
      const path = new URL(request.url).pathname;
      if (path === "/image") {
        const bytes = Uint8Array.from(atob(PIXEL), (c) => c.charCodeAt(0));
        return new Response(bytes, { headers: { "content-type": "image/gif" } });
      }
      if (path === "/long") return "x".repeat(3_000_000);
      throw new Error("no such path");
    };`,
  );
  await open(page, "various", "Try it");
  const response = page.getByRole("region", { name: "Response" });
  await page.getByLabel("Path").fill("/image");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(response.getByRole("img")).toHaveJSProperty("naturalWidth", 1);
  await page.getByLabel("Path").fill("/long");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(response).toContainText("The rest is left out");
  await page.getByLabel("Path").fill("/other");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(response).toContainText("500");
  await expect(response).toContainText("function_error");
});

test("a mistake in the request is told where it was made", async ({ page, doze }) => {
  await doze.write("patient", `export default () => "never asked";`);
  await open(page, "patient", "Try it");
  const response = page.getByRole("region", { name: "Response" });
  await page.getByLabel("Headers, one a line").fill("no colon here");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(response.getByRole("alert")).toContainText("no colon here");
  await page.getByLabel("Headers, one a line").fill("connection: upgrade");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(response.getByRole("alert")).toContainText("`connection` is not a header that can be set here");
});
