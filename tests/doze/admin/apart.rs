//! Registry and execution as two programs, and one address to know.

use serde_json::{Value, json};

use super::deploy::says;
use crate::harness::{Admin, TestBed};

/// Both programs, and the registry's admin API.
async fn apart() -> (TestBed, Admin) {
    let mut bed = TestBed::new().with_server("execution").await.listening().await;
    let execution = bed.admin().await;
    let url = format!("http://{}", execution.address());
    let mut bed = bed.flag("--execution-url", url).with_registry().await;
    let admin = bed.registry_admin().await;
    assert_ne!(admin.address(), execution.address());
    (bed, admin)
}

#[tokio::test]
async fn what_changes_is_done_here_and_is_live_there_when_the_call_returns() {
    let (bed, admin) = apart().await;
    assert_eq!(admin.deploy("hello", &says("one")).await.status, 201);
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    assert_eq!(admin.deploy("hello", &says("two")).await.status, 200);
    assert_eq!(bed.get("/hello").await.ok().text(), "two");
    assert_eq!(admin.function("POST", "hello", "/rollback").await.status, 200);
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    let throws = "throw new Error('at start'); export default () => 'bad';";
    admin.deploy("hello", throws).await.error(502, "start_failed");
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    assert_eq!(admin.function("DELETE", "hello", "").await.status, 204);
    bed.get("/hello").await.error(404, "function_not_found");
}

#[tokio::test]
async fn whoever_changes_a_function_need_not_ask_how_it_is() {
    {
        let (bed, admin) = apart().await;
        answers_as_it_is_shown(&bed, &admin).await;
    }
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    answers_as_it_is_shown(&bed, &admin).await;
}

async fn answers_as_it_is_shown(bed: &TestBed, admin: &Admin) {
    let manifest = json!({ "minInstances": 1 });
    bed.function("hello").source(says("one")).manifest(manifest).drop_in().await;
    bed.get("/hello").await.ok();
    let shown = async || settled(admin.function("GET", "hello", "").await.ok().json());
    let refreshed = admin.function("POST", "hello", "/refresh").await.ok();
    assert_eq!(settled(refreshed.json()), shown().await);
    assert_eq!(refreshed.json()["counters"]["requests"], 1);
    assert_eq!(refreshed.json()["instances"].as_array().map(Vec::len), Some(1));
    let deployed = admin.deploy("hello", &says("two")).await.ok().json()["function"].clone();
    assert_eq!(settled(deployed), shown().await);
    let back = admin.function("POST", "hello", "/rollback").await.ok();
    assert_eq!(settled(back.json()), shown().await);
}

/// A function without what differs from one moment to the next.
fn settled(mut function: Value) -> Value {
    for field in ["checkedAt", "instances"] {
        assert!(!function[field].is_null(), "{function}");
        function[field].take();
    }
    // Written twice on its way, it may differ in its last digit.
    function["counters"]["latencySeconds"].take();
    function
}

#[tokio::test]
async fn what_only_execution_knows_is_asked_there() {
    let (bed, admin) = apart().await;
    admin.deploy("ada/hello", &says("hi")).await;
    assert_eq!(bed.get("/ada/hello").await.ok().text(), "hi");
    let list = admin.get("/api/functions?q=ada").await.ok().json();
    assert_eq!(list["functions"][0]["name"], "ada/hello");
    let shown = admin.function("GET", "ada/hello", "").await.ok().json();
    assert_eq!(shown["instances"].as_array().map(Vec::len), Some(1), "{shown}");
    let revisions = admin.function("GET", "ada/hello", "/revisions").await.ok().json();
    assert_eq!(revisions["revisions"][0]["live"], true);
    admin.function("GET", "never", "").await.error(404, "function_not_found");
    admin.get("/api/nothing").await.error(404, "not_found");

    // Both bodies stream.
    let mut events = admin.get("/api/events").open().await;
    assert_eq!(events.status, 200);
    assert!(events.chunk().await.is_some());
    // Whoever has no token does not get as far.
    admin.anonymous("GET", "/api/functions").await.error(401, "unauthorized");
}

#[tokio::test]
async fn what_is_asked_there_is_described_here() {
    let of = async |admin: &Admin| admin.get("/openapi.json").await.ok().json()["paths"].clone();
    let together = {
        let mut bed = TestBed::start().await;
        of(&bed.admin().await).await
    };
    let (_bed, admin) = apart().await;
    assert_eq!(of(&admin).await, together);
    // Both answer there, each for its own methods.
    let refused = admin.function("OPTIONS", "hello", "").await;
    assert_eq!(refused.status, 405);
    let mut allowed: Vec<_> = refused.header("allow").unwrap_or_default().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PUT"]);
}

#[tokio::test]
async fn a_source_is_bundled_here_and_runs_there() {
    let (_bed, admin) = apart().await;
    let source = "export default async (request) => (await request.json()).n + 1;";
    let call = json!({ "source": source, "payload": { "n": 1 } });
    let response = admin.post("/api/invoke", call).await.ok();
    assert_eq!(response.text(), "2");
    assert!(response.header("x-doze-invocation").is_some());
    admin.post("/api/invoke", json!({ "source": "import 'x'" })).await.error(422, "invalid_source");
}

#[tokio::test]
async fn an_execution_service_that_is_not_there_is_told() {
    let bed = TestBed::new().flag("--execution-url", "http://127.0.0.1:1");
    let mut bed = bed.with_server("registry").await;
    let admin = bed.registry_admin().await;
    admin.get("/api/functions").await.error(503, "execution_unreachable");
    admin.get("/metrics").await.error(503, "execution_unreachable");
    admin.function("GET", "hello", "").await.error(503, "execution_unreachable");
    let deployed = admin.deploy("hello", &says("hi")).await.error(503, "execution_unreachable");
    assert!(deployed.text().contains("--execution-url"), "{deployed:?}");
    // It did its own part.
    assert_eq!(bed.published("hello")["state"], "live");
}
