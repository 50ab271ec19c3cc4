//! How many instances there are, and what happens when there are not enough.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Connection, Request, TestBed, until};

#[tokio::test]
async fn another_instance_starts_when_all_are_at_their_concurrency() {
    let bed = TestBed::start().await;
    let manifest = json!({ "concurrency": 1, "maxInstances": 2 });
    bed.function("pool").source(HOLDING).manifest(manifest).drop_in().await;
    let (first, request) = bed.request("POST", "/pool").uploading();
    let first_response = request.spawn();
    bed.printed("pool", "holds 1").await;

    let second = identity(bed.get("/pool").await);
    first.finish();
    let first = identity(first_response.await.unwrap());
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn an_instance_serves_as_many_requests_at_once_as_its_concurrency_says() {
    let bed = TestBed::start().await;
    let manifest = json!({ "concurrency": 5, "maxInstances": 2 });
    bed.function("pool").source(HOLDING).manifest(manifest).drop_in().await;
    let held: Vec<_> = (0..5)
        .map(|_| bed.request("POST", "/pool").uploading())
        .map(|(upload, request)| (upload, request.spawn()))
        .collect();
    bed.printed("pool", "holds 5").await;
    let sixth = identity(bed.get("/pool").await);
    let mut ids = BTreeSet::new();
    for (upload, response) in held {
        upload.finish();
        ids.insert(identity(response.await.unwrap()).id);
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(!ids.contains(&sixth.id));
}

#[tokio::test]
async fn a_request_waits_its_turn_when_no_more_instances_are_allowed() {
    let bed = TestBed::start().await;
    let manifest = json!({ "concurrency": 1, "maxInstances": 1 });
    bed.function("pool").source(HOLDING).manifest(manifest).drop_in().await;
    let (first, request) = bed.request("POST", "/pool").uploading();
    let first_response = request.spawn();
    bed.printed("pool", "holds 1").await;
    let waiting: JoinSet<_> = (0..10).map(|_| bed.get("/pool").into_future()).collect();

    first.finish();
    let first = identity(first_response.await.unwrap());
    for response in waiting.join_all().await {
        assert_eq!(identity(response), first);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_overloaded_and_says_when_to_come_back() {
    let bed = TestBed::start().await;
    let manifest = json!({ "concurrency": 1, "maxInstances": 1 });
    bed.function("pool").source(HOLDING).manifest(manifest).drop_in().await;
    let (first, request) = bed.request("POST", "/pool").uploading();
    let first_response = request.spawn();
    bed.printed("pool", "holds 1").await;

    // More than any queue should hold. HTTP/2 spares the connections.
    let mut waiting = JoinSet::new();
    for _ in 0..30 {
        let connection = Connection::http2(bed.address()).await;
        for _ in 0..100 {
            let mut connection = connection.beside();
            let request = Request::new(bed.address(), "GET", "/pool");
            waiting.spawn(async move { connection.send(request).await });
        }
    }
    // While the first one is held, only a refusal can be an answer.
    let refused = waiting.join_next().await.unwrap().unwrap().error(503, "overloaded");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{refused:?}");

    first.finish();
    identity(first_response.await.unwrap());
    let mut served = 0;
    while let Some(response) = waiting.join_next().await {
        let response = response.unwrap();
        if response.status == 200 {
            served += 1;
        } else {
            response.error(503, "overloaded");
        }
    }
    assert!(served > 0, "whoever waited is served");
}

#[tokio::test]
async fn as_many_instances_as_asked_for_are_kept() {
    let bed = TestBed::start().await;
    let manifest = json!({ "minInstances": 3, "maxInstances": 3, "concurrency": 1 });
    bed.function("kept").source(IDENTITY).manifest(manifest).drop_in().await;
    until("three instances are up", || {
        let ups = bed.log().records().iter().filter(|r| r.names("kept") && r.holds("up ")).count();
        if ups == 3 { Ok(()) } else { Err(ups) }
    })
    .await;
}

#[tokio::test]
async fn the_longest_idle_instance_makes_room_when_no_more_processes_are_allowed() {
    const MOST: usize = 3;
    let bed = TestBed::new().flag("--max-processes", MOST).flag("--spares", 1).up().await;
    let names: Vec<_> = (0..6).map(|n| format!("room{n}")).collect();
    for name in &names {
        bed.function(name).source(IDENTITY).write();
    }
    for name in &names {
        bed.function(name).live().await;
    }
    let mut instances = Vec::new();
    for name in &names {
        instances.push(bed.instance(identity(bed.get(&format!("/{name}")).await).pid));
    }
    bed.gone(&instances[0]).await;
    assert!(instances[5].is_alive());
    until("no more run than allowed", || {
        let count = bed.instances().len();
        if count <= MOST { Ok(()) } else { Err(count) }
    })
    .await;
    // Whoever made room comes back.
    identity(
        tokio::time::timeout(Duration::from_secs(20), bed.get("/room0").into_future())
            .await
            .unwrap(),
    );
}
