//! Processes that end when nobody asked them to.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::functions::{IDENTITY, identity};
use crate::harness::{Process, Record, TestBed, until, until_asked};

#[tokio::test]
async fn a_request_whose_process_dies_is_told_so_and_the_next_one_is_served() {
    let bed = TestBed::start().await;
    let source = r#"
        export default async (request: Request) => {
          if (request.method === "POST") Deno.exit(1);
          return { id: "", pid: Number(Deno.args[0].split('/i').pop()) };
        };
    "#;
    bed.function("crash").source(source).drop_in().await;
    let first = identity(bed.get("/crash").await);
    bed.post("/crash", "").await.error(502, "function_crashed");
    let second = bed.get("/crash").await;
    assert_ne!(second.start(), "warm");
    assert_ne!(identity(second).pid, first.pid);
}

#[tokio::test]
async fn a_request_that_ends_its_process_is_not_tried_on_another() {
    let mut bed = TestBed::start().await;
    let source = r#"
        export default (request: Request) => {
          if (request.url.endsWith("/exit")) Deno.exit(1);
          return "ok";
        };
    "#;
    bed.function("crash").source(source).drop_in().await;
    let admin = bed.admin().await;
    // Its connection is kept, and might have been closed meanwhile.
    bed.get("/crash").await.ok();
    bed.get("/crash/exit").await.error(502, "function_crashed");
    let function = admin.function("GET", "crash", "").await.ok().json();
    assert_eq!(function["counters"]["crashes"], 1);
}

#[tokio::test]
async fn a_request_that_its_process_never_read_is_answered_by_another() {
    let mut bed = TestBed::start().await;
    bed.function("crash").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    let first = identity(bed.get("/crash").await);
    let instance = bed.instance(first.pid);
    instance.halt();
    // Whatever its method: nobody can have acted on it.
    let response = bed.post("/crash", "").spawn();
    until_asked("it is on its way", async || {
        let function = admin.function("GET", "crash", "").await.ok().json();
        if function["counters"]["inFlight"] == 1 { Ok(()) } else { Err(function) }
    })
    .await;
    instance.kill();
    let response = response.await.unwrap();
    assert_ne!(identity(response).id, first.id);
}

#[tokio::test]
async fn after_three_deaths_in_a_row_callers_wait_a_second_for_the_next_process() {
    let bed = TestBed::start().await;
    let source = "
        export default (request: Request) => request.method === 'POST' ? Deno.exit(1) : 'fine';
    ";
    bed.function("crash").source(source).drop_in().await;
    let mut last = Instant::now();
    for _ in 0..3 {
        bed.get("/crash").await.ok();
        last = Instant::now();
        bed.post("/crash", "").await.error(502, "function_crashed");
    }
    until_asked("it serves again", async || {
        let response = bed.get("/crash").await;
        if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
    assert!(last.elapsed() >= Duration::from_secs(1), "{:?}", last.elapsed());

    // What is published then need not wait for what was.
    bed.post("/crash", "").await.error(502, "function_crashed");
    bed.function("crash").source(IDENTITY).drop_in().await;
    identity(bed.get("/crash").await);
}

#[tokio::test]
async fn a_process_that_dies_while_idle_is_noticed_before_the_next_request() {
    let bed = TestBed::start().await;
    bed.function("crash").source(IDENTITY).drop_in().await;
    let first = identity(bed.get("/crash").await);
    let instance = bed.instance(first.pid);
    instance.kill();
    // Not even a zombie is left, so somebody has waited for it.
    bed.gone(&instance).await;
    let next = bed.get("/crash").await;
    assert_ne!(next.start(), "warm");
    assert_ne!(identity(next).id, first.id);
}

#[tokio::test]
async fn a_request_in_the_moment_of_a_death_is_answered_one_way_or_the_other() {
    let bed = TestBed::start().await;
    bed.function("crash").source(IDENTITY).drop_in().await;
    for _ in 0..10 {
        bed.instance(identity(bed.get("/crash").await).pid).kill();
        let response = bed.get("/crash").await;
        if response.status != 200 {
            response.error(502, "function_crashed");
        }
        until_asked("it serves again", async || {
            let response = bed.get("/crash").await;
            if response.status == 200 { Ok(()) } else { Err(format!("{response:?}")) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_kept_instance_that_dies_is_replaced_without_a_request() {
    let bed = TestBed::start().await;
    bed.function("kept").source(IDENTITY).manifest(json!({ "minInstances": 1 })).drop_in().await;
    let first = identity(bed.get("/kept").await);
    bed.instance(first.pid).kill();
    until("another one is up", || {
        let up = |record: &Record| {
            record.names("kept") && record.holds("up ") && !record.holds(&first.id)
        };
        bed.log().find(up).ok_or("only the first one")
    })
    .await;
}

#[tokio::test]
async fn a_spare_that_dies_is_replaced() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let spare = until("a spare waits", || bed.instances().pop().ok_or("none")).await;
    spare.kill();
    bed.gone(&spare).await;
    identity(bed.get("/hello").await);
}

#[tokio::test]
async fn a_function_that_cannot_start_backs_off_and_recovers_once_it_is_mended() {
    let bed = TestBed::start().await;
    bed.function("good").source(IDENTITY).drop_in().await;
    let good = identity(bed.get("/good").await);
    bed.function("loop").source("Deno.exit(1); export default () => 1;").drop_in().await;

    let refused = until_asked("it is in a crash loop", async || {
        let response = bed.get("/loop").await;
        if response.header("x-doze-error") == Some("crash_looping") {
            return Ok(response);
        }
        let at_first = ["start_failed", "function_crashed"];
        assert!(
            at_first.contains(&response.header("x-doze-error").unwrap_or("none")),
            "{response:?}"
        );
        Err(format!("{response:?}"))
    })
    .await
    .error(503, "crash_looping");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&seconds), "{refused:?}");
    assert_eq!(identity(bed.get("/good").await), good);

    bed.function("loop").source(IDENTITY).drop_in().await;
    identity(bed.get("/loop").await);
}

#[tokio::test]
async fn what_a_process_started_ends_with_it() {
    let bed = TestBed::new().flag("--allow-permissions", "run").up().await;
    let source = r#"
        export default (request: Request) => {
          if (request.method === "POST") Deno.exit(1);
          new Deno.Command("/bin/sleep", { args: ["271828"] }).spawn();
          return "started";
        };
    "#;
    let manifest = json!({ "permissions": ["--allow-run"] });
    bed.function("parent").source(source).manifest(manifest).drop_in().await;
    bed.get("/parent").await.ok();
    let sleep = bed.appears(|process| process.has_arg("271828")).await;
    bed.post("/parent", "").await.error(502, "function_crashed");
    until("the process is gone", || if sleep.is_alive() { Err("it is there") } else { Ok(()) })
        .await;
}

#[tokio::test]
async fn without_its_fork_server_a_server_serves_on_and_starts_another() {
    let bed = TestBed::new().flag("--spares", "0").up().await;
    bed.function("old").source(IDENTITY).drop_in().await;
    let old = identity(bed.get("/old").await);
    let only = || {
        let [found] =
            bed.processes(Process::is_fork_server).try_into().map_err(|all| format!("{all:?}"))?;
        Ok::<Process, String>(found)
    };
    let fork_server = until("there is one fork server", only).await;
    fork_server.kill();
    bed.function("new").source(IDENTITY).drop_in().await;
    identity(bed.get("/new").await);
    assert_eq!(identity(bed.get("/old").await).id, old.id);
    assert_ne!(until("there is one fork server", only).await, fork_server);
}
