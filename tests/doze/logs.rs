//! What an author finds in the log.

use crate::harness::{Record, TestBed};

#[tokio::test]
async fn what_a_function_prints_is_logged_in_its_name() {
    let bed = TestBed::start().await;
    let source = r#"
        console.log("printed at the top");
        export default () => {
          console.log("printed by", { a: 1 });
          console.error("complained");
          return "ok";
        };
    "#;
    bed.function("prints").source(source).drop_in().await;
    bed.function("silent").source("export default () => 'ok'").drop_in().await;
    bed.get("/silent").await.ok();
    bed.get("/prints").await.ok();
    for text in ["printed at the top", "printed by { a: 1 }", "complained"] {
        bed.printed("prints", text).await;
    }
    assert!(bed.log().find(|r| r.names("silent") && r.holds("printed")).is_none());
}

#[tokio::test]
async fn a_thrown_error_names_the_line_of_the_source_and_the_request() {
    let bed = TestBed::start().await;
    let helper = "interface Unused { a: string }\n\nexport function fail(what: string): never {\n  \
                  throw new RangeError(what);\n}\n";
    let entry = "import { fail } from './lib/helper.ts';\n\ntype AlsoUnused = string;\n\nexport \
                 default () => {\n  fail('out of range');\n};\n";
    bed.function("throws").source(entry).file("lib/helper.ts", helper).drop_in().await;
    let response = bed.get("/throws").header("x-request-id", "the-one").await;
    response.error(500, "function_error");
    let record = bed.printed("throws", "out of range").await;
    assert!(record.line.contains("lib/helper.ts:4:"), "{}", record.line);
    assert!(record.line.contains("index.ts:6:"), "{}", record.line);
    assert!(record.line.contains("the-one"), "{}", record.line);
}

#[tokio::test]
async fn a_caller_is_not_told_what_a_handler_threw() {
    let bed = TestBed::start().await;
    let source = "export default () => { throw new Error('password is 1234'); }";
    bed.function("throws").source(source).drop_in().await;
    let response = bed.get("/throws").await.error(500, "function_error");
    assert!(!response.text().contains("1234"), "{response:?}");
    bed.printed("throws", "password is 1234").await;
}

#[tokio::test]
async fn a_failed_start_is_logged_with_its_stack() {
    let bed = TestBed::start().await;
    let source = "const start = () => {\n  throw new Error('no start');\n};\nstart();\nexport default \
                  () => 1;\n";
    bed.function("throws").source(source).drop_in().await;
    bed.get("/throws").await.error(502, "start_failed");
    let record = bed.printed("throws", "no start").await;
    assert!(record.line.contains("index.ts:2:"), "{}", record.line);
}

#[tokio::test]
async fn a_flood_of_output_harms_neither_server_nor_neighbour() {
    let mut bed = TestBed::start().await;
    let source = r#"
        const line = "flood ".repeat(2000);
        export default () => {
          for (let n = 0; n < 5000; n++) console.log(line);
          console.log("the last line");
          return "done";
        };
    "#;
    bed.function("flood").source(source).drop_in().await;
    bed.function("neighbour").source("export default () => 'ok'").drop_in().await;
    bed.get("/neighbour").await.ok();
    let flooding = bed.get("/flood").spawn();
    while !flooding.is_finished() {
        bed.get("/neighbour").await.ok();
    }
    assert_eq!(flooding.await.unwrap().ok().text(), "done");
    let peak = bed.server().memory("VmHWM");
    assert!(peak < 200 << 10, "the server held {peak} KiB");
}

/// Whether it is the access log's: the server's own record of a request does
/// not know how much was sent.
fn access(record: &Record) -> bool {
    record.message() == "request" && record.number("bytes").is_some()
}

#[tokio::test]
async fn every_request_is_logged_where_the_operator_asks_for_it() {
    let bed = TestBed::new().flag("--access-log", true).up().await;
    let source = "export default () => new Response('x'.repeat(100_000), { status: 201 })";
    bed.function("ada/large").source(source).drop_in().await;
    bed.post("/ada/large/a/b?secret=1", "body").header("x-request-id", "the-one").await;
    bed.get("/nobody").header("x-request-id", "the-other").await;
    let of = |id: &'static str| move |r: &Record| access(r) && r.field("request") == Some(id);
    let record = bed.logged("the request", of("the-one")).await;
    for (field, value) in [
        ("method", "POST"),
        ("path", "/ada/large/a/b"),
        ("function", "ada/large"),
        ("start", "spare"),
    ] {
        let found = record.field(field);
        let cold = field == "start" && found == Some("cold");
        assert!(found == Some(value) || cold, "{field}: {}", record.line);
    }
    assert_eq!((record.number("status"), record.number("bytes")), (Some(201), Some(100_000)));
    assert!(record.number("micros") > Some(0), "{}", record.line);
    assert!(!record.line.contains("secret"), "{}", record.line);
    let record = bed.logged("the refusal", of("the-other")).await;
    assert_eq!((record.number("status"), record.field("function")), (Some(404), None));
}

#[tokio::test]
async fn a_client_that_leaves_is_in_the_access_log_too() {
    let bed = TestBed::new().flag("--access-log", true).up().await;
    let source = "export default () => new Promise(() => {})";
    bed.function("waits").source(source).drop_in().await;
    let mut connection = bed.raw().await;
    let head = "GET /waits HTTP/1.1\r\nhost: t\r\nx-request-id: the-one\r\n\r\n";
    connection.send(head).await.expect("the connection is open");
    bed.logged("the start", |r| r.message() == "instance started").await;
    drop(connection);
    let of = |r: &Record| access(r) && r.field("request") == Some("the-one");
    let record = bed.logged("the request", of).await;
    assert_eq!((record.number("status"), record.number("bytes")), (None, Some(0)));
}

#[tokio::test]
async fn requests_are_not_logged_where_nobody_asks_for_it() {
    let bed = TestBed::start().await;
    bed.function("hello").source("export default () => 'ok'").drop_in().await;
    bed.get("/hello").await.ok();
    bed.logged("the end of the request", |r| r.message() == "request").await;
    assert!(bed.log().find(access).is_none());
}

#[tokio::test]
async fn a_line_of_what_a_function_says_does_not_look_like_a_line_of_the_server_s() {
    let bed = TestBed::start().await;
    let source = "export default () => { console.log('first\\nsecond'); return 'ok'; }";
    bed.function("forges").source(source).drop_in().await;
    bed.get("/forges").await.ok();
    let record = bed.printed("forges", "first").await;
    assert_eq!(record.message(), "first\n  second");
}
