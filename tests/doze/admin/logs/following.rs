//! Seeing a log grow.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{log, said};
use crate::harness::{Admin, Request, Stream, TestBed};

/// Says a number every few milliseconds, as long as it lives.
const TICKS: &str = "
    let n = 0;
    setInterval(() => console.log(String(n++)), 4);
    export default () => 'ok';
";

/// A stream of server-sent events.
struct Events {
    stream: Stream,
    rest: String,
    ready: VecDeque<Event>,
}

struct Event {
    id: Option<String>,
    record: Value,
}

impl Events {
    async fn open(request: Request) -> Self {
        let stream = request.open().await;
        assert_eq!(stream.status, 200);
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        Self { stream, rest: String::new(), ready: VecDeque::new() }
    }

    /// The next event.
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let chunk = self.stream.chunk().await.expect("the stream goes on");
            self.rest.push_str(std::str::from_utf8(&chunk).expect("text"));
            while let Some((event, rest)) = self.rest.split_once("\n\n") {
                let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
                if let Some(data) = field("data: ") {
                    let record = serde_json::from_str(data).expect("a JSON object");
                    let id = field("id: ").map(ToOwned::to_owned);
                    self.ready.push_back(Event { id, record });
                }
                self.rest = rest.to_string();
            }
        }
    }

    /// The next event in which the function says something.
    async fn next_said(&mut self) -> Event {
        loop {
            let event = self.next().await;
            if event.record["event"] == "output" {
                return event;
            }
        }
    }
}

async fn follow(admin: &Admin, name: &str, query: &str) -> Events {
    Events::open(admin.function("GET", name, &format!("/logs?follow=true&{query}"))).await
}

#[tokio::test]
async fn a_follower_sees_the_last_records_and_then_those_that_come() {
    let mut bed = TestBed::start().await;
    let source = "export default (request: Request) => { console.log(request.url); return 'ok'; }";
    bed.function("says").source(source).drop_in().await;
    bed.get("/says/before").await.ok();
    let admin = bed.admin().await;
    let mut records = log(&admin, "says", "").await;
    while !records.iter().any(|record| record["event"] == "output") {
        records = log(&admin, "says", "").await;
    }
    let mut events = follow(&admin, "says", "").await;
    for record in records {
        let event = events.next().await;
        assert_eq!(event.record, record);
        assert_eq!(event.id.as_deref(), record["time"].as_str());
    }
    for path in ["/one", "/two"] {
        bed.get(&format!("/says{path}")).await.ok();
        let event = events.next_said().await;
        assert!(event.record["message"].as_str().is_some_and(|url| url.ends_with(path)));
        assert_eq!(event.id.as_deref(), event.record["time"].as_str());
    }
}

#[tokio::test]
async fn a_follower_sees_only_what_it_asked_for() {
    let mut bed = TestBed::start().await;
    let source = "export default () => { console.log('no'); console.warn('yes'); return 'ok'; }";
    bed.function("says").source(source).drop_in().await;
    let admin = bed.admin().await;
    let mut events = follow(&admin, "says", "level=warn").await;
    for _ in 0..3 {
        bed.get("/says").await.ok();
        assert_eq!(events.next().await.record["message"], "yes");
    }
}

#[tokio::test]
async fn a_follower_that_comes_again_misses_nothing_and_sees_nothing_twice() {
    let mut bed = TestBed::start().await;
    bed.function("ticks").source(TICKS).drop_in().await;
    bed.get("/ticks").await.ok();
    let admin = bed.admin().await;
    let mut events = follow(&admin, "ticks", "tail=10000").await;
    let mut expected = 0;
    for round in 0..10 {
        let mut last = String::new();
        for _ in 0..30 {
            let event = events.next_said().await;
            assert_eq!(event.record["message"], expected.to_string());
            expected += 1;
            last = event.id.expect("an id");
        }
        drop(events);
        // Some are said while nobody listens.
        said(&admin, "ticks", &(expected + 5).to_string()).await;
        events = if round % 2 == 0 {
            let request = admin.function("GET", "ticks", "/logs?follow=true");
            Events::open(request.header("last-event-id", &last)).await
        } else {
            follow(&admin, "ticks", &format!("since={last}")).await
        };
    }
}

#[tokio::test]
async fn a_follower_that_does_not_read_holds_up_nobody_and_is_told_what_it_missed() {
    let mut bed = TestBed::start().await;
    let source = "
        const line = '.'.repeat(8000);
        export default () => {
          for (let n = 0; n < 500; n++) console.log(line);
          return 'ok';
        };
    ";
    let manifest = json!({ "mode": "oneshot" });
    bed.function("loud").source(source).manifest(manifest).drop_in().await;
    let admin = bed.admin().await;
    let mut idle = follow(&admin, "loud", "").await;
    // Far more than the connection and the server's own buffer hold.
    for _ in 0..10 {
        bed.get("/loud").await.ok();
    }
    let record = loop {
        let event = idle.next().await;
        if event.record["event"] == "dropped" {
            assert_eq!(event.id, None, "who comes again begins after what was seen");
            break event.record;
        }
    };
    assert_eq!(record["reason"], "the follower was too slow");
    let missed = record["value"].as_str().and_then(|value| value.parse::<u64>().ok());
    assert!(missed > Some(0), "{record}");
}
