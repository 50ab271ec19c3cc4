//! The tokens of functions with `auth: "token"`.

use std::fs;

use serde_json::{Value, json};

use crate::functions::HEADERS;
use crate::harness::{Admin, Request, TestBed, until_asked};

fn needs_token() -> Value {
    json!({ "auth": "token" })
}

/// Makes one, and gives its text and its id.
async fn make(admin: &Admin, function: &str, body: Value) -> (String, String) {
    let rest = format!("/api/functions/{}/tokens", function.replace('/', "%2F"));
    let response = admin.post(&rest, body).await;
    assert_eq!(response.status, 201, "{response:?}");
    let made = response.json();
    let text = |field: &str| made[field].as_str().expect("a text").to_owned();
    assert!(text("token").starts_with(&text("prefix")), "{made}");
    (text("token"), text("id"))
}

fn with(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

#[tokio::test]
async fn a_token_lets_in_to_its_own_function_until_it_is_revoked() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    for name in ["mine", "ada/mine", "other"] {
        let function = bed.function(name).source("export default () => 'in'");
        function.manifest(needs_token()).drop_in().await;
    }
    let (token, id) = make(&admin, "ada/mine", json!({ "label": "ci" })).await;
    let (second, _) = make(&admin, "ada/mine", json!({})).await;
    assert_eq!(with(bed.get("/ada/mine"), &token).await.ok().text(), "in");
    for path in ["/mine", "/other"] {
        with(bed.get(path), &token).await.error(401, "unauthorized");
    }
    bed.get("/ada/mine").await.error(401, "unauthorized");

    let list = admin.function("GET", "ada/mine", "/tokens").await.ok();
    assert!(!list.text().contains(&token[9..]), "{list:?}");
    let list = list.json();
    assert_eq!(list["tokens"][0]["label"], "ci");
    assert_eq!(list["tokens"][0]["prefix"], token[..9]);
    assert!(list["tokens"][0]["lastUsedAt"].is_string(), "{list}");
    assert!(list["tokens"][1]["lastUsedAt"].is_null(), "{list}");

    let revoke = || admin.function("DELETE", "ada/mine", &format!("/tokens/{id}"));
    assert_eq!(revoke().await.status, 204);
    with(bed.get("/ada/mine"), &token).await.error(401, "unauthorized");
    assert_eq!(with(bed.get("/ada/mine"), &second).await.ok().text(), "in");
    revoke().await.error(404, "token_not_found");
}

#[tokio::test]
async fn a_browser_asks_before_a_call_without_a_token_and_nothing_runs_for_it() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "console.log('ran'); export default (r) => new Response(r.method);";
    let closed = bed.function("closed").source(source);
    closed.manifest(json!({ "auth": "token", "methods": ["GET", "PUT"] })).drop_in().await;
    bed.function("free").source(source).manifest(needs_token()).drop_in().await;
    let asks = |path: &str| {
        let request = Request::new(bed.address(), "OPTIONS", path);
        let request = request.header("origin", "https://elsewhere.example");
        request.header("access-control-request-headers", "authorization,x-own")
    };
    let asks_for = |path| asks(path).header("access-control-request-method", "DELETE");
    for (path, methods) in [("/closed/a", "GET, PUT"), ("/free", "DELETE")] {
        let answer = asks_for(path).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,x-own"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("x-doze-start"), None);
    }
    // What is no such question needs a token as ever, and the page may read that.
    let call = Request::new(bed.address(), "GET", "/free");
    let refused = call.header("origin", "https://elsewhere.example").await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
    refused.error(401, "unauthorized");
    asks("/free").await.error(401, "unauthorized");
    asks("/closed").await.error(405, "method_not_allowed");
    let bare = Request::new(bed.address(), "OPTIONS", "/free");
    bare.header("access-control-request-method", "GET").await.error(401, "unauthorized");
    with(asks_for("/free"), "dz_wrong").await.error(401, "unauthorized");
    let log = admin.function("GET", "free", "/logs").await.ok();
    assert_eq!(log.text(), "", "it ran");
    // Who has a token may ask the function itself.
    let (token, _) = make(&admin, "free", json!({})).await;
    assert_eq!(with(asks_for("/free"), &token).await.ok().text(), "OPTIONS");
}

#[tokio::test]
async fn a_function_sees_no_token_of_its_callers_and_every_header_of_its_own() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("closed").source(HEADERS).manifest(needs_token()).drop_in().await;
    bed.function("open").source(HEADERS).drop_in().await;
    let (token, _) = make(&admin, "closed", json!({})).await;
    let seen = with(bed.get("/closed"), &token).header("x-own", "yes").await.ok();
    assert!(!seen.text().contains(&token), "{seen:?}");
    assert_eq!(seen.json()["x-own"], "yes");
    let seen = with(bed.get("/open"), "for the function").await.ok().json();
    assert_eq!(seen["authorization"], "Bearer for the function");
}

#[tokio::test]
async fn the_files_of_a_function_need_its_token_as_well() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("site")
        .source("export default () => 'function'")
        .file("public/page.txt", "file")
        .manifest(json!({ "static": "public", "auth": "token" }))
        .drop_in()
        .await;
    let (token, _) = make(&admin, "site", json!({})).await;
    for path in ["/site/page.txt", "/site", "/site/"] {
        bed.get(path).await.error(401, "unauthorized");
    }
    assert_eq!(with(bed.get("/site/page.txt"), &token).await.ok().text(), "file");
}

#[tokio::test]
async fn tokens_outlive_a_killed_server_and_a_folder_that_is_moved_away_for_a_moment() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "export default () => 'in'";
    bed.function("hello").source(source).manifest(needs_token()).drop_in().await;
    let (token, _) = make(&admin, "hello", json!({})).await;
    bed.server().kill().await;
    bed.restart().await;
    bed.known("hello").await;
    assert_eq!(with(bed.get("/hello"), &token).await.ok().text(), "in");
    assert!(!fs::read_to_string(bed.path("data/tokens")).unwrap().contains(&token[9..]));

    bed.function("hello").remove().await;
    with(bed.get("/hello"), &token).await.error(404, "function_not_found");
    bed.function("hello").source(source).manifest(needs_token()).drop_in().await;
    bed.get("/hello").await.error(401, "unauthorized");
    until_asked("the token is known again", async || {
        let response = with(bed.get("/hello"), &token).await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
}

#[tokio::test]
async fn tokens_are_made_for_functions_that_there_are_by_the_operator_alone() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("hello").source("export default () => 1").drop_in().await;
    let post = |name: &str, body: Value| admin.post(&format!("/api/functions/{name}/tokens"), body);
    post("nobody", json!({})).await.error(404, "function_not_found");
    post("a%2Fb%2Fc", json!({})).await.error(400, "invalid_name");
    post("hello", json!({ "label": "x".repeat(101) })).await.error(400, "bad_request");
    post("hello", json!({ "lable": "x" })).await.error(400, "bad_request");
    let path = "/api/functions/hello/tokens";
    for (method, path) in [("GET", path), ("POST", path), ("DELETE", &format!("{path}/x"))] {
        admin.anonymous(method, path).await.error(401, "unauthorized");
    }
    assert_eq!(admin.get(path).await.ok().json(), json!({ "tokens": [] }));
}
