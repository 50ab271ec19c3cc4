//! A new revision takes over, a broken one does not, a removed one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Connection, Request, TestBed, until};

/// A function that tells its version, slowly enough to be caught in the act.
fn version(number: u64) -> String {
    format!(
        "export default async () => {{
           await new Promise((go) => setTimeout(go, 5));
           return {number};
         }};"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_redeploys_and_a_broken_one_under_load_fail_no_request() {
    const LAST: u64 = 20;
    let bed = TestBed::new().alone().up().await;
    bed.function("busy").source(version(0)).drop_in().await;

    let done = Arc::new(AtomicBool::new(false));
    let newest_seen = Arc::new(AtomicU64::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (done, newest_seen) = (Arc::clone(&done), Arc::clone(&newest_seen));
        let address = bed.address().to_owned();
        callers.spawn(async move {
            let mut connection = Connection::open(&address).await;
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let request = Request::new(&address, "GET", "/busy");
                let now = connection.send(request).await.ok().json().as_u64().expect("a version");
                assert!(now >= seen, "version {now} after {seen}");
                seen = now;
                newest_seen.fetch_max(seen, Ordering::Relaxed);
            }
            seen
        });
    }

    for number in 1..=LAST {
        if number == LAST / 2 {
            bed.function("busy").source("export default () => {").drop_in_as("stale").await;
        }
        bed.function("busy").source(version(number)).write();
        until(&format!("version {number} is served"), || {
            // A caller that ends before it is told to has met a failure.
            if let Some(Err(error)) = callers.try_join_next() {
                std::panic::resume_unwind(error.into_panic());
            }
            let seen = newest_seen.load(Ordering::Relaxed);
            if seen == number { Ok(()) } else { Err(seen) }
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;
    assert_eq!(bed.get("/busy").await.ok().json(), json!(LAST));
}

#[tokio::test]
async fn a_running_request_ends_on_the_revision_that_it_began_on() {
    let bed = TestBed::start().await;
    bed.function("held").source(HOLDING).drop_in().await;
    let old = identity(bed.get("/held").await);
    let instance = bed.instance(old.pid);
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;

    bed.function("held").source("export default () => 'new'").drop_in().await;
    bed.answers("/held", "new").await;
    assert!(instance.is_alive());

    upload.finish();
    assert_eq!(identity(response.await.unwrap()), old);
    bed.gone(&instance).await;
}

#[tokio::test]
async fn a_change_of_the_manifest_alone_is_a_new_revision() {
    let bed = TestBed::start().await;
    let source = "export default () => Deno.env.get('COLOUR');";
    let colour = |colour: &str| json!({ "env": { "COLOUR": colour } });
    bed.function("env").source(source).manifest(colour("red")).drop_in().await;
    assert_eq!(bed.get("/env").await.ok().text(), "red");
    bed.function("env").manifest(colour("blue")).drop_in().await;
    bed.answers("/env", "blue").await;
}

#[tokio::test]
async fn a_broken_folder_leaves_the_live_revision_live_and_recovers_by_itself() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let before = identity(bed.get("/hello").await);
    bed.function("hello").file("registry.json", "{").drop_in_as("stale").await;
    assert_eq!(identity(bed.get("/hello").await), before);

    bed.function("never").source("export default () => {").drop_in_as("broken").await;
    bed.known("never").await;
    bed.get("/never").await.error(503, "function_broken");
    bed.function("never").source("export default () => 'mended'").drop_in().await;
    assert_eq!(bed.get("/never").await.ok().text(), "mended");
}

#[tokio::test]
async fn a_removed_function_is_not_found_and_its_process_ends() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    bed.function("stays").source(IDENTITY).drop_in().await;
    let stays = identity(bed.get("/stays").await);
    let instance = bed.instance(identity(bed.get("/hello").await).pid);
    bed.function("hello").remove().await;
    bed.gone(&instance).await;
    assert_eq!(identity(bed.get("/stays").await), stays);

    bed.function("hello").source("export default () => 'again'").drop_in().await;
    assert_eq!(bed.get("/hello").await.ok().text(), "again");
}

#[tokio::test]
async fn the_two_services_run_apart_and_execution_may_come_first() {
    let bed = TestBed::new().with_server("execution").await.listening().await;
    bed.get("/hello").await.error(404, "function_not_found");
    // The gateway's server stays the one that is asked.
    let bed = bed.with_registry().await;
    bed.function("hello").source("export default () => 'one'").drop_in().await;
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    bed.function("hello").source("export default () => 'two'").drop_in().await;
    bed.answers("/hello", "two").await;
    bed.function("hello").remove().await;
}

#[tokio::test]
async fn what_was_published_before_a_restart_is_served_after_it() {
    let mut bed = TestBed::start().await;
    bed.function("hello").source("export default () => 'one'").drop_in().await;
    let before = bed.published("hello");
    bed.stop();
    bed.restart().await;
    let revision = before["revision"].as_str().unwrap();
    bed.followed("hello", revision).await;
    assert_eq!(bed.get("/hello").await.ok().text(), "one");
    assert_eq!(bed.published("hello")["builtAt"], before["builtAt"]);
}

#[tokio::test]
async fn a_published_record_is_served_under_its_own_name_only() {
    let mut bed = TestBed::start().await;
    bed.expect_error("names another function");
    bed.function("hello").source(IDENTITY).drop_in().await;
    let live = bed.path("registry/.live");
    let target = std::fs::read_link(live.join("hello")).unwrap();
    std::os::unix::fs::symlink(target, live.join("other")).unwrap();
    bed.logged("a complaint", |record| record.holds("names another function")).await;
    bed.get("/other").await.error(404, "function_not_found");
    identity(bed.get("/hello").await);
}
