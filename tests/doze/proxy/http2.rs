//! HTTP/2 with prior knowledge: streams beside each other on one connection.

use bytes::Bytes;
use http::Version;
use tokio::task::JoinSet;

use crate::functions::{ECHO, HOLDING, identity};
use crate::harness::{Connection, Request, TestBed};

#[tokio::test]
async fn bodies_go_both_ways_on_streams_beside_each_other() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let connection = Connection::http2(bed.address()).await;
    let mut requests = JoinSet::new();
    for n in 0..20_u8 {
        let mut stream = connection.beside();
        let body = Bytes::from(vec![n; 1 << 20]);
        let request = Request::new(bed.address(), "POST", "/echo").body(body.clone());
        requests.spawn(async move {
            let response = stream.send(request).await.ok();
            assert_eq!(response.version, Version::HTTP_2);
            assert!(response.body == body, "stream {n}: {} bytes", response.body.len());
        });
    }
    requests.join_all().await;
}

#[tokio::test]
async fn a_stream_that_waits_holds_up_no_other() {
    let bed = TestBed::start().await;
    bed.function("held").source(HOLDING).drop_in().await;
    let mut connection = Connection::http2(bed.address()).await;
    let (upload, request) = Request::new(bed.address(), "POST", "/held").uploading();
    let mut beside = connection.beside();
    let held = tokio::spawn(async move { beside.send(request).await });
    bed.printed("held", "holds 1").await;
    let ask = Request::new(bed.address(), "GET", "/held");
    let identity_now = identity(connection.send(ask).await);
    upload.finish();
    assert_eq!(identity(held.await.unwrap()), identity_now);
}

#[tokio::test]
async fn errors_and_head_look_the_same_as_over_http_1() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let mut connection = Connection::http2(bed.address()).await;
    let mut ask = async |method: &str, path: &str| {
        connection.send(Request::new(bed.address(), method, path)).await
    };
    ask("GET", "/unknown").await.error(404, "function_not_found");
    let head = ask("HEAD", "/echo").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.header("x-request-id").is_some());
    ask("GET", "/echo").await.ok();
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_its_stream_only() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (request: Request) => {
          if (request.url.endsWith("/whole")) return "whole";
          return new ReadableStream({
            start(body) {
              body.enqueue(new TextEncoder().encode("half"));
              setTimeout(() => body.error(new Error("broke off")), 50);
            },
          });
        };
    "#;
    bed.function("half").source(source).drop_in().await;
    let mut connection = Connection::http2(bed.address()).await;
    let half = Request::new(bed.address(), "GET", "/half");
    let mut response = connection.open_request(half).await;
    let broken = loop {
        match response.try_chunk().await {
            Ok(Some(chunk)) => assert_eq!(chunk, "half"),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "a body that broke off looked complete");
    let whole = Request::new(bed.address(), "GET", "/half/whole");
    assert_eq!(connection.send(whole).await.ok().text(), "whole");
}
