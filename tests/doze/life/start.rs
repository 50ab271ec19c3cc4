//! What happens between a first request and its answer.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::task::JoinSet;

use crate::functions::{IDENTITY, identity};
use crate::harness::{Process, TestBed, until, until_asked};

#[tokio::test]
async fn the_first_request_starts_an_instance_and_the_second_finds_it_warm() {
    let bed = TestBed::start().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let first = bed.get("/hello").await;
    let second = bed.get("/hello").await;
    assert!(["spare", "cold"].contains(&first.start()), "{first:?}");
    assert_eq!(second.start(), "warm");
    assert_eq!(identity(first), identity(second));
}

#[tokio::test]
async fn a_waiting_spare_serves_a_first_request() {
    let bed = TestBed::start().await;
    let names: Vec<_> = (0..10).map(|n| format!("hello{n}")).collect();
    for name in &names {
        bed.function(name).source(IDENTITY).write();
    }
    for name in &names {
        bed.function(name).live().await;
    }
    // Each function has only one first request, and the pool of spares may
    // just be refilling when it comes.
    let mut names = names.iter();
    until_asked("a spare serves", async || {
        let name = names.next().expect("a spare served one of ten functions");
        let response = bed.get(&format!("/{name}")).await.ok();
        if response.start() == "spare" { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
}

async fn there_are_spares(bed: &TestBed, count: usize) {
    until("there are as many spares", || match bed.instances().len() {
        found if found == count => Ok(()),
        found => Err(format!("{found} instead of {count}")),
    })
    .await;
}

#[tokio::test]
async fn functions_that_import_built_ins_have_a_spare_of_their_own() {
    let bed = TestBed::start().await;
    bed.function("plain").source("export default () => \"plain\"").drop_in().await;
    there_are_spares(&bed, 1).await;
    let importing = "import os from \"node:os\"; export default () => os.EOL.length";
    bed.function("importing").source(importing).drop_in().await;
    there_are_spares(&bed, 2).await;
    for (path, text) in [("/plain", "plain"), ("/importing", "1")] {
        assert_eq!(bed.get(path).await.ok().text(), text);
    }
}

#[tokio::test]
async fn the_next_process_waits_confined_and_its_loss_is_noticed_by_nobody() {
    let bed = TestBed::new().flag("--spares", 0).up().await;
    let prepared = || bed.processes(Process::is_prepared).pop().ok_or("nothing waits");
    let pids = || bed.instances().iter().map(|instance| instance.pid).collect::<Vec<_>>();
    for name in ["one", "two", "three"] {
        bed.function(name).source(IDENTITY).drop_in().await;
    }
    let importing = "import os from \"node:os\"; export default () => os.EOL.length";
    bed.function("importing").source(importing).drop_in().await;
    identity(bed.get("/one").await);

    // Whether a function imports built-ins makes no difference before it boots.
    for path in ["/importing", "/two"] {
        let waiting = until("another is prepared", prepared).await;
        assert_eq!(bed.get(path).await.ok().start(), "cold");
        assert!(pids().contains(&waiting.pid), "{waiting:?}, but {:?}", pids());
    }

    let lost = until("another is prepared", prepared).await;
    lost.kill();
    assert_eq!(bed.get("/three").await.ok().start(), "cold");
    assert!(!pids().contains(&lost.pid), "{lost:?}, but {:?}", pids());
}

#[tokio::test]
async fn a_prepared_process_that_is_killed_while_it_waits_is_waited_for() {
    let bed = TestBed::new().flag("--spares", 0).up().await;
    bed.function("one").source(IDENTITY).drop_in().await;
    identity(bed.get("/one").await);
    let prepared = || bed.processes(Process::is_prepared).pop().ok_or("nothing waits");
    let lost = until("one is prepared", prepared).await;
    lost.kill();
    bed.gone(&lost).await;
}

#[tokio::test]
async fn a_spare_that_gets_nowhere_behind_the_others_counts_among_them() {
    let mut bed = TestBed::new().flag("--spares", 1).up().await;
    bed.function("hello").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    // What makes Deno's cache at first is none.
    let spare = until_asked("a spare waits", async || {
        let list = admin.get("/api/instances").await.ok().json();
        let spare =
            list["instances"].as_array().and_then(|all| all.first()).map(|one| one["pid"].clone());
        let process =
            bed.instances().into_iter().find(|process| Some(&process.pid.into()) == spare.as_ref());
        process.ok_or(list)
    })
    .await;
    let next =
        until("the next is prepared", || bed.processes(Process::is_prepared).pop().ok_or("none"))
            .await;
    if next.goes_last().is_none() {
        eprintln!("not tried: no control groups with `cpu.idle` here");
        return;
    }
    next.halt();
    spare.kill();
    for (word, told) in [("it boots behind the others", true), ("it is one of them", false)] {
        until(word, || match next.goes_last() {
            Some(last) if last == told => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }
    next.go_on();
    let is_spare = || bed.instances().iter().any(|spare| spare.pid == next.pid);
    until("it is a spare", || if is_spare() { Ok(()) } else { Err("not yet") }).await;
}

#[tokio::test]
async fn more_first_requests_than_spares_start_processes_of_their_own() {
    let bed = TestBed::new().flag("--spares", 1).up().await;
    let names: Vec<_> = (0..6).map(|n| format!("hello{n}")).collect();
    for name in &names {
        bed.function(name).source(IDENTITY).write();
    }
    for name in &names {
        bed.function(name).live().await;
    }
    let requests: JoinSet<_> =
        names.iter().map(|name| bed.get(&format!("/{name}")).into_future()).collect();
    let responses = requests.join_all().await;
    let starts: Vec<_> = responses.iter().map(|response| response.start().to_owned()).collect();
    assert!(starts.iter().any(|start| start == "cold"), "{starts:?}");
    let identities: BTreeSet<_> = responses.into_iter().map(|r| identity(r).id).collect();
    assert_eq!(identities.len(), names.len());
}

#[tokio::test]
async fn two_hundred_first_requests_at_once_share_one_start() {
    let bed = TestBed::new().flag("--spares", 1).up().await;
    bed.function("hello")
        .source(IDENTITY)
        .manifest(json!({ "concurrency": 200, "maxInstances": 4 }))
        .drop_in()
        .await;
    let requests: JoinSet<_> = (0..200).map(|_| bed.get("/hello").into_future()).collect();
    let identities: BTreeSet<_> =
        requests.join_all().await.into_iter().map(|r| identity(r).id).collect();
    assert_eq!(identities.len(), 1, "{identities:?}");
    // The instance and at most the spare that follows it.
    let instances = bed.instances();
    assert!(instances.len() <= 2, "{instances:#?}");
}

#[tokio::test]
async fn a_client_that_leaves_during_a_start_cancels_it_for_nobody() {
    let bed = TestBed::start().await;
    let slow = "console.log('starting'); await new Promise((go) => setTimeout(go, 300));";
    bed.function("slow").source(format!("{slow}\n{IDENTITY}")).drop_in().await;

    let mut leaving = bed.raw().await;
    leaving.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    bed.printed("slow", "starting").await;
    let staying = bed.get("/slow").spawn();
    drop(leaving);

    let first = identity(staying.await.unwrap());
    let starts =
        bed.log().records().iter().filter(|r| r.names("slow") && r.holds("starting")).count();
    assert_eq!(starts, 1);
    assert_eq!(identity(bed.get("/slow").await), first);
}

#[tokio::test]
async fn a_function_that_warms_up_is_warm_before_its_first_request() {
    let bed = TestBed::start().await;
    bed.function("later").source(IDENTITY).manifest(json!({ "warmupOnStart": true })).write();
    bed.printed("later", "up").await;
    until_asked("it answers warm at once", async || {
        let response = bed.get("/later").await;
        if response.start() == "warm" { Ok(()) } else { Err(format!("{response:?}")) }
    })
    .await;
    // Its code was evaluated once: the answer came from the instance that was
    // there before.
    let starts = bed.log().records().iter().filter(|r| r.names("later") && r.holds("up ")).count();
    assert_eq!(starts, 1);
}

#[tokio::test]
async fn a_function_that_warms_up_is_warmed_up_after_a_restart_too() {
    let mut bed = TestBed::start().await;
    bed.function("later").source(IDENTITY).manifest(json!({ "warmupOnStart": true })).write();
    let before = bed.printed("later", "up").await.line;
    bed.stop();
    bed.restart().await;
    let after = bed.printed("later", "up").await.line;
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_oneshot_function_gets_a_fresh_process_for_every_request() {
    let bed = TestBed::start().await;
    bed.function("once").source(IDENTITY).manifest(json!({ "mode": "oneshot" })).drop_in().await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let response = bed.get("/once").await;
        assert_ne!(response.start(), "warm");
        seen.insert(identity(response).id);
    }
    let at_once: JoinSet<_> = (0..3).map(|_| bed.get("/once").into_future()).collect();
    seen.extend(at_once.join_all().await.into_iter().map(|response| identity(response).id));
    assert_eq!(seen.len(), 6, "{seen:?}");
}
