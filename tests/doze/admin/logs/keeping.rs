//! What outlives whom.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{happened, log, messages, recorded, said};
use crate::harness::TestBed;

const SAYS: &str = "
    export default (request: Request) => {
      console.log(new URL(request.url).pathname);
      return 'ok';
    };
";

#[tokio::test]
async fn a_log_outlives_its_server_and_goes_on() {
    let mut bed = TestBed::start().await;
    bed.function("says").source(SAYS).drop_in().await;
    bed.get("/says/before").await.ok();
    bed.stop();
    bed.restart().await;
    bed.known("says").await;
    bed.get("/says/after").await.ok();
    let admin = bed.admin().await;
    said(&admin, "says", "/after").await;
    let records = log(&admin, "says", "").await;
    assert_eq!(messages(&records), ["/before", "/after"]);
    let stops = records.iter().filter(|record| record["reason"] == "shutdown").count();
    assert_eq!(stops, 1, "what happens until the very end is kept: {records:#?}");
}

#[tokio::test]
async fn a_line_that_a_killed_server_wrote_half_is_skipped() {
    let mut bed = TestBed::start().await;
    bed.function("says").source(SAYS).drop_in().await;
    bed.get("/says/before").await.ok();
    let admin = bed.admin().await;
    said(&admin, "says", "/before").await;
    bed.server().kill().await;
    let file = bed.path("data/logs/says/log.ndjson");
    let mut file = OpenOptions::new().append(true).open(file).expect("the log is a file");
    file.write_all(br#"{"time":"2026-01-01T00:00:00Z","level":"info","mess"#).expect("a write");
    bed.restart().await;
    bed.known("says").await;
    let admin = bed.admin().await;
    assert_eq!(messages(&log(&admin, "says", "").await), ["/before"]);
    bed.get("/says/after").await.ok();
    said(&admin, "says", "/after").await;
    let records = log(&admin, "says", "").await;
    assert_eq!(messages(&records), ["/before", "/after"]);
    // Whatever came first after the half line stands on its own.
    let starts = records.iter().filter(|record| record["event"] == "start").count();
    assert_eq!(starts, 2, "{records:#?}");
}

#[tokio::test]
async fn a_log_outlives_its_function() {
    let mut bed = TestBed::start().await;
    bed.function("gone").source(SAYS).drop_in().await;
    bed.get("/gone/once").await.ok();
    bed.function("gone").remove().await;
    let admin = bed.admin().await;
    let stop = happened(&admin, "gone", "stop").await;
    assert_eq!(stop["reason"], "removed");
    let records = log(&admin, "gone", "").await;
    assert_eq!(messages(&records).first(), Some(&"/once"), "{records:#?}");
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let mut bed = TestBed::start().await;
    bed.function("ada/says").source(SAYS).drop_in().await;
    bed.get("/ada/says/once").await.ok();
    let admin = bed.admin().await;
    said(&admin, "ada/says", "/once").await;
    for (path, mode) in [
        ("data/logs", 0o700),
        ("data/logs/ada~says", 0o700),
        ("data/logs/ada~says/log.ndjson", 0o600),
    ] {
        let found = fs::metadata(bed.path(path)).expect("it is there").permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_once_and_costs_records_only() {
    let mut bed = TestBed::start().await;
    for name in ["full", "fine"] {
        bed.function(name).source(SAYS).drop_in().await;
    }
    let folder = bed.path("data/logs/full");
    fs::create_dir_all(&folder).expect("a folder");
    symlink("/dev/full", folder.join("log.ndjson")).expect("a link");
    bed.expect_error("cannot write functions' logs");
    for n in 0..20 {
        bed.get(&format!("/full/{n}")).await.ok();
        bed.get("/fine/still").await.ok();
    }
    let admin = bed.admin().await;
    said(&admin, "fine", "/still").await;
    let complaint = |record: &crate::harness::Record| {
        record.message().starts_with("cannot write functions' logs")
    };
    bed.logged("the complaint", complaint).await;

    fs::remove_file(folder.join("log.ndjson")).expect("the link can be removed");
    let missing = crate::harness::until_asked("the log goes on", async || {
        bed.get("/full/again").await.ok();
        let records = log(&admin, "full", "").await;
        let found = records.iter().find(|record| record["event"] == "dropped");
        found.cloned().ok_or_else(|| format!("{records:#?}"))
    })
    .await;
    // A start, and what it said so far.
    let value = missing["value"].as_str().and_then(|value| value.parse::<u64>().ok());
    assert!(value >= Some(21), "{missing}");
    said(&admin, "full", "/again").await;
    recorded(&admin, "fine", |record| record["event"] == "start").await;
    let complaints = bed.log().records().into_iter().filter(|record| complaint(record)).count();
    assert_eq!(complaints, 1);
}
