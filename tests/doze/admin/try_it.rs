//! A request that the operator sends through the gateway.

use serde_json::{Value, json};

use crate::harness::TestBed;

/// Answers with what it was asked.
const MIRROR: &str = r#"
export default async (request) => {
  const url = new URL(request.url);
  if (url.pathname === "/bytes") return new Response(new Uint8Array([0xff, 0xfe, 0x00]));
  if (url.pathname === "/cut") return "é".repeat(600_000);
  if (url.pathname === "/endless") {
    return new Response(new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("begun")),
    }));
  }
  return {
    method: request.method,
    path: url.pathname + url.search,
    word: request.headers.get("x-word"),
    host: request.headers.get("host"),
    body: await request.text(),
  };
};
"#;

#[tokio::test]
async fn a_request_goes_through_the_gateway_and_its_answer_is_told_as_it_is() {
    let mut bed = TestBed::start().await;
    bed.function("ada/mirror").source(MIRROR).drop_in().await;
    let admin = bed.admin().await;
    let attempt = json!({
        "method": "POST",
        "path": "/a/b?c=d",
        "headers": [["x-word", "one"], ["Content-Type", "text/plain"]],
        "body": "the body",
    });
    let attempt = || admin.post("/api/functions/ada%2Fmirror/try", attempt.clone());
    let answer = attempt().await.ok().json();
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["encoding"], "utf-8");
    assert_eq!(answer["truncated"], false);
    let seen: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["path"], "/a/b?c=d");
    assert_eq!(seen["word"], "one");
    assert_eq!(seen["body"], "the body");
    assert_eq!(attempt().await.ok().json()["start"], "warm");
}

#[tokio::test]
async fn a_body_that_is_not_text_or_too_long_or_endless_is_told_so() {
    let mut bed = TestBed::start().await;
    bed.function("mirror").source(MIRROR).drop_in().await;
    let admin = bed.admin().await;
    let answer = async |path: &str| {
        admin.post("/api/functions/mirror/try", json!({ "path": path })).await.ok().json()
    };
    let bytes = answer("/bytes").await;
    assert_eq!(bytes["encoding"], "base64", "{bytes}");
    assert_eq!(bytes["body"], "//4A");
    let cut = answer("/cut").await;
    assert_eq!(cut["truncated"], true);
    assert_eq!(cut["encoding"], "utf-8");
    let text = cut["body"].as_str().unwrap();
    assert!(text.len() <= 1 << 20 && text.chars().all(|character| character == 'é'));
    let endless = answer("/endless").await;
    assert_eq!(endless["truncated"], true, "{endless}");
    assert_eq!(endless["body"], "begun");
}

#[tokio::test]
async fn what_is_no_request_is_refused_before_the_gateway_sees_it() {
    let mut bed = TestBed::start().await;
    bed.function("mirror").source(MIRROR).drop_in().await;
    let admin = bed.admin().await;
    for attempt in [
        json!({ "method": "NO METHOD" }),
        json!({ "method": "CONNECT" }),
        // It would be the function `mirrored`.
        json!({ "path": "ed" }),
        json!({ "headers": [["a b", "c"]] }),
        json!({ "headers": [["a", "b\r\nc: d"]] }),
        json!({ "headers": [["Transfer-Encoding", "chunked"]] }),
        json!({ "headers": [["content-length", "5"]] }),
        json!({ "method": 5 }),
    ] {
        let response = admin.post("/api/functions/mirror/try", attempt.clone()).await;
        assert_eq!(response.status, 400, "{attempt}");
        assert_eq!(response.json()["error"]["code"], "bad_request");
    }
    let response = admin.post("/api/functions/nobody/try", json!({})).await;
    assert_eq!(response.status, 404);
    assert_eq!(response.json()["error"]["code"], "function_not_found");
}
