//! What is published, as the operator sees it.

use serde_json::{Value, json};

use crate::functions::IDENTITY;
use crate::harness::{Admin, TestBed, until_asked};

/// The names in a list of functions.
fn names(list: &Value) -> Vec<&str> {
    let functions = list["functions"].as_array().expect("a list");
    functions.iter().map(|function| function["name"].as_str().expect("a name")).collect()
}

/// Waits until the admin API tells that state of a function, and gives it.
async fn in_state(admin: &Admin, name: &str, state: &str) -> Value {
    until_asked(&format!("`{name}` is told as {state}"), async || {
        let response = admin.function("GET", name, "").await;
        let function = response.json();
        if function["state"] == state { Ok(function) } else { Err(function) }
    })
    .await
}

#[tokio::test]
async fn a_function_is_shown_with_all_that_its_author_declared_and_what_was_left_out() {
    let mut bed = TestBed::start().await;
    let manifest = json!({ "idleSeconds": 7.5, "permissions": ["--allow-net=example.com"] });
    bed.function("ada/hello").source(IDENTITY).manifest(manifest).drop_in().await;
    let admin = bed.admin().await;

    let function = admin.function("GET", "ada/hello", "").await.ok().json();
    let published = bed.published("ada/hello");
    assert_eq!(function["name"], "ada/hello");
    assert_eq!(function["state"], "live");
    assert_eq!(function["path"], "/ada/hello");
    assert_eq!(function["entry"], "index.ts");
    assert_eq!(function["runtime"], "deno");
    assert_eq!(function["rolledBackFrom"], Value::Null);
    assert_eq!(function["problems"], json!([]));
    assert_eq!(function["instances"], json!([]));
    for field in ["revision", "checkedAt", "builtAt", "manifest"] {
        assert_eq!(function[field], published[field], "{field}");
    }
    assert_eq!(function["manifest"]["idleSeconds"], 7.5);
    assert_eq!(function["manifest"]["concurrency"], 100);
}

#[tokio::test]
async fn a_function_that_does_not_build_is_shown_with_its_problems_and_what_runs() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    let live = in_state(&admin, "hello", "live").await;

    bed.function("hello").file("registry.json", "{ \"concurency\": 2 }").drop_in_as("stale").await;
    let stale = in_state(&admin, "hello", "stale").await;
    assert_eq!(stale["revision"], live["revision"]);
    assert_eq!(stale["problems"][0]["file"], "registry.json");
    let text = stale["problems"][0]["text"].as_str().unwrap();
    assert!(text.contains("concurrency"), "{text}");

    bed.function("never").source("export default () => {").drop_in_as("broken").await;
    let broken = in_state(&admin, "never", "broken").await;
    assert_eq!(broken["revision"], Value::Null);
    assert_eq!(broken["manifest"], Value::Null);
    assert_eq!(broken["problems"][0]["line"], 1);

    bed.function("hello").file("registry.json", "{}").drop_in().await;
    let mended = in_state(&admin, "hello", "live").await;
    assert_eq!(mended["problems"], json!([]));
}

#[tokio::test]
async fn the_list_is_in_order_and_can_be_narrowed() {
    let mut bed = TestBed::start().await;
    for name in ["pear", "ada/apple", "apple"] {
        bed.function(name).source(IDENTITY).drop_in().await;
    }
    bed.function("broken").source("export default () => {").drop_in_as("broken").await;
    let admin = bed.admin().await;
    in_state(&admin, "broken", "broken").await;

    for (query, expected) in [
        ("", &["ada/apple", "apple", "broken", "pear"][..]),
        ("?q=app", &["ada/apple", "apple"]),
        ("?state=live", &["ada/apple", "apple", "pear"]),
        ("?state=broken", &["broken"]),
        ("?q=app&state=broken", &[]),
    ] {
        let list = admin.get(&format!("/api/functions{query}")).await.ok().json();
        assert_eq!(names(&list), expected, "{query}");
    }
    admin.get("/api/functions?state=dead").await.error(400, "bad_request");

    bed.function("pear").remove().await;
    assert_eq!(names(&admin.get("/api/functions?q=pear").await.ok().json()), Vec::<&str>::new());
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_is_told_apart() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    for rest in ["", "/revisions"] {
        let path = |name: &str| format!("/api/functions/{name}{rest}");
        admin.get(&path("nobody")).await.error(404, "function_not_found");
        admin.get(&path("ada%2Fnobody")).await.error(404, "function_not_found");
        for name in ["_x", "a%2Fb%2Fc", "..%2Fx", "%FF", "%20"] {
            admin.get(&path(name)).await.error(400, "invalid_name");
        }
        admin.anonymous("GET", &path("nobody")).await.error(401, "unauthorized");
    }
}

#[tokio::test]
async fn revisions_are_listed_last_built_first_and_one_of_them_runs() {
    let mut bed = TestBed::start().await;
    let mut built = Vec::new();
    for number in 1..=3 {
        bed.function("hello").source(format!("export default () => {number};")).drop_in().await;
        built.insert(0, bed.published("hello")["revision"].clone());
    }
    let admin = bed.admin().await;
    let list = admin.function("GET", "hello", "/revisions").await.ok().json();
    let list = list["revisions"].as_array().unwrap();
    let told: Vec<_> = list.iter().map(|one| one["revision"].clone()).collect();
    assert_eq!(told, built);
    let live: Vec<_> = list.iter().map(|one| one["live"].as_bool().unwrap()).collect();
    assert_eq!(live, [true, false, false]);
    assert!(list[0]["bytes"].as_u64().unwrap() > 20, "{list:?}");
    assert_eq!(list[0]["builtAt"], bed.published("hello")["builtAt"]);
}
