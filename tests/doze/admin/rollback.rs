//! Going back to a revision that was live before.

use serde_json::{Value, json};

use super::deploy::says;
use crate::harness::{Admin, TestBed};

/// Deploys these texts one after the other, and gives their revisions.
async fn deployed(admin: &Admin, texts: &[&str]) -> Vec<Value> {
    let mut revisions = Vec::new();
    for text in texts {
        let response = admin.deploy("hello", &says(text)).await;
        revisions.push(response.json()["function"]["revision"].clone());
    }
    revisions
}

async fn roll_back(admin: &Admin) -> Value {
    admin.function("POST", "hello", "/rollback").await.ok().json()
}

#[tokio::test]
async fn the_revision_before_is_live_again_when_the_call_returns() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let revisions = deployed(&admin, &["one", "two"]).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "two");

    let function = roll_back(&admin).await;
    assert_eq!(function["revision"], revisions[0]);
    assert_eq!(function["rolledBackFrom"], revisions[1]);
    assert_eq!(bed.get("/hello").await.ok().text(), "one");

    let shown = admin.function("GET", "hello", "").await.ok().json();
    assert_eq!(shown["rolledBackFrom"], revisions[1]);
    let kept = admin.function("GET", "hello", "/revisions").await.ok().json();
    let named = |field: &str| {
        let kept = kept["revisions"].as_array().expect("a list").iter();
        kept.filter(|kept| kept[field] == true).map(|kept| kept["revision"].clone()).collect()
    };
    let (live, from): (Vec<_>, Vec<_>) = (named("live"), named("rolledBackFrom"));
    assert_eq!((live, from), (vec![revisions[0].clone()], vec![revisions[1].clone()]));
}

#[tokio::test]
async fn what_was_rolled_back_stays_so_over_touched_files_and_restarts() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    deployed(&admin, &["one", "two"]).await;
    let rolled_back = roll_back(&admin).await;

    // The same text under another date.
    bed.function("hello").source(says("two")).write();
    let held = |record: &crate::harness::Record| record.holds("a refresh would publish it again");
    bed.logged("that the folder builds to what was rolled back", held).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    assert_eq!(bed.published("hello")["rolledBackFrom"], rolled_back["rolledBackFrom"]);

    bed.stop();
    bed.restart().await;
    bed.known("hello").await;
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    bed.function("hello").source(says("two")).write();
    bed.logged("the same after a restart", held).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    assert_eq!(bed.published("hello")["rolledBackFrom"], rolled_back["rolledBackFrom"]);
}

#[tokio::test]
async fn problems_and_their_end_do_not_bring_back_what_was_rolled_back() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    deployed(&admin, &["one", "two"]).await;
    let rolled_back = roll_back(&admin).await;
    bed.function("hello").source("import './missing.ts';").drop_in_as("stale").await;
    assert_eq!(bed.published("hello")["rolledBackFrom"], rolled_back["rolledBackFrom"]);
    let mended = bed.function("hello").source(says("two"));
    mended.drop_in_as("live").await;
    assert_eq!(bed.published("hello")["revision"], rolled_back["revision"]);
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
}

#[tokio::test]
async fn another_revision_goes_live_by_itself_and_the_same_one_by_order() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let revisions = deployed(&admin, &["one", "two"]).await;

    roll_back(&admin).await;
    bed.function("hello").source(says("three")).drop_in().await;
    bed.answers("/hello", "three").await;
    assert_eq!(bed.published("hello")["rolledBackFrom"], Value::Null);

    bed.function("hello").source(says("two")).drop_in().await;
    roll_back(&admin).await;
    let refreshed = admin.function("POST", "hello", "/refresh").await.ok().json();
    assert_eq!(
        (&refreshed["revision"], &refreshed["rolledBackFrom"]),
        (&revisions[1], &json!(null))
    );

    roll_back(&admin).await;
    let again = admin.deploy("hello", &says("two")).await;
    assert_eq!(again.json()["function"]["revision"], revisions[1]);
    assert_eq!(bed.get("/hello").await.ok().text(), "two");
}

#[tokio::test]
async fn going_back_further_still_remembers_what_the_folder_builds_to() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let revisions = deployed(&admin, &["one", "two", "three"]).await;
    roll_back(&admin).await;
    let twice = roll_back(&admin).await;
    assert_eq!((&twice["revision"], &twice["rolledBackFrom"]), (&revisions[0], &revisions[2]));

    let none_older = admin.function("POST", "hello", "/rollback").await;
    none_older.error(404, "revision_not_found");
    let to = |revision: &Value| {
        let body = json!({ "revision": revision });
        let request = admin.function("POST", "hello", "/rollback");
        request.header("content-type", "application/json").body(body.to_string())
    };
    to(&revisions[0]).await.error(409, "conflict");
    let unknown = to(&json!("0123456789abcdef")).await.error(404, "revision_not_found");
    let kept = revisions[1].as_str().expect("a revision");
    assert!(unknown.text().contains(kept), "it names those that are kept: {unknown:?}");
    to(&json!("../../etc")).await.error(400, "bad_request");

    // All the way back is no rollback any more.
    let newest = to(&revisions[2]).await.ok().json();
    assert_eq!((&newest["revision"], &newest["rolledBackFrom"]), (&revisions[2], &json!(null)));
    admin.function("POST", "never", "/rollback").await.error(404, "function_not_found");
}

#[tokio::test]
async fn the_ten_newest_revisions_are_kept() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let texts: Vec<_> = (0..12).map(|number| format!("number {number}")).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let revisions = deployed(&admin, &texts).await;
    let kept = admin.function("GET", "hello", "/revisions").await.ok().json();
    let kept = kept["revisions"].as_array().expect("a list").iter();
    let kept: Vec<_> = kept.map(|kept| kept["revision"].clone()).collect();
    let newest: Vec<_> = revisions.into_iter().rev().take(10).collect();
    assert_eq!(kept, newest);
}
