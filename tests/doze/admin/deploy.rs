//! A function that is sent instead of dropped.

use std::fs;

use serde_json::json;

use crate::harness::{TestBed, until_asked};

fn says(text: &str) -> String {
    format!("export default () => {text:?};")
}

#[tokio::test]
async fn nobody_deploys_without_the_token() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let path = "/api/functions/hello";
    let request = admin.anonymous("PUT", path).header("content-type", "text/typescript");
    request.body(says("hi")).await.error(401, "unauthorized");
    assert!(!bed.path("registry_in/hello").exists());
}

#[tokio::test]
async fn a_new_function_is_live_when_the_call_returns_and_so_is_its_change() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;

    let first = admin.deploy("hello", &says("one")).await;
    assert_eq!((first.status, &first.json()["changed"]), (201, &json!(true)), "{first:?}");
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    let function = &first.json()["function"];
    assert_eq!(function["state"], "live");
    assert_eq!(function["revision"], bed.published("hello")["revision"]);

    let second = admin.deploy("hello", &says("two")).await;
    assert_eq!((second.status, &second.json()["changed"]), (200, &json!(true)), "{second:?}");
    assert_eq!(bed.get("/hello").await.ok().text(), "two");

    let same = admin.deploy("hello", &says("two")).await;
    assert_eq!((same.status, &same.json()["changed"]), (200, &json!(false)), "{same:?}");
    let written = fs::read_to_string(bed.path("registry_in/hello/index.ts")).unwrap();
    assert_eq!(written, says("two"), "the folder is what was sent");
}
