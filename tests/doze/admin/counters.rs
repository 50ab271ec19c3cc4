//! What is counted of a function's requests.

use serde_json::{Value, json};

use crate::harness::{Admin, TestBed, until_asked};

/// Answers what it is asked for, throws, ends itself, or never answers.
const EVERYTHING: &str = r#"
    export default async (request: Request) => {
      const what = new URL(request.url).pathname.slice(1);
      if (what === "throw") throw new Error("asked for");
      if (what === "exit") Deno.exit(3);
      if (what === "hang") await new Promise((_, no) => request.signal.addEventListener("abort", no));
      return new Response("", { status: Number(what) || 200 });
    };
"#;

async fn counters(admin: &Admin, name: &str) -> Value {
    admin.function("GET", name, "").await.ok().json()["counters"].clone()
}

#[tokio::test]
async fn each_kind_of_answer_is_counted_as_what_it_is() {
    let mut bed = TestBed::start().await;
    let manifest = json!({ "timeoutSeconds": 0.5, "methods": ["GET"] });
    bed.function("all").source(EVERYTHING).manifest(manifest).drop_in().await;
    let admin = bed.admin().await;
    let before = counters(&admin, "all").await;
    assert_eq!(before["requests"], 0);
    assert_eq!(before["lastRequestAt"], Value::Null);
    assert_eq!(before["latencySeconds"], Value::Null);

    let start = bed.get("/all").await.ok().start().to_owned();
    assert_ne!(start, "warm");
    bed.get("/all").await.ok();
    assert_eq!(bed.get("/all/404").await.status, 404);
    assert_eq!(bed.get("/all/503").await.status, 503);
    // Refused, it does not count.
    bed.post("/all", "").await.error(405, "method_not_allowed");
    bed.get("/all/throw").await.error(500, "function_error");
    bed.get("/all/hang").await.error(504, "invocation_timeout");
    let after = counters(&admin, "all").await;
    assert_eq!(after["requests"], 6);
    assert_eq!(after["errors"], 3);
    assert_eq!(after["timeouts"], 1);
    assert_eq!(after["crashes"], 0);
    let starts = (after["coldStarts"].as_u64().unwrap(), after["spareStarts"].as_u64().unwrap());
    assert_eq!(starts, if start == "cold" { (1, 0) } else { (0, 1) });
    let latency = |share: &str| after["latencySeconds"][share].as_f64().unwrap();
    // One of six took half a second.
    assert!(latency("p99") > 0.3 && latency("p50") < latency("p99"), "{after}");
    assert!(after["lastRequestAt"].is_string(), "{after}");

    bed.get("/all/exit").await.error(502, "function_crashed");
    until_asked("its end is counted", async || {
        let counters = counters(&admin, "all").await;
        if counters["crashes"] == 1 { Ok(()) } else { Err(counters) }
    })
    .await;

    let list = admin.function("GET", "all", "/activity").await.ok().json();
    let minutes = list["minutes"].as_array().unwrap();
    assert_eq!(minutes.len(), 60);
    assert!(minutes.is_sorted_by_key(|minute| minute["minute"].as_str().unwrap().to_owned()));
    let sum = |field: &str| -> u64 { minutes.iter().map(|m| m[field].as_u64().unwrap()).sum() };
    assert_eq!((sum("requests"), sum("errors"), sum("coldStarts")), (7, 4, 1));
    let called = minutes.iter().rfind(|minute| minute["requests"] != 0).unwrap();
    assert!(called["p95"].as_f64().unwrap() >= called["p50"].as_f64().unwrap(), "{called}");
    assert_eq!(minutes[0]["p50"], Value::Null);
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_his_body_is_counted() {
    let mut bed = TestBed::start().await;
    let source =
        "export default async (request) => { console.log('reads'); await request.text(); };";
    bed.function("reader").source(source).drop_in().await;
    let admin = bed.admin().await;
    let mut client = bed.raw().await;
    let head = "POST /reader HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\nonly this";
    client.send(head).await.expect("the gateway listens");
    bed.printed("reader", "reads").await;
    drop(client);
    until_asked("it is counted", async || {
        let now = counters(&admin, "reader").await;
        if now["requests"] == 1 && now["inFlight"] == 0 { Ok(()) } else { Err(now) }
    })
    .await;
    let counted = counters(&admin, "reader").await;
    assert_eq!((&counted["errors"], &counted["latencySeconds"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn what_is_in_flight_is_told_and_who_leaves_is_counted() {
    let mut bed = TestBed::start().await;
    let source =
        "export default async () => { console.log('waits'); await new Promise(() => {}); };";
    bed.function("held").source(source).drop_in().await;
    let admin = bed.admin().await;
    let response = bed.get("/held").spawn();
    bed.printed("held", "waits").await;
    let during = counters(&admin, "held").await;
    assert_eq!((&during["inFlight"], &during["requests"]), (&json!(1), &json!(0)));

    response.abort();
    until_asked("the caller is known to have left", async || {
        let now = counters(&admin, "held").await;
        if now["requests"] == 1 && now["inFlight"] == 0 { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(counters(&admin, "held").await["errors"], 0);
}
