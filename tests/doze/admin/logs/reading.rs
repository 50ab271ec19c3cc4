//! Asking for some of a log.

use serde_json::json;

use super::{happened, log, messages, said};
use crate::harness::{Admin, TestBed};

const COUNTS: &str = "
    export default (request: Request) => {
      const { searchParams } = new URL(request.url);
      const [from, to] = ['from', 'to'].map((key) => Number(searchParams.get(key)));
      for (let n = from; n < to; n++) console.log(String(n));
      return 'ok';
    };
";

/// A function that has said those numbers.
async fn counting(bed: &mut TestBed, to: u32) -> Admin {
    bed.function("counts").source(COUNTS).drop_in().await;
    let admin = bed.admin().await;
    // Else the record of its start might come last.
    bed.get("/counts?from=0&to=0").await.ok();
    happened(&admin, "counts", "start").await;
    bed.get(&format!("/counts?from=0&to={to}")).await.ok();
    said(&admin, "counts", &(to - 1).to_string()).await;
    admin
}

#[tokio::test]
async fn the_last_hundred_records_are_shown_or_as_many_as_are_asked_for() {
    let mut bed = TestBed::start().await;
    let admin = counting(&mut bed, 150).await;
    assert_eq!(log(&admin, "counts", "").await.len(), 100);
    assert_eq!(messages(&log(&admin, "counts", "tail=3").await), ["147", "148", "149"]);
    assert_eq!(messages(&log(&admin, "counts", "tail=1000").await).len(), 150);
    assert!(log(&admin, "counts", "tail=0").await.is_empty());
}

#[tokio::test]
async fn records_since_a_time_are_those_after_it() {
    let mut bed = TestBed::start().await;
    let admin = counting(&mut bed, 150).await;
    let seen = said(&admin, "counts", "20").await["time"].clone();
    let since = format!("since={}", seen.as_str().expect("a time"));
    let after = log(&admin, "counts", &since).await;
    assert_eq!(messages(&after).first(), Some(&"21"));
    assert_eq!(messages(&after).len(), 129, "all of them, since nobody said how many");
    let few = log(&admin, "counts", &format!("{since}&tail=2")).await;
    assert_eq!(messages(&few), ["148", "149"]);
}

#[tokio::test]
async fn a_level_is_the_least_that_is_shown() {
    let mut bed = TestBed::start().await;
    let source = "
        export default () => {
          for (const level of ['debug', 'info', 'warn', 'error'] as const) console[level](level);
          return 'ok';
        };
    ";
    bed.function("levels").source(source).drop_in().await;
    bed.get("/levels").await.ok();
    let admin = bed.admin().await;
    for word in ["debug", "info", "warn", "error"] {
        said(&admin, "levels", word).await;
    }
    for (level, shown) in [
        ("debug", &["debug", "error", "info", "warn"][..]),
        ("info", &["error", "info", "warn"]),
        ("warn", &["error", "warn"]),
        ("error", &["error"]),
    ] {
        // Standard output and standard error are read side by side.
        let records = log(&admin, "levels", &format!("level={level}")).await;
        let mut found = messages(&records);
        found.sort_unstable();
        assert_eq!(found, shown);
    }
}

#[tokio::test]
async fn the_records_of_one_instance_can_be_asked_for() {
    let mut bed = TestBed::start().await;
    let manifest = json!({ "mode": "oneshot" });
    let source = "export default () => { console.log('here'); return 'ok'; }";
    bed.function("once").source(source).manifest(manifest).drop_in().await;
    for _ in 0..3 {
        bed.get("/once").await.ok();
    }
    let admin = bed.admin().await;
    let record = said(&admin, "once", "here").await;
    let instance = record["instance"].as_str().expect("an instance");
    let its = log(&admin, "once", &format!("instance={instance}")).await;
    assert_eq!(messages(&its), ["here"]);
    assert!(its.iter().all(|record| record["instance"] == instance), "{its:#?}");
    assert!(log(&admin, "once", "instance=nobody").await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_in_the_api_s_own_form() {
    let mut bed = TestBed::start().await;
    bed.function("quiet").source("export default () => 'ok'").drop_in().await;
    let admin = bed.admin().await;
    assert_eq!(log(&admin, "quiet", "").await, Vec::<serde_json::Value>::new());
    for (name, query, status, code) in [
        ("nobody", "", 404, "function_not_found"),
        ("_no-name", "", 400, "invalid_name"),
        ("quiet", "tail=many", 400, "bad_request"),
        ("quiet", "since=yesterday", 400, "bad_request"),
        ("quiet", "level=loud", 400, "bad_request"),
        ("quiet", "follow=perhaps", 400, "bad_request"),
    ] {
        admin.function("GET", name, &format!("/logs?{query}")).await.error(status, code);
    }
    let request = admin.function("GET", "quiet", "/logs").header("last-event-id", "7");
    request.await.error(400, "bad_request");
    admin.anonymous("GET", "/api/functions/quiet/logs").await.error(401, "unauthorized");
}
