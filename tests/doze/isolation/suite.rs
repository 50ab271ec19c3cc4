//! Runs the hostile functions in `tests/specs/security`. A folder is something
//! that must not be possible; `tests/specs/security/README.md` says what may
//! stand in it.
//!
//! All are published once. Then one server after the other runs them: with
//! every layer, without each single one, with each alone, and with none, where
//! each must get through to have shown anything before.

mod case;
mod surroundings;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::layers::{ALL, all_but, with_base};
use super::machine::{As, users};
use crate::functions::IDENTITY;
use crate::harness::{Admin, TestBed, copy_folder, until, until_asked};
use crate::specs::{folders_in, specs};
use case::{Case, Layers};
use surroundings::{Strangers, leave_files};

/// Cases that are asked at the same time.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn nothing_gets_through_where_a_layer_that_stops_it_is_left() {
    let cases = cases();
    for user in users() {
        let mut suite = Suite::publish(&cases, user).await;
        let offered = suite.run(ALL.to_vec(), |_| true).await;
        for left_out in offered {
            let kept = ALL.into_iter().filter(|layer| *layer != left_out).collect();
            // To the others it makes no difference.
            suite.run(kept, |case| case.is_stopped_by(left_out)).await;
        }
        suite.end();
    }
}

#[tokio::test]
async fn each_layer_that_a_case_names_stops_it_alone_and_nothing_else_does() {
    let cases = cases();
    for user in users() {
        let mut suite = Suite::publish(&cases, user).await;
        for layer in suite.run(ALL.to_vec(), |_| false).await {
            let in_force =
                suite.run(with_base(&[layer], user), |case| case.is_stopped_by(layer)).await;
            assert!(in_force.contains(layer), "{layer} should be in force: {in_force:?}");
        }
        suite.run(Vec::new(), |_| true).await;
        suite.end();
    }
}

#[test]
fn every_case_says_what_stops_it() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    let wrong: Vec<_> = cases.iter().filter_map(Case::mistake).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cases() -> Vec<Case> {
    let folders = folders_in(&specs().join("security"));
    folders.iter().map(|(name, folder)| Case::read(name, folder)).collect()
}

/// Every case, published and waiting for a server.
struct Suite<'a> {
    bed: TestBed,
    cases: &'a [Case],
    user: As,
    strangers: Strangers,
    failures: Vec<String>,
}

impl<'a> Suite<'a> {
    async fn publish(cases: &'a [Case], user: As) -> Self {
        let strangers = Strangers::settle().await;
        let bed = TestBed::new()
            .idle_seconds(0.0)
            .flag("--allow-addresses", strangers.excepted())
            .env("SECRET", "of the server");
        leave_files(&bed);
        let area = specs().join("security");
        for case in cases {
            let folder = bed.path("registry_in").join(&case.name);
            copy_folder(&area.join(&case.name).join("function"), &folder).expect("a function");
            for shared in ["attempt.ts", "native.ts"] {
                fs::copy(area.join(shared), folder.join(shared)).expect("a file for all");
            }
        }
        bed.function("neighbour")
            .source(IDENTITY)
            .manifest(json!({
                "idleSeconds": 600,
                "env": { "SECRET": "of the neighbour" },
                "secrets": ["KEPT"],
            }))
            .file("data.json", "{}")
            .write();
        let bed = if user == As::PlainUser { bed.by_plain_user() } else { bed };
        let mut bed = bed.with_server("registry").await;
        for name in cases.iter().map(|case| &*case.name).chain(["neighbour"]) {
            until(&format!("`{name}` is live"), || {
                let now = bed.published(name);
                if now["state"] == "live" { Ok(()) } else { Err(now) }
            })
            .await;
        }
        bed.stop();
        Self { bed, cases, user, strangers, failures: Vec::new() }
    }

    /// Runs the wanted cases with those layers, on a server of its own. Returns
    /// which of them are in force here.
    async fn run(&mut self, layers: Vec<&'static str>, wanted: impl Fn(&Case) -> bool) -> Layers {
        let Self { bed, cases, user, strangers, failures } = self;
        bed.start_again("execution", &[("DOZE_SANDBOX_WITHOUT", &all_but(&layers))]).await;
        let in_force = in_force(bed).await;
        let admin = bed.admin().await;
        keep_something(&admin, bed.path("data/tokens").exists()).await;
        let surroundings = strangers.surroundings(bed, &admin).await.to_string();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for case in cases.iter().filter(|case| wanted(case)) {
            let Some(expected) = case.expected(&in_force, *user) else { continue };
            let requests: Vec<_> = (0..case.requests)
                .map(|_| bed.post(&format!("/{}", case.name), surroundings.clone()))
                .collect();
            let (name, places) = (case.name.clone(), Arc::clone(&places));
            running.spawn(async move {
                let _place = places.acquire().await.expect("never closed");
                let mut answer = Value::Null;
                for request in requests {
                    let response = request.await;
                    answer = match response.status {
                        200 => response.json(),
                        _ => json!({ "it did not answer": format!("{response:?}") }),
                    };
                }
                expected.wrong(&answer).map(|wrong| format!("{name}: {wrong}"))
            });
        }
        let place = match layers.len() {
            0..=2 => format!("{user:?}, with {layers:?} alone"),
            _ => format!("{user:?}, without {:?}", all_but(&layers)),
        };
        let wrong = running.join_all().await.into_iter().flatten();
        failures.extend(wrong.map(|wrong| format!("{place}: {wrong}")));
        bed.stop();
        in_force
    }

    fn end(mut self) {
        self.failures.sort();
        assert!(self.failures.is_empty(), "\n{}", self.failures.join("\n"));
    }
}

/// Lets the server hold a secret, and somebody's token.
async fn keep_something(admin: &Admin, again: bool) {
    let secret = admin.request("PUT", "/api/secrets/KEPT");
    let secret = secret.header("content-type", "application/json");
    let set = secret.body(json!({ "value": "kept for the neighbour" }).to_string()).await;
    assert_eq!(set.status, 204, "{set:?}");
    if !again {
        let made = admin.post("/api/functions/neighbour/tokens", json!({})).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

/// The layers that a server says are in force, of those that can be left out.
async fn in_force(bed: &TestBed) -> Layers {
    let ready = until_asked("the server is ready", async || {
        let response = bed.get("/_/ready").await;
        if response.status == 200 { Ok(response.json()) } else { Err(format!("{response:?}")) }
    })
    .await;
    let list = ready["isolation"].as_array().expect("a list of layers");
    let names: BTreeSet<_> = list.iter().filter_map(Value::as_str).collect();
    ALL.into_iter().filter(|layer| names.contains(layer)).collect()
}
