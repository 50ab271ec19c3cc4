//! Refreshing and removing.

use std::fs;

use serde_json::json;

use super::deploy::{holds_only, says};
use crate::harness::{TestBed, within};

#[tokio::test]
async fn a_refresh_answers_with_the_folder_as_it_lies_there_now() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let refresh = || admin.function("POST", "hello", "/refresh");
    refresh().await.error(404, "function_not_found");

    bed.function("hello").source(says("one")).write();
    let live = refresh().await.ok().json();
    assert_eq!((&live["state"], &live["problems"]), (&json!("live"), &json!([])));
    assert_eq!(bed.get("/hello").await.ok().text(), "one");

    bed.function("hello").source("import './missing.ts';\nimport './other.ts';").write();
    let stale = refresh().await.ok().json();
    assert_eq!(stale["state"], "stale");
    assert_eq!(stale["problems"].as_array().map(Vec::len), Some(2), "{stale}");
    assert_eq!(stale["revision"], live["revision"]);
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
}

#[tokio::test]
async fn a_folder_that_never_rests_is_refreshed_all_the_same() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    bed.function("hello").source(says("one")).write();
    let restless = async {
        for number in 0.. {
            bed.function("hello").file("note.txt", number.to_string()).write();
            // Well within the time for which a folder must be quiet.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let refreshed = async {
        let response = admin.function("POST", "hello", "/refresh").await.ok();
        assert_eq!(response.json()["state"], "live");
    };
    let limit = std::time::Duration::from_secs(50);
    within(limit, "a refresh", async {
        tokio::select! { () = restless => (), () = refreshed => () }
    })
    .await;
}

#[tokio::test]
async fn a_removed_function_is_gone_with_its_folder_when_the_call_returns() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.deploy("hello", &says("hi")).await;
    admin.deploy("ada/one", &says("1")).await;
    admin.deploy("ada/two", &says("2")).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "hi");

    let removed = |name| admin.function("DELETE", name, "");
    assert_eq!(removed("hello").await.status, 204);
    bed.get("/hello").await.error(404, "function_not_found");
    removed("hello").await.error(404, "function_not_found");
    assert!(bed.published("hello").is_null());

    // An owner is not a function, and goes with the last that it has.
    removed("ada").await.error(404, "function_not_found");
    assert_eq!(removed("ada/one").await.status, 204);
    assert_eq!(bed.get("/ada/two").await.ok().text(), "2");
    assert_eq!(removed("ada/two").await.status, 204);
    holds_only(&bed, &[]).await;
    assert!(bed.published("ada").is_null());
    assert_eq!(fs::read_dir(bed.path("registry/.live")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_broken_function_can_be_removed_too() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source("import './missing.ts';").drop_in_as("broken").await;
    let admin = bed.admin().await;
    assert_eq!(admin.function("DELETE", "hello", "").await.status, 204);
    holds_only(&bed, &[]).await;
}
