//! Requests that are none, too large, or too slow. What a proxy and the server
//! behind it read differently is how one client's request becomes another's,
//! so whatever is not plainly one request is refused and the connection closed.

use std::time::Duration;

use crate::functions::ECHO;
use crate::harness::{RawConnection, RawResponse, TestBed};

const HOST: &str = "host: t\r\n";

/// What is wrong, and the bytes. Each must be answered with 400.
fn malformed() -> Vec<(&'static str, String)> {
    let get = |lines: &str| format!("GET /echo HTTP/1.1\r\n{lines}\r\n");
    let post = |lines: &str, body: &str| format!("POST /echo HTTP/1.1\r\n{HOST}{lines}\r\n{body}");
    let chunked = |body: &str| post("transfer-encoding: chunked\r\n", body);
    let line = |line: &str| format!("{line}\r\n{HOST}\r\n");
    let two = "transfer-encoding: chunked\r\n";
    vec![
        ("a length and chunks", post(&format!("content-length: 4\r\n{two}"), "0\r\n\r\n")),
        ("chunks and a length", post(&format!("{two}content-length: 4\r\n"), "0\r\n\r\n")),
        ("two lengths", post("content-length: 3\r\ncontent-length: 4\r\n", "body")),
        ("two lengths in one line", post("content-length: 3, 4\r\n", "body")),
        ("a length that is no number", post("content-length: four\r\n", "body")),
        ("an empty length", post("content-length:\r\n", "body")),
        ("a negative length", post("content-length: -1\r\n", "body")),
        ("a length with a sign", post("content-length: +4\r\n", "body")),
        ("a hexadecimal length", post("content-length: 0x4\r\n", "body")),
        ("a length past all numbers", post("content-length: 18446744073709551617\r\n", "body")),
        ("no host", get("")),
        ("two hosts", get("host: a\r\nhost: b\r\n")),
        ("a host that is none", get("host: a b\r\n")),
        ("a host with a path", get("host: a/b\r\n")),
        ("line ends without CR", "GET /echo HTTP/1.1\nhost: t\n\n".to_owned()),
        ("one line end without CR", "GET /echo HTTP/1.1\r\nhost: t\n\r\n".to_owned()),
        ("a CR inside a line", get("host: t\r\nx-a: b\rc: d\r\n")),
        ("an unknown coding", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n")),
        ("chunked not last", post("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n")),
        ("chunked twice", post("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n")),
        ("chunked twice in two lines", post(&format!("{two}{two}"), "0\r\n\r\n")),
        ("identity", post("transfer-encoding: identity\r\n", "body")),
        ("an empty coding", post("transfer-encoding:\r\n", "0\r\n\r\n")),
        ("a coding in quotes", post("transfer-encoding: \"chunked\"\r\n", "0\r\n\r\n")),
        ("a vertical tab before it", post("transfer-encoding: \x0bchunked\r\n", "0\r\n\r\n")),
        ("chunks in HTTP/1.0", format!("POST /echo HTTP/1.0\r\n{HOST}{two}\r\n0\r\n\r\n")),
        ("a space before the colon", post("content-length : 4\r\n", "body")),
        ("a space before a name", get("host: t\r\n x-a: b\r\n")),
        ("a folded header", get("host: t\r\nx-a: b\r\n\tc\r\n")),
        ("a header without a colon", get("host: t\r\nnonsense\r\n")),
        ("a header without a name", get("host: t\r\n: value\r\n")),
        ("a NUL in a value", get("host: t\r\nx-a: b\0c\r\n")),
        ("a NUL in a name", get("host: t\r\nx\0a: b\r\n")),
        ("a control character in a value", get("host: t\r\nx-a: \x01\r\n")),
        ("a space in a name", get("host: t\r\nx a: b\r\n")),
        ("a method that is none", line("G@T /echo HTTP/1.1")),
        ("no method", line(" /echo HTTP/1.1")),
        ("no target", line("GET  HTTP/1.1")),
        ("no version", line("GET /echo")),
        ("a target without a slash", line("GET echo HTTP/1.1")),
        ("a target with a space", line("GET /echo x HTTP/1.1")),
        ("a target with a NUL", line("GET /echo\0 HTTP/1.1")),
        ("a version from the future", line("GET /echo HTTP/3.7")),
        ("a version that is none", line("GET /echo HTTP/1.1x")),
        ("not HTTP at all", "\x16\x03\x01\x02\0\x01\0\x01\u{7f}\x03\x03".to_owned() + "\r\n\r\n"),
        ("a chunk without a size", chunked("\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's size that is none", chunked("xyz\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's size with a sign", chunked("+4\r\nbody\r\n0\r\n\r\n")),
        ("a negative chunk's size", chunked("-4\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's size with 0x", chunked("0x4\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's size past all numbers", chunked("10000000000000004\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's size with a space before", chunked(" 4\r\nbody\r\n0\r\n\r\n")),
        ("a chunk longer than its size", chunked("3\r\nbody\r\n0\r\n\r\n")),
        ("a chunk's line end without CR", chunked("4\nbody\r\n0\r\n\r\n")),
        ("a chunk's end without CR", chunked("4\r\nbody\n0\r\n\r\n")),
        ("a chunk's extension without an end", chunked(&format!("4;{}", "a".repeat(1 << 20)))),
        ("a trailer that is none", chunked("0\r\nnonsense\r\n\r\n")),
    ]
}

#[tokio::test]
async fn what_is_not_plainly_one_request_is_refused_and_the_connection_closed() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    bed.get("/echo").await.ok();
    let mut wrong = Vec::new();
    for (what, request) in malformed() {
        let mut connection = bed.raw().await;
        // A server that has seen enough may close before all of it is sent.
        let _ = connection.send(&request).await;
        match connection.try_response(false).await {
            None => wrong.push(format!("{what}: closed without an answer")),
            Some(response) if response.status != 400 => {
                wrong.push(format!("{what}: {} {}", response.status, response.text()));
            }
            Some(response) => {
                if response.header("connection") != Some("close") {
                    wrong.push(format!("{what}: does not say that it closes:\n{}", response.head));
                }
                let more = connection.read_to_end().await;
                if !more.is_empty() {
                    wrong.push(format!("{what}: goes on with `{}`", more.escape_ascii()));
                }
            }
        }
        let next = bed.post("/echo", "still here").await.ok();
        assert_eq!(next.text(), "still here", "after {what}");
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where a plain 400 and a more telling status are both right, and what a
/// strict reader may refuse although the standard lets it pass.
#[tokio::test]
async fn what_may_be_refused_is_refused_or_read_as_one_request() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let post = |lines: &str, body: &str| format!("POST /echo HTTP/1.1\r\n{HOST}{lines}\r\n{body}");
    for (what, request, allowed) in [
        (
            "a coding before chunked",
            post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
            &[400, 501][..],
        ),
        (
            "the same length twice",
            post("content-length: 4\r\ncontent-length: 4\r\n", "body"),
            &[200, 400],
        ),
        ("the same length in one line", post("content-length: 4, 4\r\n", "body"), &[200, 400]),
        ("a version before ours", format!("GET /echo HTTP/0.9\r\n{HOST}\r\n"), &[400, 505]),
        ("empty lines before", format!("\r\nGET /echo HTTP/1.1\r\n{HOST}\r\n"), &[200, 400]),
        ("a tunnel", format!("CONNECT t:80 HTTP/1.1\r\n{HOST}\r\n"), &[400, 404, 405, 501]),
        ("the server itself", format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n"), &[200, 204, 400, 404]),
        ("a fragment", format!("GET /echo#x HTTP/1.1\r\n{HOST}\r\n"), &[200, 400]),
    ] {
        let mut connection = bed.raw().await;
        connection.send(&request).await.unwrap();
        let response = connection.response(false).await;
        assert!(allowed.contains(&response.status), "{what}: {response:?}");
        if response.status == 200 {
            assert_eq!(bed.get("/echo").await.status, 200, "{what}");
        }
    }
}

/// Sends as much as the server takes, and reads its answer whenever it comes.
async fn sent_until_answered(
    connection: &mut RawConnection,
    head: &str,
    block: &[u8],
    blocks: usize,
) -> RawResponse {
    connection.send(head).await.expect("the connection is open");
    for _ in 0..blocks {
        if connection.send(block).await.is_err() {
            break;
        }
    }
    connection.response(false).await
}

#[tokio::test]
async fn headers_over_the_limit_are_431_and_the_end() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let one = format!("x-long: {}\r\n\r\n", "a".repeat(70 << 10));
    let many = "x-many: aaaa\r\n".repeat(7000);
    let never_ending = "a".repeat(1 << 20);
    for rest in [one, many + "\r\n", never_ending] {
        let mut connection = bed.raw().await;
        let head = format!("GET /echo HTTP/1.1\r\n{HOST}x-first: ");
        let response = sent_until_answered(&mut connection, &head, rest.as_bytes(), 1).await;
        assert_eq!(response.status, 431, "{response:?}");
        assert_eq!(response.header("x-doze-error"), Some("headers_too_large"));
        assert!(response.header("x-request-id").is_some());
        assert!(connection.is_closed().await);
    }
    bed.get("/echo").await.ok();
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_the_end() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    bed.function("reads")
        .source("export default async (request: Request) => (await request.bytes()).length")
        .drop_in()
        .await;
    let length = "content-length: 33554433\r\n\r\n";
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    let block = vec![b'x'; 1 << 20];
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend(&block);
    chunk.extend(b"\r\n");
    for (what, head, block, blocks) in [
        ("announced", length, &b""[..], 0),
        ("announced and sent", length, &block, 33),
        ("chunked", chunked, &chunk, 33),
    ] {
        let mut connection = bed.raw().await;
        let head = format!("POST /reads HTTP/1.1\r\n{HOST}{head}");
        let response = sent_until_answered(&mut connection, &head, block, blocks).await;
        assert_eq!(response.status, 413, "{what}: {response:?}");
        assert_eq!(response.header("x-doze-error"), Some("body_too_large"), "{what}");
        assert!(connection.is_closed().await, "{what}");
    }
    assert_eq!(bed.post("/reads", "still here").await.ok().text(), "10");
}

#[tokio::test]
async fn a_head_that_never_comes_to_its_end_is_not_waited_for_forever() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let mut connection = bed.raw().await;
    connection.send("GET /echo HTTP/1.1\r\nhost: t\r\nx-slow: ").await.unwrap();
    let answer = async {
        loop {
            // Alive, but never done: each byte would start a naive time-out anew.
            if connection.send("a").await.is_err() {
                return None;
            }
            let read = connection.try_response(false);
            if let Ok(response) = tokio::time::timeout(Duration::from_secs(1), read).await {
                return response;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_mins(1), answer).await;
    let answer = answer.expect("the server still waits after a minute");
    assert_eq!(answer.map_or(408, |response| response.status), 408);
    bed.get("/echo").await.ok();
}

#[tokio::test]
async fn many_silent_connections_keep_nobody_from_being_served() {
    let bed = TestBed::start().await;
    bed.function("echo").source(ECHO).drop_in().await;
    let mut silent = Vec::new();
    for _ in 0..500 {
        let mut connection = bed.raw().await;
        connection.send("GET /echo HTT").await.unwrap();
        silent.push(connection);
    }
    assert_eq!(bed.post("/echo", "served").await.ok().text(), "served");
}
