//! Runs the folders in `tests/specs/<area>/<case>`. A folder is a case, and
//! `tests/specs/README.md` says what may stand in it.

mod case;
mod expected;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::{TestBed, copy_folder, until};
use case::Case;

/// Areas that run here. `registry` has a runner of its own beside it, and
/// `security` has one among the tests of isolation.
const AREAS: [&str; 5] = ["handlers", "limits", "manifest", "routing", "static"];

/// Cases that are asked at the same time.
const AT_ONCE: usize = 4;

#[tokio::test]
async fn handlers_of_every_form_answer_as_promised() {
    run("handlers").await;
}

#[tokio::test]
async fn requests_reach_the_function_and_the_path_they_name() {
    run("routing").await;
}

#[tokio::test]
async fn a_manifest_is_kept_to_and_a_broken_one_says_so() {
    run("manifest").await;
}

#[tokio::test]
async fn files_are_served_without_an_instance() {
    let bed = run("static").await;
    let printed = bed.log().find(|record| record.holds("an instance was started"));
    assert!(printed.is_none(), "{printed:?}");
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused() {
    run("limits").await;
}

#[test]
fn every_area_is_run_by_a_test() {
    let mut areas: Vec<_> = folders_in(specs()).into_keys().collect();
    areas.retain(|area| area != "registry" && area != "security");
    assert_eq!(areas, AREAS);
}

/// Runs every case of an area on one server, all of them whatever fails.
async fn run(area: &str) -> Arc<TestBed> {
    let folders = folders_in(&specs().join(area));
    assert!(!folders.is_empty(), "no cases in {area}");
    let cases: Vec<_> = folders.iter().map(|(name, folder)| Case::read(name, folder)).collect();

    let bed = TestBed::new();
    for (name, folder) in &folders {
        place(folder, name, &bed.path("registry_in"));
    }
    let bed = Arc::new(bed.up().await);
    published(&bed, &cases).await;

    let mut running = JoinSet::new();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    for case in cases {
        let (bed, places) = (Arc::clone(&bed), Arc::clone(&places));
        running.spawn(async move {
            let _place = places.acquire().await.expect("never closed");
            case.run(&bed).await
        });
    }
    let mut failures = running.join_all().await.concat();
    failures.sort();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    bed
}

/// Copies what a case brings to where the server looks.
fn place(case: &Path, name: &str, registry_in: &Path) {
    for (from, to) in [("function", registry_in.join(name)), ("functions", registry_in.to_owned())]
    {
        if case.join(from).is_dir() {
            copy_folder(&case.join(from), &to).expect("a case can be copied");
        }
    }
}

/// Waits until every function of these cases is in the state that they say.
async fn published(bed: &TestBed, cases: &[Case]) {
    for (name, state) in cases.iter().flat_map(Case::states) {
        let revision = until(&format!("`{name}` is {state}"), || {
            let now = bed.published(&name);
            if now["state"] == state { Ok(now["revision"].clone()) } else { Err(now) }
        })
        .await;
        match revision.as_str() {
            Some(revision) => bed.followed(&name, revision).await,
            None => bed.known(&name).await,
        }
    }
}

pub(crate) fn folders_in(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let name = |path: &Path| path.file_name().expect("an entry").to_string_lossy().into_owned();
    folders.map(|path| (name(&path), path)).collect()
}

pub(crate) fn specs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/specs"))
}
