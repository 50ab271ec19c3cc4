//! What an author finds in the log.

use crate::harness::TestBed;

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
