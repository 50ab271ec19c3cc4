//! Clients that leave before their answer has come.

use serde_json::{Value, json};

use crate::harness::{Connection, Request, TestBed};

/// Prints what becomes of each request.
const WATCHING: &str = r#"
    export default (request: Request, { signal }: { signal: AbortSignal }) => {
      const what = new URL(request.url).pathname.slice(1);
      if (what === "") return "here";
      signal.addEventListener("abort", () => console.log(`${what} was aborted`));
      console.log(`${what} began`);
      if (what === "waiting") return new Promise(() => {});
      return new ReadableStream({
        async pull(body) {
          await new Promise((go) => setTimeout(go, 10));
          body.enqueue(new Uint8Array(1));
        },
        cancel() {
          console.log(`${what} was cancelled`);
        },
      });
    };
"#;

/// Longer than any test waits, so that nothing is aborted for being late.
fn patient() -> Value {
    json!({ "timeoutSeconds": 600 })
}

#[tokio::test]
async fn a_handler_is_told_when_its_client_has_left() {
    let bed = TestBed::start().await;
    bed.function("watch").source(WATCHING).manifest(patient()).drop_in().await;
    let mut client = bed.raw().await;
    client.send("GET /watch/waiting HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    bed.printed("watch", "waiting began").await;
    drop(client);
    bed.printed("watch", "waiting was aborted").await;
    assert_eq!(bed.get("/watch").await.start(), "warm");
}

#[tokio::test]
async fn a_stream_is_cancelled_when_its_reader_has_left() {
    let bed = TestBed::start().await;
    bed.function("watch").source(WATCHING).manifest(patient()).drop_in().await;
    let mut client = bed.raw().await;
    client.send("GET /watch/streaming HTTP/1.1\r\nhost: t\r\n\r\n").await.unwrap();
    bed.printed("watch", "streaming began").await;
    client.read_exactly(300).await;
    drop(client);
    bed.printed("watch", "streaming was cancelled").await;
    assert_eq!(bed.get("/watch").await.start(), "warm");
}

#[tokio::test]
async fn a_reset_stream_of_http_2_ends_its_handler_only() {
    let bed = TestBed::start().await;
    bed.function("watch").source(WATCHING).manifest(patient()).drop_in().await;
    let mut connection = Connection::http2(bed.address()).await;
    let request = Request::new(bed.address(), "GET", "/watch/waiting");
    let mut beside = connection.beside();
    let leaving = tokio::spawn(async move { beside.try_send(request).await.is_ok() });
    bed.printed("watch", "waiting began").await;
    leaving.abort();
    bed.printed("watch", "waiting was aborted").await;
    let request = Request::new(bed.address(), "GET", "/watch");
    assert_eq!(connection.send(request).await.start(), "warm");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_body_is_noticed() {
    let bed = TestBed::start().await;
    let source = r#"
        export default async (request: Request) => {
          if (request.method === "GET") return "here";
          console.log("reading");
          try {
            await request.text();
            console.log("a whole body");
          } catch {
            console.log("a broken body");
          }
        };
    "#;
    bed.function("reader").source(source).manifest(patient()).drop_in().await;
    let mut client = bed.raw().await;
    let head = "POST /reader HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\nonly this";
    client.send(head).await.unwrap();
    bed.printed("reader", "reading").await;
    drop(client);
    bed.printed("reader", "a broken body").await;
    assert_eq!(bed.get("/reader").await.start(), "warm");
}
