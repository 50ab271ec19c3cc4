//! What changes, as a follower is told.

use std::time::Duration;

use serde_json::Value;

use crate::functions::IDENTITY;
use crate::harness::{Admin, Stream, TestBed, within};

/// What has happened is told by then, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who follows.
struct Follower {
    stream: Stream,
    unread: String,
}

impl Follower {
    /// Follows, and waits until nothing can be missed any more.
    async fn start(admin: &Admin) -> Self {
        let stream = admin.get("/api/events").open().await;
        assert_eq!(stream.status, 200);
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        let mut follower = Self { stream, unread: String::new() };
        follower.next("server", |_| true).await;
        follower
    }

    /// The next event of that kind that fits. The others are passed over.
    async fn next(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let next = async {
            loop {
                let (found, data) = self.event().await;
                if found == kind && fits(&data) {
                    return data;
                }
            }
        };
        within(PATIENCE, "that is told", next).await
    }

    async fn event(&mut self) -> (String, Value) {
        let end = loop {
            if let Some(end) = self.unread.find("\n\n") {
                break end;
            }
            let chunk = self.stream.chunk().await.expect("the stream goes on");
            self.unread.push_str(std::str::from_utf8(&chunk).expect("text"));
        };
        let text: String = self.unread.drain(..end + 2).collect();
        let field = |name: &str| {
            let mut lines = text.lines();
            let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("no {name} in {text:?}")).to_owned()
        };
        (field("event"), serde_json::from_str(&field("data")).expect("JSON"))
    }
}

#[tokio::test]
async fn every_follower_is_told_what_appears_changes_and_goes() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    let mut followers = [Follower::start(&admin).await, Follower::start(&admin).await];

    bed.function("hello").source(IDENTITY).drop_in().await;
    for follower in &mut followers {
        let told = follower.next("function", |function| function["name"] == "hello").await;
        assert_eq!(told, admin.function("GET", "hello", "").await.ok().json());
    }
    bed.get("/hello").await.ok();
    for follower in &mut followers {
        let idle = |function: &Value| function["instances"][0]["state"] == "idle";
        follower.next("function", idle).await;
    }
    bed.function("hello").source("export default () => {").drop_in_as("stale").await;
    for follower in &mut followers {
        let stale = follower.next("function", |function| function["state"] == "stale").await;
        assert!(stale["problems"][0]["line"].is_u64(), "{stale}");
    }
    bed.function("hello").remove().await;
    for follower in &mut followers {
        assert_eq!(follower.next("removed", |_| true).await, serde_json::json!({"name": "hello"}));
    }
}

#[tokio::test]
async fn what_does_not_change_is_not_told_and_a_later_follower_learns_all_that_changes() {
    let mut bed = TestBed::start().await;
    // Told of together, they come in this order.
    bed.function("calm").source(IDENTITY).drop_in().await;
    let admin = bed.admin().await;
    // Once everybody has gone, the next one begins anew.
    for number in 1..=2 {
        let mut follower = Follower::start(&admin).await;
        let name = format!("new{number}");
        bed.function(&name).source(IDENTITY).drop_in().await;
        loop {
            let (kind, data) = follower.event().await;
            assert_ne!(data["name"], "calm", "{kind} {data}");
            if data["name"] == name {
                break;
            }
        }
    }
}

#[tokio::test]
async fn who_has_no_token_is_told_nothing_and_a_follower_does_not_hold_up_the_end() {
    let mut bed = TestBed::start().await;
    let admin = bed.admin().await;
    admin.anonymous("GET", "/api/events").await.error(401, "unauthorized");
    let follower = Follower::start(&admin).await;
    bed.stop();
    drop(follower);
}
