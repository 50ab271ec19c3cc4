//! HTTP/1: what the wire shows and a client library hides.

use crate::functions::ECHO;
use crate::harness::{RawConnection, TestBed};

const SEEN: &str = r"
    export default async (request: Request, context: { function: string }) =>
      `${context.function} ${request.method} ${new URL(request.url).pathname} ` +
        `${await request.text()}`;
";

async fn bed_with(names: &[&str]) -> TestBed {
    let bed = TestBed::start().await;
    for name in names {
        bed.function(name).source(SEEN).write();
    }
    for name in names {
        bed.function(name).live().await;
    }
    bed
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let bed = bed_with(&["one", "two"]).await;
    let mut connection = bed.raw().await;
    connection
        .send(
            "GET /one/a HTTP/1.1\r\nhost: t\r\n\r\n\
             POST /two/b HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody\
             GET /unknown HTTP/1.1\r\nhost: t\r\n\r\n\
             POST /one/c HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nch\r\n6;ext=\"1\"\r\nunked!\r\n0\r\nx-trailer: 1\r\n\r\n\
             HEAD /two/d HTTP/1.1\r\nhost: t\r\n\r\n\
             GET /one/e HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    assert_eq!(connection.response(false).await.text(), "one GET /a ");
    assert_eq!(connection.response(false).await.text(), "two POST /b body");
    assert_eq!(connection.response(false).await.status, 404);
    assert_eq!(connection.response(false).await.text(), "one POST /c chunked!");
    let head = connection.response(true).await;
    assert_eq!((head.status, head.text()), (200, String::new()));
    assert_eq!(connection.response(false).await.text(), "one GET /e ");
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn a_request_that_arrives_byte_by_byte_is_a_request() {
    let bed = bed_with(&["slow"]).await;
    let mut connection = bed.raw().await;
    let request = "POST /slow HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\n\r\n";
    for byte in request.bytes() {
        connection.send([byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.response(false).await.text(), "slow POST / abc");
}

#[tokio::test]
async fn whoever_waits_for_a_100_gets_one_and_only_where_the_body_is_wanted() {
    let bed = bed_with(&["wants"]).await;
    let mut connection = bed.raw().await;
    let head = |path: &str, length: u64| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\n\
             content-length: {length}\r\n\r\n"
        )
    };
    connection.send(head("/wants", 4)).await.unwrap();
    assert_eq!(connection.response(false).await.status, 100);
    connection.send("body").await.unwrap();
    assert_eq!(connection.response(false).await.text(), "wants POST / body");

    let mut connection = bed.raw().await;
    connection.send(head("/wants", 1 << 40)).await.unwrap();
    assert_eq!(connection.response(false).await.status, 413);

    let mut connection = bed.raw().await;
    connection.send(head("/unknown", 4)).await.unwrap();
    assert_eq!(connection.response(false).await.status, 404);
}

#[tokio::test]
async fn an_http_1_0_client_gets_a_body_without_chunks_and_then_the_end() {
    let bed = bed_with(&["old"]).await;
    bed.function("stream")
        .source("export default async function* () { yield 'one '; yield 'two'; }")
        .drop_in()
        .await;
    for (path, body) in [("/old", "old GET / "), ("/stream", "one two")] {
        let mut connection = bed.raw().await;
        connection.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await.unwrap();
        let response = connection.response(false).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("transfer-encoding"), None, "{response:?}");
        assert_eq!(response.text(), body);
        assert!(connection.is_closed().await);
    }
}

#[tokio::test]
async fn an_http_1_0_client_may_ask_to_stay() {
    let bed = bed_with(&["old"]).await;
    let mut connection = bed.raw().await;
    for n in 0..3 {
        let request = format!("GET /old/{n} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        connection.send(request).await.unwrap();
        let response = connection.response(false).await;
        assert_eq!(response.text(), format!("old GET /{n} "));
        assert_eq!(response.header("connection"), Some("keep-alive"), "{response:?}");
    }
}

#[tokio::test]
async fn a_response_to_head_has_a_length_but_no_body() {
    let bed = TestBed::start().await;
    let source = "export default () => new Response('twelve bytes')";
    bed.function("head").source(source).drop_in().await;
    let mut connection = bed.raw().await;
    for _ in 0..3 {
        let response = connection.request("HEAD", "/head").await;
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-length").unwrap_or("12"), "12");
    }
    assert_eq!(connection.request("GET", "/head").await.text(), "twelve bytes");
}

#[tokio::test]
async fn a_response_that_cannot_have_a_body_has_none() {
    let bed = TestBed::start().await;
    let source = "export default (request: Request) =>
        new Response(null, { status: Number(request.url.slice(-3)) })";
    bed.function("status").source(source).drop_in().await;
    let mut connection = bed.raw().await;
    for status in [204, 304, 205, 200] {
        let response = connection.request("GET", &format!("/status/{status}")).await;
        assert_eq!((response.status, response.text()), (status, String::new()));
        if status == 204 {
            assert_eq!(response.header("content-length"), None);
            assert_eq!(response.header("transfer-encoding"), None);
        }
    }
}

#[tokio::test]
async fn a_target_may_be_absolute() {
    let bed = bed_with(&["abs"]).await;
    let mut connection = bed.raw().await;
    let request = "GET http://other.test/abs/x?y HTTP/1.1\r\nhost: other.test\r\n\r\n";
    connection.send(request).await.unwrap();
    assert_eq!(connection.response(false).await.text(), "abs GET /x ");
}

#[tokio::test]
async fn a_connection_lives_on_after_an_answer_that_came_before_the_body() {
    let bed = TestBed::start().await;
    bed.function("early").source("export default () => 'early'").drop_in().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let mut connection = bed.raw().await;
    let ask = async |connection: &mut RawConnection, path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nhost: t\r\ncontent-length: 200000\r\n\r\n");
        connection.send(head).await.unwrap();
        connection.send(vec![b'x'; 200_000]).await.unwrap();
        connection.response(false).await
    };
    for _ in 0..3 {
        assert_eq!(ask(&mut connection, "/early").await.text(), "early");
        assert_eq!(ask(&mut connection, "/echo").await.body.len(), 200_000);
    }
}

#[tokio::test]
async fn an_offer_to_speak_something_else_is_declined_by_answering() {
    let bed = bed_with(&["plain"]).await;
    let mut connection = bed.raw().await;
    for offer in ["h2c", "TLS/1.0, HTTP/1.1", "nonsense"] {
        // As `curl --http2` sends it.
        let request = format!(
            "GET /plain HTTP/1.1\r\nhost: t\r\nconnection: Upgrade, HTTP2-Settings\r\n\
             upgrade: {offer}\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        );
        connection.send(request).await.unwrap();
        let response = connection.response(false).await;
        assert_eq!((response.status, response.text()), (200, "plain GET / ".to_owned()), "{offer}");
    }
}
