//! Responses that are too much in one way or another.

use serde_json::json;

use super::{has, told, unharmed, with_neighbour};
use crate::functions::identity;
use crate::harness::{TestBed, until_asked};

#[tokio::test]
async fn a_response_with_a_giant_header_is_refused_and_harms_no_other() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "
        const id = crypto.randomUUID();
        export default (request: Request) => {
          const [fields, length] = new URL(request.url).pathname.slice(1).split('/').map(Number);
          if (!fields) return { id, pid: 0 };
          const headers = new Headers();
          for (let n = 0; n < fields; n++) headers.append(`x-${n}`, 'y'.repeat(length));
          return new Response('too much', { headers });
        };
    ";
    bed.function("headers").source(source).drop_in().await;
    let before = identity(bed.get("/headers").await);
    bed.get("/headers/3/8000").await.ok();
    for path in ["/headers/1/300000", "/headers/300/10"] {
        let response = bed.get(path).await.error(502, "function_crashed");
        assert!(response.text().contains("header is too large"), "{response:?}");
    }
    told(&bed, "headers", "response's header", "256 KiB, 256 fields").await;
    assert_eq!(identity(bed.get("/headers").await), before);
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn a_response_without_end_ends_when_its_reader_leaves() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "
        const chunk = new Uint8Array(64 << 10);
        export default () =>
          new ReadableStream({
            pull: (body) => body.enqueue(chunk),
            cancel: () => console.log('nobody reads'),
          });
    ";
    bed.function("endless").source(source).drop_in().await;
    let mut stream = bed.get("/endless").open().await;
    for _ in 0..100 {
        stream.chunk().await.expect("it has no end");
    }
    drop(stream);
    bed.printed("endless", "nobody reads").await;
    unharmed(&bed, &neighbour).await;
}

#[tokio::test]
async fn a_response_larger_than_its_process_may_be_is_a_crash_and_a_streamed_one_is_not() {
    let (mut bed, neighbour) = with_neighbour(TestBed::new().alone()).await;
    let source = "
        const chunk = new Uint8Array(1 << 20);
        export default (request: Request) => {
          if (request.method === 'POST') return new Uint8Array(512 << 20).fill(1);
          let left = 512;
          return new ReadableStream({
            pull: (body) => left-- > 0 ? body.enqueue(chunk) : body.close(),
          });
        };
    ";
    bed.function("huge").source(source).manifest(json!({ "memoryMb": 64 })).drop_in().await;
    let mut stream = bed.get("/huge").open().await;
    let mut length = 0;
    while let Some(chunk) = stream.chunk().await {
        length += chunk.len();
    }
    assert_eq!(length, 512 << 20);
    if has(&bed, "cgroup-memory").await {
        bed.post("/huge", "").await.error(502, "function_crashed");
        told(&bed, "huge", "memoryMb", "192 MiB in all").await;
    }
    unharmed(&bed, &neighbour).await;
    let peak = bed.server().memory("VmHWM");
    assert!(peak < 150 << 10, "the server held {peak} KiB");
}

#[tokio::test]
async fn more_open_responses_than_its_concurrency_are_too_many() {
    let (bed, neighbour) = with_neighbour(TestBed::new()).await;
    let source = "
        export default () =>
          new ReadableStream({
            start: (body) => body.enqueue(new TextEncoder().encode('open')),
          });
    ";
    let manifest = json!({ "concurrency": 2, "timeoutSeconds": 0.3 });
    bed.function("streams").source(source).manifest(manifest).drop_in().await;
    let mut first = bed.get("/streams").open().await;
    let mut second = bed.get("/streams").open().await;
    for stream in [&mut first, &mut second] {
        stream.read_to("open").await;
    }
    let refused = bed.get("/streams").await.error(503, "overloaded");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    told(&bed, "streams", "concurrency", "2").await;
    bed.get("/streams").await.error(503, "overloaded");
    let told = bed.log().records().into_iter().filter(|record| record.holds("concurrency")).count();
    assert_eq!(told, 1, "one record for all of them");
    drop(first);
    until_asked("a place is free", async || {
        let stream = bed.get("/streams").open().await;
        if stream.status == 200 { Ok(()) } else { Err(stream.status) }
    })
    .await;
    unharmed(&bed, &neighbour).await;
}
