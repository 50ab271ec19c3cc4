import { defineConfig } from "@playwright/test";

// The system's browser; see ../.ci/install-browser.
export default defineConfig({
  testDir: "tests",
  // One server after the other: each of them starts processes of its own.
  workers: 1,
  timeout: Number(process.env["TIMEOUT"] ?? 120_000),
  expect: { timeout: Number(process.env["EXPECT"] ?? 20_000) },
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    launchOptions: { executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium" },
    viewport: { width: 1280, height: 800 },
    trace: "off",
  },
});
