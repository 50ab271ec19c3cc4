//! Headers: passed, set, made, and kept back.

use serde_json::Value;

use crate::functions::HEADERS;
use crate::harness::TestBed;

async fn bed_with_headers() -> TestBed {
    let bed = TestBed::start().await;
    bed.function("headers").source(HEADERS).drop_in().await;
    bed
}

#[tokio::test]
async fn the_function_learns_where_a_request_came_from() {
    let bed = bed_with_headers().await;
    let seen = bed.get("/headers/x").header("host", "example.test:81").await.ok().json();
    assert_eq!(seen["x-forwarded-host"], "example.test:81");
    assert_eq!(seen["x-forwarded-proto"], "http");
    assert_eq!(seen["x-forwarded-prefix"], "/headers");
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["host"], "example.test:81");
}

#[tokio::test]
async fn what_a_proxy_before_us_says_is_passed_on() {
    let bed = bed_with_headers().await;
    let seen = bed
        .get("/headers/x")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-prefix", "/outer")
        .header("x-forwarded-proto", "https")
        .await
        .ok()
        .json();
    assert_eq!(seen["x-forwarded-for"], "192.0.2.1, 127.0.0.1");
    assert_eq!(seen["x-forwarded-prefix"], "/outer/headers");
    assert_eq!(seen["x-forwarded-proto"], "https");
}

#[tokio::test]
async fn a_request_has_an_id_that_client_function_and_response_agree_on() {
    let bed = bed_with_headers().await;
    let made = bed.get("/headers").await.ok();
    let id = made.header("x-request-id").unwrap().to_owned();
    assert!(id.len() >= 8, "{id}");
    assert_eq!(made.json()["x-request-id"], id);
    assert_ne!(bed.get("/headers").await.header("x-request-id"), Some(&*id));

    let passed = bed.get("/headers").header("x-request-id", "from-the-client").await.ok();
    assert_eq!(passed.header("x-request-id"), Some("from-the-client"));
    assert_eq!(passed.json()["x-request-id"], "from-the-client");

    let unknown = bed.get("/unknown").header("x-request-id", "also-here").await;
    let unknown = unknown.error(404, "function_not_found");
    assert_eq!(unknown.header("x-request-id"), Some("also-here"));
}

#[tokio::test]
async fn an_id_that_would_spoil_a_log_is_replaced() {
    let bed = bed_with_headers().await;
    for id in ["a\"b", "<script>", &"a".repeat(5000)] {
        let response = bed.get("/headers").header("x-request-id", id).await.ok();
        assert_ne!(response.header("x-request-id"), Some(id));
        assert_eq!(response.json()["x-request-id"], response.header("x-request-id").unwrap());
    }
}

#[tokio::test]
async fn a_trace_goes_on_or_begins() {
    let bed = bed_with_headers().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sent = format!("00-{trace}-00f067aa0ba902b7-01");
    let seen = bed.get("/headers").header("traceparent", &sent).await.ok().json();
    assert!(seen["traceparent"].as_str().unwrap().starts_with(&format!("00-{trace}-")), "{seen}");

    let seen = bed.get("/headers").await.ok().json();
    let made = seen["traceparent"].as_str().unwrap_or("none");
    let form = regex::Regex::new("^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$").unwrap();
    assert!(form.is_match(made), "{made}");
}

#[tokio::test]
async fn what_belongs_to_one_connection_stays_on_it() {
    let bed = bed_with_headers().await;
    let mut connection = bed.raw().await;
    connection
        .send(
            "GET /headers HTTP/1.1\r\nhost: test\r\nconnection: keep-alive, x-hop\r\n\
             connection: X-Other-Hop\r\nx-hop: 1\r\nx-other-hop: 1\r\nkeep-alive: timeout=5\r\n\
             proxy-connection: keep-alive\r\nte: trailers, deflate\r\ntrailer: x-t\r\n\
             proxy-authorization: Basic YTpi\r\nx-end-to-end: 1\r\n\r\n",
        )
        .await
        .unwrap();
    let seen: Value = serde_json::from_str(&connection.response(false).await.text()).unwrap();
    assert_eq!(seen["x-end-to-end"], "1");
    for name in ["x-hop", "x-other-hop", "keep-alive", "proxy-connection", "proxy-authorization"] {
        assert!(seen.get(name).is_none(), "{name} in {seen}");
    }
    // The connection is still good for another one.
    assert_eq!(connection.request("GET", "/headers").await.status, 200);
}

#[tokio::test]
async fn a_client_cannot_speak_in_the_gateway_s_name() {
    let bed = bed_with_headers().await;
    let seen = bed
        .get("/headers")
        .header("x-doze-token", "guess")
        .header("x-doze-warm", "1")
        .await
        .ok()
        .json();
    let names = seen.as_object().unwrap().keys();
    let ours: Vec<_> = names.filter(|name| name.starts_with("x-doze")).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[tokio::test]
async fn a_function_cannot_speak_in_the_platform_s_name() {
    let bed = TestBed::start().await;
    let source = r#"
        export default () =>
          new Response("mine", {
            status: 503,
            headers: {
              "x-doze-error": "overloaded",
              "x-doze-start": "magic",
              "x-request-id": "mine",
              "x-own": "yes",
            },
          });
    "#;
    bed.function("claims").source(source).drop_in().await;
    bed.get("/claims").await;
    let response = bed.get("/claims").header("x-request-id", "real").await;
    assert_eq!((response.status, response.text()), (503, "mine"));
    assert_eq!(response.header("x-doze-error"), None);
    assert_eq!(response.start(), "warm");
    assert_eq!(response.headers.get_all("x-request-id").iter().collect::<Vec<_>>(), ["real"]);
    assert_eq!(response.header("x-own"), Some("yes"));
}

#[tokio::test]
async fn repeated_headers_stay_apart_both_ways() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (request: Request) =>
          new Response(request.headers.get("x-many"), {
            headers: [["set-cookie", "a=1, b"], ["set-cookie", "c=2"], ["x-own", "\u00fc"]],
          });
    "#;
    bed.function("many").source(source).drop_in().await;
    let response = bed.get("/many").header("x-many", "one").header("x-many", "two").await.ok();
    assert_eq!(response.text(), "one, two");
    let cookies: Vec<_> = response.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1, b", "c=2"]);
    assert_eq!(response.headers["x-own"].as_bytes(), b"\xfc");
}
