//! What a registry finds when it starts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use crate::bed::Bed;

/// Every live link, which a publish would make anew.
fn live(bed: &Bed) -> BTreeMap<String, (u64, i64, i64)> {
    let entries = fs::read_dir(bed.path("registry/.live")).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let link = entry.path().symlink_metadata().unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, (link.ino(), link.ctime(), link.ctime_nsec()))
        })
        .collect()
}

#[tokio::test]
async fn a_restart_with_nothing_changed_publishes_nothing_and_sees_what_did_change() {
    let mut bed = Bed::started();
    bed.write_function("live", "one").write("broken/index.ts", "(").write_function("stale", "one");
    bed.write_function("gone", "one");
    bed.says("live", "one").await;
    bed.says("stale", "one").await;
    bed.says("gone", "one").await;
    bed.write("stale/index.ts", "(");
    bed.fails("stale").await;
    bed.fails("broken").await;
    bed.stop();
    let before = live(&bed);

    bed.remove("gone");
    bed.write_function("new", "one");
    bed.start();
    bed.says("new", "one").await;
    bed.is_gone("gone").await;

    let mut after = live(&bed);
    after.remove("new");
    for (name, link) in after {
        assert_eq!(before[&name], link, "{name} was published again");
    }
}

#[tokio::test]
async fn while_the_inbox_is_missing_nothing_is_removed() {
    let mut bed = Bed::started();
    bed.expected_error = Some("what is published stays");
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    bed.stop();
    fs::rename(bed.path("in"), bed.path("away")).unwrap();
    bed.start();
    let told = |log: &String| log.contains("what is published stays until it can be read again");
    bed.wait("the missing inbox is told", || bed.log(), told).await;
    bed.says("hello", "one").await;

    fs::rename(bed.path("away"), bed.path("in")).unwrap();
    bed.write_function("hello", "two");
    bed.says("hello", "two").await;
    bed.remove("hello");
    bed.is_gone("hello").await;
}

#[tokio::test]
async fn what_is_published_comes_back_when_it_was_damaged() {
    let mut bed = Bed::started();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    bed.stop();
    fs::remove_file(bed.path("registry/hello.js").canonicalize().unwrap()).unwrap();
    bed.start();
    bed.says("hello", "one").await;
}

#[tokio::test]
async fn what_makes_a_start_impossible_is_said() {
    let mut bed = Bed::started();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    let second = bed.refusal(&[]);
    assert!(second.contains("another registry publishes to"), "{second}");
    bed.stop();

    let inside = bed.path("in/registry");
    let nested = bed.refusal(&["--registry", inside.to_str().unwrap()]);
    assert!(nested.contains("must not lie inside one another"), "{nested}");
    assert!(!inside.exists(), "the inbox was changed");
    let elsewhere = bed.path("nowhere");
    let library = bed.refusal(&["--runtime", elsewhere.to_str().unwrap()]);
    assert!(library.contains("read the runtime library"), "{library}");
    fs::create_dir_all(elsewhere.join("lib")).unwrap();
    fs::write(elsewhere.join("lib/mod.ts"), "").unwrap();
    let bundler = bed.refusal(&["--runtime", elsewhere.to_str().unwrap()]);
    assert!(bundler.contains("run the bundler"), "{bundler}");
}

#[tokio::test]
async fn many_new_folders_are_all_published() {
    let bed = Bed::started();
    let start = Instant::now();
    for number in 0..300 {
        bed.write_function(&format!("f{number}"), &format!("word{number}"));
    }
    bed.wait(
        "all are live",
        || fs::read_dir(bed.path("registry/.live")).map_or(0, Iterator::count),
        |count| *count == 300,
    )
    .await;
    println!("300 folders: {:?}", start.elapsed());
    bed.says("f299", "word299").await;
}
