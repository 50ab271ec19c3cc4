//! Bodies: whole, streamed, slow, and too fast.

use std::time::Duration;

use bytes::Bytes;

use crate::functions::ECHO;
use crate::harness::{TestBed, until_asked};

/// The same bytes every time, and no two blocks alike.
fn noise(length: usize) -> Bytes {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

#[tokio::test]
async fn ten_megabytes_come_back_as_they_were_sent() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let sent = noise(10 << 20);
    let response = bed.post("/echo", sent.clone()).await.ok();
    assert!(response.body == sent, "{} of {} bytes", response.body.len(), sent.len());

    // Chunked, in pieces of every size.
    let (mut upload, request) = bed.request("POST", "/echo").uploading();
    let response = request.spawn();
    let mut rest = sent.clone();
    let mut size = 1;
    while !rest.is_empty() {
        upload.send(rest.split_to(size.min(rest.len()))).await;
        size = size * 7 % 200_003 + 1;
    }
    upload.finish();
    let response = response.await.unwrap().ok();
    assert!(response.body == sent, "{} of {} bytes", response.body.len(), sent.len());
}

#[tokio::test]
async fn every_chunk_comes_back_before_the_next_one_is_sent() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let (mut upload, request) = bed.request("POST", "/echo").uploading();
    upload.send("0;").await;
    let mut response = request.open().await;
    response.read_to("0;").await;
    for n in 1..50 {
        let chunk = format!("{n};");
        upload.send(chunk.clone()).await;
        assert_eq!(response.read_to(&chunk).await, chunk);
    }
    upload.finish();
    assert_eq!(response.chunk().await, None);
}

#[tokio::test]
async fn server_sent_events_arrive_when_they_are_sent() {
    let bed = TestBed::start().await;
    let source = r#"
        let events: ReadableStreamDefaultController<Uint8Array> | undefined;
        export default async (request: Request) => {
          if (request.method === "POST") {
            events!.enqueue(new TextEncoder().encode(`data: ${await request.text()}\n\n`));
            return "sent";
          }
          const body = new ReadableStream({ start: (controller) => { events = controller; } });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        };
    "#;
    bed.function("events").source(source).drop_in().await;
    let mut events = bed.get("/events").open().await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    for n in 0..5 {
        bed.post("/events", format!("event {n}")).await.ok();
        assert_eq!(events.read_to("\n\n").await, format!("data: event {n}\n\n"));
    }
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_function_and_fills_no_memory() {
    const CHUNK: u64 = 64 << 10;
    let mut bed = TestBed::new().alone().up().await;
    let source = r#"
        let made = 0;
        const chunk = new Uint8Array(64 << 10);
        export default (request: Request) => {
          if (request.method === "POST") return made;
          return new ReadableStream({ pull(body) { made++; body.enqueue(chunk); } });
        };
    "#;
    bed.function("flood").source(source).drop_in().await;
    let made = async || bed.post("/flood", "").await.ok().json().as_u64().unwrap();
    assert_eq!(made().await, 0);
    let mut stream = bed.raw().await;
    stream.send("GET /flood HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    stream.read_exactly(1 << 20).await;

    let mut last = (0, 0);
    let stopped_at = until_asked("the function stops making more", async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = made().await;
        last = if last.0 == now { (now, last.1 + 1) } else { (now, 0) };
        if last.1 == 5 { Ok(now) } else { Err(now) }
    })
    .await;
    assert!(stopped_at * CHUNK < 32 << 20, "{stopped_at} chunks were made for nobody");

    stream.read_exactly(64 << 20).await;
    assert!(made().await > stopped_at, "it did not go on");
    drop(stream);
    let peak = bed.server().memory("VmHWM");
    assert!(peak < 150 << 10, "the server held {peak} KiB");
}

#[tokio::test]
async fn a_function_that_does_not_read_stops_the_sender_and_fills_no_memory() {
    let mut bed = TestBed::new().alone().up().await;
    let source = r#"
        let go = () => {};
        export default async (request: Request) => {
          if (request.method === "GET") {
            go();
            return "goes on";
          }
          console.log("does not read");
          await new Promise<void>((resolve) => { go = resolve; });
          let bytes = 0;
          for await (const chunk of request.body!) bytes += chunk.length;
          return bytes;
        };
    "#;
    bed.function("sink").source(source).drop_in().await;
    let mut sender = bed.raw().await;
    let length = 30 << 20;
    let head = format!("POST /sink HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
    sender.send(head).await.unwrap();
    bed.printed("sink", "does not read").await;

    let block = vec![b'x'; 64 << 10];
    let (mut sent, mut refused) = (0, 0);
    while refused < 10 {
        match sender.send_some(&block[..block.len().min(length - sent)]) {
            0 => {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            count => (sent, refused) = (sent + count, 0),
        }
        assert!(sent < length, "everything was taken though nobody read it");
    }
    bed.get("/sink").await.ok();
    sender.send(vec![b'x'; length - sent]).await.unwrap();
    let response = sender.response(false).await;
    assert_eq!((response.status, response.text()), (200, length.to_string()));
    let peak = bed.server().memory("VmHWM");
    assert!(peak < 150 << 10, "the server held {peak} KiB");
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_the_connection() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (request: Request) => {
          const kill = request.url.endsWith("/exit");
          const body = new ReadableStream({
            start(body) {
              body.enqueue(new TextEncoder().encode("half of it"));
              setTimeout(() => kill ? Deno.exit(1) : body.error(new Error("broke off")), 50);
            },
          });
          return new Response(body);
        };
    "#;
    bed.function("half").source(source).drop_in().await;
    for path in ["/half/error", "/half/exit"] {
        let mut connection = bed.raw().await;
        let response = connection.request("GET", path).await;
        assert_eq!((response.status, response.complete), (200, false), "{path}: {response:?}");
        assert_eq!(response.text(), "half of it");
        assert!(connection.is_closed().await);
    }
}
