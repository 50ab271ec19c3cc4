//! Changing `registry.json` by the admin API.

use std::fs;

use serde_json::{Value, json};

use super::deploy::{holds_only, says};
use crate::harness::{Admin, Request, TestBed};

#[expect(clippy::needless_pass_by_value, reason = "it takes what `json!` makes")]
fn patch(admin: &Admin, patch: Value) -> Request {
    let request = admin.function("PATCH", "hello", "/manifest");
    request.header("content-type", "application/merge-patch+json").body(patch.to_string())
}

async fn shown(admin: &Admin) -> Value {
    admin.function("GET", "hello", "/manifest").await.ok().json()
}

#[tokio::test]
async fn fields_are_set_and_removed_and_the_function_runs_with_them() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let source = "export default () => Deno.env.get('GREETING') ?? 'nothing';";
    admin.deploy("hello", source).await;
    assert_eq!(shown(&admin).await, json!({}));
    assert_eq!(bed.get("/hello").await.ok().text(), "nothing");

    let both = json!({ "env": { "GREETING": "hi", "OTHER": "x" }, "idleSeconds": 7 });
    let changed = patch(&admin, both.clone()).await.ok().json();
    assert_eq!(changed["manifest"], both);
    assert_eq!(changed["revision"], bed.published("hello")["revision"]);
    assert_eq!(bed.get("/hello").await.ok().text(), "hi");

    let one = patch(&admin, json!({ "env": { "OTHER": null }, "idleSeconds": null })).await;
    let left = json!({ "env": { "GREETING": "hi" } });
    assert_eq!(one.ok().json()["manifest"], left);
    assert_eq!(shown(&admin).await, left);
    let text = fs::read(bed.path("registry_in/hello/registry.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), left);
    holds_only(&bed, &["hello"]).await;
}

#[tokio::test]
async fn a_change_with_mistakes_is_refused_with_all_of_them_and_changes_nothing() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source(says("hi")).manifest(json!({ "concurrency": 3 })).drop_in().await;
    let admin = bed.admin().await;
    let before = bed.published("hello");
    let wrong = json!({ "concurency": 5, "memoryMb": "much", "permissions": ["--allow-all"] });
    let refused = patch(&admin, wrong).await.error(422, "invalid_source");
    let problems = refused.json()["error"]["problems"].clone();
    assert_eq!(problems.as_array().map(Vec::len), Some(3), "{problems}");
    assert!(refused.text().contains("concurrency"), "the nearest name is told: {refused:?}");

    let absent = patch(&admin, json!({ "static": "public" })).await.error(422, "invalid_source");
    assert!(absent.text().contains("public"), "{absent:?}");
    patch(&admin, json!([1])).await.error(400, "bad_request");
    admin
        .function("PATCH", "hello", "/manifest")
        .body("{}")
        .await
        .error(415, "unsupported_media_type");

    assert_eq!(shown(&admin).await, json!({ "concurrency": 3 }));
    assert_eq!(bed.published("hello"), before);
}

#[tokio::test]
async fn a_manifest_that_is_not_json_is_told_and_not_overwritten() {
    let mut bed = TestBed::start().await;
    bed.function("hello")
        .source(says("hi"))
        .file("registry.json", "{ oops")
        .drop_in_as("broken")
        .await;
    let admin = bed.admin().await;
    patch(&admin, json!({ "concurrency": 3 })).await.error(422, "invalid_source");
    admin.function("GET", "hello", "/manifest").await.error(422, "invalid_source");
    let text = fs::read_to_string(bed.path("registry_in/hello/registry.json")).unwrap();
    assert_eq!(text, "{ oops");
    admin.function("GET", "never", "/manifest").await.error(404, "function_not_found");
}

#[tokio::test]
async fn what_is_else_wrong_with_the_function_is_told_after_the_change() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source("import './missing.ts';").drop_in_as("broken").await;
    let admin = bed.admin().await;
    let changed = patch(&admin, json!({ "concurrency": 3 })).await.error(422, "invalid_source");
    assert!(changed.text().contains("missing.ts"), "{changed:?}");
}
