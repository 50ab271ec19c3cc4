//! What counts as idle, and what happens then.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::functions::{HOLDING, IDENTITY, identity};
use crate::harness::{Connection, Frame, TestBed, WebSocket, stays, until_asked};

#[tokio::test]
async fn an_idle_instance_is_gone_after_x_seconds_and_not_before() {
    let bed = TestBed::start().await;
    bed.function("idle").source(IDENTITY).manifest(json!({ "idleSeconds": 0.6 })).drop_in().await;
    let first = identity(bed.get("/idle").await);
    let instance = bed.instance(first.pid);
    // An answer in between starts the time anew.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Instant::now();
    assert_eq!(identity(bed.get("/idle").await), first);

    bed.gone(&instance).await;
    let lived = asked.elapsed();
    assert!(lived >= Duration::from_millis(600), "gone after {lived:?}");
    assert_ne!(identity(bed.get("/idle").await).id, first.id);
}

#[tokio::test]
async fn the_server_s_own_x_counts_where_a_manifest_names_none() {
    let bed = TestBed::new().idle_seconds(0.2).up().await;
    bed.function("idle").source(IDENTITY).drop_in().await;
    let instance = bed.instance(identity(bed.get("/idle").await).pid);
    bed.gone(&instance).await;
}

#[tokio::test]
async fn an_x_of_zero_ends_an_instance_at_once() {
    let bed = TestBed::start().await;
    bed.function("idle").source(IDENTITY).manifest(json!({ "idleSeconds": 0 })).drop_in().await;
    let first = identity(bed.get("/idle").await);
    until_asked("another process answers", async || {
        let now = identity(bed.get("/idle").await);
        if now.id == first.id { Err("the same") } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn a_body_that_streams_for_longer_than_x_is_not_idle() {
    let bed = TestBed::start().await;
    let source = r#"
        const tick = () => new Promise((go) => setTimeout(go, 100));
        export default (request: Request) => {
          if (request.method === "POST") return Number(Deno.args[0].split('/i').pop());
          return new ReadableStream({
            async start(body) {
              for (let n = 0; n < 12; n++) {
                body.enqueue(new TextEncoder().encode(`${n} `));
                await tick();
              }
              body.close();
            },
          });
        };
    "#;
    bed.function("slow").source(source).manifest(json!({ "idleSeconds": 0.3 })).drop_in().await;
    let pid = bed.post("/slow", "").await.ok().json().as_u64().unwrap();
    let instance = bed.instance(u32::try_from(pid).unwrap());

    let response = bed.get("/slow").await.ok();
    let ended = Instant::now();
    assert_eq!(response.text(), "0 1 2 3 4 5 6 7 8 9 10 11 ");

    // X counts from the end of the last body, read here a little later than
    // there.
    bed.gone(&instance).await;
    let lived = ended.elapsed();
    assert!(lived >= Duration::from_millis(250), "gone after {lived:?}");
}

#[tokio::test]
async fn a_request_that_takes_longer_than_x_is_not_idle() {
    let bed = TestBed::start().await;
    bed.function("held").source(HOLDING).manifest(json!({ "idleSeconds": 0.1 })).drop_in().await;
    let (upload, request) = bed.request("POST", "/held").uploading();
    let response = request.spawn();
    bed.printed("held", "holds 1").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    upload.finish();
    identity(response.await.unwrap());
}

#[tokio::test]
async fn an_open_web_socket_is_not_idle() {
    let bed = TestBed::start().await;
    let source = r"
        export default (request: Request) => {
          const { socket, response } = Deno.upgradeWebSocket(request);
          socket.onmessage = ({ data }) => socket.send(`${data} ${Number(Deno.args[0].split('/i').pop())}`);
          return response;
        };
    ";
    bed.function("socket").source(source).manifest(json!({ "idleSeconds": 0.2 })).drop_in().await;
    let mut socket = WebSocket::open(bed.raw().await, "/socket", "websocket").await;
    socket.send(Frame::Text("pid".to_owned())).await;
    let Frame::Text(answer) = socket.receive().await else { panic!("not a text") };
    let instance = bed.instance(answer.strip_prefix("pid ").unwrap().parse().unwrap());

    stays("the process lives", Duration::from_secs(1), || {
        if instance.is_alive() { Ok(()) } else { Err("it has ended") }
    })
    .await;
    socket.send(Frame::Text("pid".to_owned())).await;
    assert_eq!(socket.receive().await, Frame::Text(answer));

    drop(socket);
    bed.gone(&instance).await;
}

#[tokio::test]
async fn work_that_a_handler_asked_to_wait_for_is_done_before_the_end() {
    let bed = TestBed::start().await;
    let source = r#"
        export default (_request: Request, context: { waitUntil(promise: Promise<unknown>): void }) => {
          context.waitUntil(new Promise((go) => setTimeout(go, 300)).then(() => console.log("done")));
          return "answered";
        };
    "#;
    bed.function("after").source(source).manifest(json!({ "idleSeconds": 0 })).drop_in().await;
    assert_eq!(bed.get("/after").await.ok().text(), "answered");
    bed.printed("after", "done").await;
}

#[tokio::test]
async fn a_kept_instance_outlives_x() {
    let bed = TestBed::start().await;
    let manifest = json!({ "minInstances": 1, "idleSeconds": 0.1 });
    bed.function("kept").source(IDENTITY).manifest(manifest).drop_in().await;
    bed.printed("kept", "up").await;
    let first = identity(bed.get("/kept").await);
    let instance = bed.instance(first.pid);
    stays("the process lives", Duration::from_secs(1), || {
        if instance.is_alive() { Ok(()) } else { Err("it has ended") }
    })
    .await;
    let again = bed.get("/kept").await;
    assert_eq!(again.start(), "warm");
    assert_eq!(identity(again), first);
}

/// The race that matters most: a request that arrives in the very moment in
/// which its instance is found idle. Each round is four requests at once after
/// a pause around X, so that about every second round meets an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_requests_around_the_end_of_an_instance_none_fails() {
    const FUNCTIONS: u64 = 25;
    const ROUNDS: u64 = 100;
    let bed = TestBed::new().alone().idle_seconds(0.05).up().await;
    let names: Vec<_> = (0..FUNCTIONS).map(|n| format!("idle{n}")).collect();
    for name in &names {
        bed.function(name).source("export default () => 'ok';").write();
    }
    for name in &names {
        bed.function(name).live().await;
    }

    let address = bed.address().to_owned();
    let mut callers = JoinSet::new();
    for (lane, name) in (0_u64..).zip(names) {
        let address = address.clone();
        callers.spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..4 {
                connections.push(Connection::open(&address).await);
            }
            let mut cold = 0;
            for round in 0..ROUNDS {
                let mut requests = JoinSet::new();
                for mut connection in connections.drain(..) {
                    let request =
                        crate::harness::Request::new(&address, "GET", &format!("/{name}"));
                    requests.spawn(async move { (connection.send(request).await, connection) });
                }
                for (response, connection) in requests.join_all().await {
                    cold += u64::from(response.start() != "warm");
                    assert_eq!(response.ok().text(), "ok");
                    connections.push(connection);
                }
                // 40 to 60 ms, each time another one.
                let pause = 40_000 + (round * 7919 + lane * 104_729) % 20_000;
                tokio::time::sleep(Duration::from_micros(pause)).await;
            }
            cold
        });
    }
    let cold: u64 = callers.join_all().await.into_iter().sum();
    // Without many ends there was no race.
    assert!(cold > FUNCTIONS * ROUNDS / 10, "only {cold} rounds met the end of an instance");
}
