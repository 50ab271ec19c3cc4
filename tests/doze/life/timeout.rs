//! Functions that take too long.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::TestBed;

#[tokio::test]
async fn a_handler_that_heeds_the_signal_keeps_its_process() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (request: Request, { signal }: { signal: AbortSignal }) => {
          if (request.method === "GET") return { id: "", pid: Number(Deno.args[0].split('/i').pop()) };
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => {
              console.log("heeded");
              reject(signal.reason);
            })
          );
        };
    "#;
    bed.function("slow").source(source).manifest(json!({ "timeoutSeconds": 0.3 })).drop_in().await;
    let before = identity(bed.get("/slow").await);
    let instance = bed.instance(before.pid);
    bed.post("/slow", "").await.error(504, "invocation_timeout");
    bed.printed("slow", "heeded").await;
    let after = bed.get("/slow").await;
    assert_eq!(after.start(), "warm");
    assert_eq!(identity(after), before);
    assert!(instance.is_alive());
}

#[tokio::test]
async fn a_handler_that_never_comes_back_is_killed_and_only_it() {
    let bed = TestBed::start().await;
    bed.function("neighbour").source(IDENTITY).drop_in().await;
    let neighbour = identity(bed.get("/neighbour").await);
    let source = r#"
        export default (request: Request) => {
          while (request.method === "POST");
          return { id: "", pid: Number(Deno.args[0].split('/i').pop()) };
        };
    "#;
    bed.function("spin").source(source).manifest(json!({ "timeoutSeconds": 0.3 })).drop_in().await;
    let instance = bed.instance(identity(bed.get("/spin").await).pid);
    bed.post("/spin", "").await.error(504, "invocation_timeout");
    bed.gone(&instance).await;
    identity(bed.get("/spin").await);
    assert_eq!(identity(bed.get("/neighbour").await), neighbour);
}

#[tokio::test]
async fn a_time_out_of_one_request_harms_no_other_that_the_process_can_answer() {
    let bed = TestBed::start().await;
    let manifest = json!({ "timeoutSeconds": 0.5 });
    let source = format!("{HOLDING}\n");
    bed.function("held").source(source).manifest(manifest).drop_in().await;
    let before = identity(bed.get("/held").await);
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;
    // The handler waits for its body; the abort ends that wait with an error.
    response.await.unwrap().error(504, "invocation_timeout");
    drop(upload);
    assert_eq!(identity(bed.get("/held").await), before);
}

#[tokio::test]
async fn a_body_may_stream_for_longer_than_an_invocation_may_take() {
    let bed = TestBed::start().await;
    let source = r"
        export default async function* () {
          for (let n = 0; n < 10; n++) {
            yield `${n} `;
            await new Promise((go) => setTimeout(go, 100));
          }
        }
    ";
    bed.function("slow").source(source).manifest(json!({ "timeoutSeconds": 0.4 })).drop_in().await;
    assert_eq!(bed.get("/slow").await.ok().text(), "0 1 2 3 4 5 6 7 8 9 ");
}

#[tokio::test]
async fn a_function_that_never_finishes_starting_has_failed_to_start() {
    let bed = TestBed::start().await;
    let source = "await new Promise((go) => setTimeout(go, 1e9)); export default () => 1;";
    bed.function("never").source(source).manifest(json!({ "timeoutSeconds": 1 })).drop_in().await;
    let asked = Instant::now();
    bed.get("/never").await.error(502, "start_failed");
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn the_time_of_an_invocation_does_not_run_while_its_process_is_started() {
    let bed = TestBed::new().flag("--spares", 0).up().await;
    // No process starts as fast as that.
    let manifest = json!({ "timeoutSeconds": 0.005 });
    bed.function("quick").source("export default () => 'quick'").manifest(manifest).drop_in().await;
    let response = bed.get("/quick").await;
    // Nobody was busy, so whatever else it is, it is not overloaded.
    if response.status != 200 {
        response.error(504, "invocation_timeout");
    }
}
