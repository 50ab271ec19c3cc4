import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Bed, TOKEN } from "./harness.ts";

Deno.test("a request that comes before the function waits for it", async () => {
  await using bed = await Bed.boot();
  const early = await bed.open("/early", { method: "POST", body: "payload" });
  await bed.send({ op: "check", request: "r1" });
  await bed.message("alive");
  await bed.assign(
    `export default async (request, { function: name, revision }) => [await request.text(), name, revision]`,
  );
  strictEqual(
    (await early.response()).text,
    `["payload","hello","0123456789ab"]`,
  );
  await bed.message("settled");
});

Deno.test("a request that comes during a top-level await waits for its end", async () => {
  await using bed = await Bed.boot();
  await bed.assign(`
    await new Promise((resolve) => { globalThis.open = resolve; console.log("waiting"); setTimeout(resolve, 50) });
    export default () => "open"`);
  await bed.printed("waiting");
  strictEqual((await bed.fetch("/")).text, "open");
});

for (const warm of ["1", "vm"]) {
  Deno.test(`a spare answers the warm-up "${warm}" and still takes a function`, async () => {
    await using bed = await Bed.boot();
    const headers = { "x-doze-warm": warm };
    const { status, text } = await bed.fetch("/", { headers });
    deepStrictEqual([status, text], [204, ""]);
    // What is rehearsed is not told.
    await bed.send({ op: "check", request: "none" });
    await bed.message("settled");
    strictEqual(bed.hasMessage("started"), false);
    await bed.assign(
      `export default (request) => request.headers.get("x-doze-warm")`,
    );
    await bed.message("started");
    strictEqual((await bed.fetch("/", { headers })).text, warm);
    strictEqual(bed.hasMessage("error"), false);
  });
}

Deno.test("code that arrives with its first request and in pieces is served", async () => {
  await using bed = await Bed.boot();
  const filler = `// ${"ü".repeat(400_000)}\n`;
  const [response] = await Promise.all([
    bed.fetch("/"),
    bed.assign(`${filler}export default () => "whole"`),
  ]);
  strictEqual(response.text, "whole");
});

Deno.test("one instance serves requests at the same time", async () => {
  await using bed = await Bed.serve(`
    const waiting = [];
    export default async () => {
      await new Promise((resolve) => { waiting.push(resolve); if (waiting.length === 20) waiting.forEach((go) => go()) });
      return "together";
    }`);
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => bed.fetch("/")),
  );
  strictEqual(responses.filter(({ text }) => text === "together").length, 20);
});

Deno.test("a check is answered at once, and again when the handler has settled", async () => {
  await using bed = await Bed.serve(`
    let go; const gate = new Promise((resolve) => { go = resolve });
    export default async (request) => { if (request.method === "POST") go(); else { console.log("in"); await gate }; return "out" }`);
  const slow = await bed.open("/", { headers: { "x-request-id": "slow" } });
  await bed.printed("in");
  await bed.send({ op: "check", request: "unknown" });
  await bed.message("alive");
  await bed.message("settled", ({ request }) => request === "unknown");
  await bed.send({ op: "check", request: "slow" });
  await bed.message("alive");
  strictEqual(bed.hasMessage("settled"), false);
  await bed.fetch("/", { method: "POST", body: "" });
  await bed.message("settled", ({ request }) => request === "slow");
  strictEqual((await slow.response()).text, "out");
});

Deno.test("the function sees its environment and nothing else", async () => {
  await using bed = await Bed.serve(
    `const early = Deno.env.get("GREETING"); export default () => [early, process.env.GREETING, Object.keys(Deno.env.toObject()).sort()]`,
    { env: { GREETING: "hi", EMPTY: "" } },
  );
  deepStrictEqual(JSON.parse((await bed.fetch("/")).text), [
    "hi",
    "hi",
    ["EMPTY", "GREETING"],
  ]);
});

Deno.test("stop waits for what waitUntil was given", async () => {
  await using bed = await Bed.serve(`
    export default (_, { waitUntil }) => { waitUntil(new Promise((resolve) => setTimeout(() => { console.log("written"); resolve() }, 100))) }`);
  await bed.fetch("/");
  await bed.send({ op: "stop", graceMs: 10_000 });
  await bed.message("stopped");
  await bed.printed("written");
  strictEqual(await bed.exit(), 0);
});

Deno.test("stop gives up when the grace period is over", async () => {
  await using bed = await Bed.serve(
    `export default (_, context) => { context.waitUntil(new Promise(() => {})) }`,
  );
  await bed.fetch("/");
  await bed.send({ op: "stop", graceMs: 50 });
  await bed.message("stopped");
  strictEqual(await bed.exit(), 0);
});

Deno.test("a spare stops at once", async () => {
  await using bed = await Bed.boot();
  await bed.send({ op: "stop", graceMs: 10_000 });
  await bed.message("stopped");
  strictEqual(await bed.exit(), 0);
});

Deno.test("a rejected waitUntil is a record with its request", async () => {
  await using bed = await Bed.serve(
    `export default (_, context) => { context.waitUntil(Promise.reject(new Error("late"))); return "sent" }`,
  );
  strictEqual((await bed.fetch("/")).text, "sent");
  const { request, message } = await bed.message("error");
  deepStrictEqual([request, message], ["r1", "late"]);
});

Deno.test("the process ends when the server is gone", async () => {
  await using bed = await Bed.serve(
    `export default () => { setInterval(() => {}, 1000); return "hi" }`,
  );
  await bed.fetch("/");
  bed.hangUp();
  strictEqual(await bed.exit(), 0);
});

Deno.test("a flood of errors neither grows the process nor stops it", async () => {
  await using bed = await Bed.serve(`
    export default () => { for (let n = 0; n < 5_000; n++) queueMicrotask(() => { throw new Error("flood " + "x".repeat(1000)) }); return "fine" }`);
  strictEqual((await bed.fetch("/")).text, "fine");
  await bed.message("error");
  strictEqual(
    (await bed.fetch("/", { headers: { "x-doze-token": TOKEN } })).text,
    "fine",
  );
});
