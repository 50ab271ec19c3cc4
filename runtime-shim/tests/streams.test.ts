import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Bed, TOKEN } from "./harness.ts";

Deno.test("bodies stream both ways at the same time", async () => {
  await using bed = await Bed.serve(`
    export default (request) => new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({
      transform(text, out) { out.enqueue(text.toUpperCase()) } })).pipeThrough(new TextEncoderStream()))`);
  const client = await bed.open("/", {
    method: "POST",
    body: { chunked: true },
  });
  await client.chunk("one");
  strictEqual((await client.head()).status, 200);
  strictEqual(await client.readChunk(), "ONE");
  await client.chunk("two");
  strictEqual(await client.readChunk(), "TWO");
  await client.chunk("");
  strictEqual(await client.readChunk(), "");
});

Deno.test("server-sent events arrive one by one", async () => {
  await using bed = await Bed.serve(`
    let events;
    export default (request) => {
      if (request.method === "POST") return void events.enqueue(new TextEncoder().encode("data: next\\n\\n"));
      return new Response(new ReadableStream({ start(body) { events = body } }), { headers: { "content-type": "text/event-stream" } });
    }`);
  const client = await bed.open("/");
  for (let event = 0; event < 3; event++) {
    await bed.fetch("/", { method: "POST", body: "" });
    if (event === 0) {
      const { headers } = await client.head();
      strictEqual(headers.get("content-type"), "text/event-stream");
    }
    strictEqual(await client.readChunk(), "data: next\n\n");
  }
});

const breaks: [what: string, code: string][] = [
  [
    "a stream that errors",
    `new Response(new ReadableStream({ pull(body) { if (this.sent) throw new Error("half way"); this.sent = true; body.enqueue(new Uint8Array([65])) } }))`,
  ],
  [
    "a returned stream that errors",
    `new ReadableStream({ pull(body) { if (this.sent) throw new Error("half way"); this.sent = true; body.enqueue(new Uint8Array([65])) } })`,
  ],
  [
    "a generator that throws",
    `(async function* () { yield "A"; throw new Error("half way") })()`,
  ],
  [
    "a stream with a length that errors",
    `new Response(new ReadableStream({ pull(body) { if (this.sent) throw new Error("half way"); this.sent = true; body.enqueue(new Uint8Array([65])) } }), { headers: { "content-length": "9" } })`,
  ],
];

for (const [what, code] of breaks) {
  Deno.test(`${what} half way breaks the connection and is a record`, async () => {
    await using bed = await Bed.serve(`export default () => (${code})`);
    const response = await bed.fetch("/");
    deepStrictEqual([response.status, response.complete], [200, false]);
    match((await bed.message("error")).message, /half way/);
    strictEqual((await bed.fetch("/")).status, 200);
  });
}

Deno.test("a stream of what is not bytes breaks off and is a record", async () => {
  await using bed = await Bed.serve(
    `export default () => ReadableStream.from(["text"])`,
  );
  strictEqual((await bed.fetch("/")).complete, false);
  await bed.message("error");
});

Deno.test("the signal aborts when the client leaves, and only then", async () => {
  await using bed = await Bed.serve(`
    export default (request, context) => {
      context.signal.addEventListener("abort", () => console.log("left " + request.url));
      return request.url.endsWith("slow") ? new Promise(() => {}) : "fine";
    }`);
  strictEqual((await bed.fetch("/quick")).text, "fine");
  const client = await bed.open("/slow");
  await bed.send({ op: "check", request: "r1" });
  await bed.message("alive");
  client.close();
  await bed.printed("left http://public.example/slow");
  strictEqual((await bed.fetch("/quick")).text, "fine");
});

Deno.test("a streamed body is cancelled when the client leaves", async () => {
  await using bed = await Bed.serve(`
    export default () => new ReadableStream({ pull(body) { body.enqueue(new Uint8Array(1000)); return new Promise((go) => setTimeout(go, 1)) }, cancel() { console.log("cancelled") } })`);
  const client = await bed.open("/");
  await client.head();
  client.close();
  await bed.printed("cancelled");
});

Deno.test("a WebSocket is upgraded and echoes", async () => {
  await using bed = await Bed.serve(`
    export default (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data + "!");
      return response;
    }`);
  const client = await bed.open("/ws", {
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  });
  const { status, headers } = await client.head();
  strictEqual(status, 101);
  strictEqual(
    headers.get("sec-websocket-accept"),
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  );
  // One masked text frame "hi", with a mask of zeros.
  await client.write(new Uint8Array([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  deepStrictEqual([...await client.take(5)], [0x81, 3, 0x68, 0x69, 0x21]);
});

Deno.test("an async handler can upgrade too", async () => {
  await using bed = await Bed.serve(`
    export default async (request) => { await 0; const { socket, response } = Deno.upgradeWebSocket(request); socket.onopen = () => socket.send("o"); return response }`);
  const client = await bed.open("/", {
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  });
  strictEqual((await client.head()).status, 101);
  deepStrictEqual([...await client.take(3)], [0x81, 1, 0x6f]);
});

Deno.test("a large body arrives whole", async () => {
  await using bed = await Bed.serve(
    `export default async (request) => new Uint8Array(await request.arrayBuffer())`,
  );
  const body = "0123456789".repeat(300_000);
  const client = await bed.open("/", {
    method: "POST",
    headers: { "content-length": String(body.length) },
  });
  const [response] = await Promise.all([client.response(), client.write(body)]);
  deepStrictEqual([response.complete, response.text === body], [true, true]);
  strictEqual(response.headers.get("x-doze-error"), null);
  strictEqual(TOKEN.length, 32);
});
