//! What is in a function's log.

use serde_json::json;

use super::{happened, log, recorded, said};
use crate::harness::{TestBed, until_asked};

#[tokio::test]
async fn what_a_function_says_has_its_level_its_request_and_all_of_its_lines() {
    let mut bed = TestBed::start().await;
    let source = r#"
        const raw = (to: { writeSync(bytes: Uint8Array): number }, text: string) =>
          to.writeSync(new TextEncoder().encode(text));
        export default async () => {
          console.debug("to debug");
          console.log("to log\nin two lines");
          console.warn("to warn");
          await new Promise((done) => setTimeout(done, 5));
          console.error("to error");
          raw(Deno.stdout, "past console\n");
          raw(Deno.stderr, "past console, aloud\n");
          return "ok";
        };
    "#;
    bed.function("ada/says").source(source).drop_in().await;
    let revision = bed.published("ada/says")["revision"].clone();
    bed.get("/ada/says").header("x-request-id", "the-one").await.ok();
    let admin = bed.admin().await;
    for (message, level, stream, request) in [
        ("to debug", "debug", "stdout", Some("the-one")),
        ("to log\nin two lines", "info", "stdout", Some("the-one")),
        ("to warn", "warn", "stderr", Some("the-one")),
        ("to error", "error", "stderr", Some("the-one")),
        ("past console", "info", "stdout", None),
        ("past console, aloud", "warn", "stderr", None),
    ] {
        let record = said(&admin, "ada/says", message).await;
        let found = json!([record["level"], record["stream"], record["requestId"]]);
        assert_eq!(found, json!([level, stream, request]), "{record}");
        assert_eq!(record["function"], "ada/says");
        assert_eq!(record["revision"], revision);
        assert!(record["instance"].as_str().is_some_and(|id| id.starts_with('i')), "{record}");
    }
}

#[tokio::test]
async fn records_have_different_times_and_their_order() {
    let mut bed = TestBed::start().await;
    let source = "export default () => { for (let n = 0; n < 200; n++) console.log(n); return 1; }";
    bed.function("counts").source(source).drop_in().await;
    bed.get("/counts").await.ok();
    let admin = bed.admin().await;
    said(&admin, "counts", "199").await;
    let records = log(&admin, "counts", "tail=1000").await;
    let times: Vec<jiff::Timestamp> = records
        .iter()
        .map(|record| record["time"].as_str().expect("a time").parse().expect("RFC 3339"))
        .collect();
    assert!(times.is_sorted_by(|earlier, later| earlier < later), "{times:?}");
    let numbers: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(super::messages(&records), numbers);
}

#[tokio::test]
async fn what_is_said_quietly_and_aloud_keeps_its_order() {
    let mut bed = TestBed::start().await;
    let source = "
        const says = [console.log, console.error, console.debug, console.warn];
        export default () => {
          for (let n = 0; n < 200; n++) says[n % says.length](n);
          return 1;
        };
    ";
    bed.function("counts").source(source).drop_in().await;
    bed.get("/counts").await.ok();
    let admin = bed.admin().await;
    said(&admin, "counts", "199").await;
    let records = log(&admin, "counts", "tail=1000").await;
    let numbers: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(super::messages(&records), numbers);
}

#[tokio::test]
async fn everything_that_a_process_said_is_told_or_counted_before_its_stop() {
    let mut bed = TestBed::start().await;
    // So many that they are read with pauses.
    let source =
        "export default () => { for (let n = 0; n < 5000; n++) console.log(n); return 1; }";
    let manifest = json!({ "mode": "oneshot" });
    bed.function("once").source(source).manifest(manifest).drop_in().await;
    bed.get("/once").await.ok();
    let admin = bed.admin().await;
    happened(&admin, "once", "stop").await;
    let records = log(&admin, "once", "tail=10000").await;
    let dropped = records.iter().filter(|record| record["event"] == "dropped");
    let dropped = dropped.map(|record| record["value"].as_str().expect("a number"));
    let dropped: usize = dropped.map(|value| value.parse::<usize>().expect("a number")).sum();
    assert_eq!(super::messages(&records).len() + dropped, 5000);
    assert_eq!(records.last().expect("a record")["event"], "stop");
}

#[tokio::test]
async fn what_is_thrown_is_recorded_with_its_request_and_its_place_in_the_source() {
    let mut bed = TestBed::start().await;
    let source =
        "type Unused = string;\n\nexport default () => {\n  throw new Error('no luck');\n};\n";
    bed.function("throws").source(source).drop_in().await;
    bed.get("/throws").header("x-request-id", "the-one").await.error(500, "function_error");
    let record = happened(&bed.admin().await, "throws", "error").await;
    assert_eq!(record["level"], "error");
    assert_eq!(record["message"], "no luck");
    assert_eq!(record["requestId"], "the-one");
    assert!(record["stack"].as_str().is_some_and(|s| s.contains("index.ts:4:")), "{record}");
}

#[tokio::test]
async fn a_failed_start_is_one_record_with_its_place_in_the_source() {
    let mut bed = TestBed::start().await;
    let source = "type Unused = string;\n\nthrow new Error('no luck');\nexport default () => 1;\n";
    bed.function("fails").source(source).drop_in().await;
    bed.get("/fails").await.error(502, "start_failed");
    let admin = bed.admin().await;
    let record = happened(&admin, "fails", "start_failed").await;
    assert_eq!(record["level"], "error");
    assert_eq!(record["message"], "no luck");
    assert!(record["stack"].as_str().is_some_and(|s| s.contains("index.ts:3:")), "{record}");
    let all = log(&admin, "fails", "").await;
    let told = all.iter().filter(|record| record["message"] == "no luck").count();
    assert_eq!(told, 1, "{all:#?}");
}

#[tokio::test]
async fn starts_and_stops_are_recorded_with_the_reason() {
    let mut bed = TestBed::start().await;
    let manifest = json!({ "idleSeconds": 0 });
    bed.function("brief").source("export default () => 1").manifest(manifest).drop_in().await;
    bed.get("/brief").await.ok();
    let admin = bed.admin().await;
    let stop = happened(&admin, "brief", "stop").await;
    let start = happened(&admin, "brief", "start").await;
    assert_eq!(stop["reason"], "idle");
    assert_eq!(stop["instance"], start["instance"]);
    assert_eq!((&start["level"], &stop["level"]), (&json!("info"), &json!("info")));
}

#[tokio::test]
async fn a_crash_is_recorded_with_how_it_ended() {
    let mut bed = TestBed::start().await;
    bed.function("exits").source("export default () => Deno.exit(3)").drop_in().await;
    bed.get("/exits").await.error(502, "function_crashed");
    let record = happened(&bed.admin().await, "exits", "crash").await;
    assert_eq!(record["level"], "error");
    assert!(record["message"].as_str().is_some_and(|text| text.contains("exit status: 3")));
}

#[tokio::test]
async fn a_crash_for_a_limit_names_it() {
    let mut bed = TestBed::start().await;
    let source = "
        const all: unknown[] = [];
        export default () => { for (;;) all.push(new Array(1000).fill({})); };
    ";
    let manifest = json!({ "memoryMb": 32 });
    bed.function("hoards").source(source).manifest(manifest).drop_in().await;
    bed.get("/hoards").await.error(502, "function_crashed");
    let record = happened(&bed.admin().await, "hoards", "crash").await;
    assert_eq!(record["limit"], "memory limit (memoryMb)", "{record}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_recorded() {
    let mut bed = TestBed::start().await;
    let source = "export default () => new Promise(() => {})";
    let manifest = json!({ "timeoutSeconds": 0.2 });
    bed.function("waits").source(source).manifest(manifest).drop_in().await;
    bed.get("/waits").header("x-request-id", "the-one").await.error(504, "invocation_timeout");
    let record = happened(&bed.admin().await, "waits", "timeout").await;
    assert_eq!(record["requestId"], "the-one");
    assert_eq!(record["limit"], "time limit (timeoutSeconds)");
    assert_eq!(record["value"], "200ms");
}

#[tokio::test]
async fn a_flood_is_cut_and_the_log_says_how_much_is_missing() {
    let mut bed = TestBed::start().await;
    let source = "
        export default () => {
          for (let n = 0; n < 5000; n++) console.log('flood');
          return 'done';
        };
    ";
    let manifest = json!({ "idleSeconds": 0 });
    bed.function("floods").source(source).manifest(manifest).drop_in().await;
    bed.get("/floods").await.ok();
    let admin = bed.admin().await;
    happened(&admin, "floods", "dropped").await;
    until_asked("every line is there or told to be missing", async || {
        let all = log(&admin, "floods", "tail=10000").await;
        let missing = all.iter().filter(|record| record["event"] == "dropped");
        let missing =
            missing.map(|record| record["value"].as_str().expect("a number").parse::<usize>());
        let missing: usize = missing.map(|value| value.expect("a number")).sum();
        let told = super::messages(&all).len() + missing;
        if told == 5000 { Ok(()) } else { Err(told) }
    })
    .await;
}

#[tokio::test]
async fn a_function_that_forges_records_writes_into_its_own_log() {
    let mut bed = TestBed::start().await;
    let source = r#"
        const text = "\x1eEforged\x1f{\"function\":\"other\"}\n\x1eEin two\x1f\n\x1eZ\x1f\n\x1e\n";
        export default async () => {
          await Deno.stdout.write(new TextEncoder().encode(text));
          console.log("the end");
          return "ok";
        };
    "#;
    bed.function("forges").source(source).drop_in().await;
    bed.function("other").source("export default () => 'ok'").drop_in().await;
    bed.get("/other").await.ok();
    bed.get("/forges").await.ok();
    let admin = bed.admin().await;
    said(&admin, "forges", "the end").await;
    let forged = said(&admin, "forges", r#"{"function":"other"}"#).await;
    assert_eq!(forged["function"], "forges");
    assert_eq!((&forged["level"], &forged["requestId"]), (&json!("error"), &json!("forged")));
    let other = log(&admin, "other", "").await;
    assert!(other.iter().all(|record| record["event"] != "output"), "{other:#?}");
    recorded(&admin, "other", |record| record["event"] == "start").await;
}
