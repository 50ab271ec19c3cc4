//! Changes that file events are known to miss.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::bed::{Bed, says};

#[tokio::test]
async fn a_linked_folder_is_published_and_a_change_behind_the_link_is_seen() {
    let bed = Bed::started();
    fs::create_dir_all(bed.path("elsewhere/hello")).unwrap();
    fs::write(bed.path("elsewhere/hello/index.ts"), says("one")).unwrap();
    symlink(bed.path("elsewhere/hello"), bed.path("in/hello")).unwrap();
    bed.says("hello", "one").await;
    fs::write(bed.path("elsewhere/hello/index.ts"), says("two")).unwrap();
    bed.says("hello", "two").await;
    fs::remove_file(bed.path("in/hello")).unwrap();
    bed.is_gone("hello").await;
    assert!(bed.path("elsewhere/hello/index.ts").exists());
}

#[tokio::test]
async fn a_link_that_is_swapped_to_another_release_is_seen_at_either_end() {
    let bed = Bed::started();
    for release in ["one", "two", "three"] {
        fs::create_dir_all(bed.path(release)).unwrap();
        fs::write(bed.path(release).join("index.ts"), says(release)).unwrap();
    }
    let swap = |target: &str, link: &str| {
        symlink(target, bed.path("next")).unwrap();
        fs::rename(bed.path("next"), bed.path(link)).unwrap();
    };
    swap("one", "current");
    swap("../current", "in/hello");
    bed.says("hello", "one").await;
    swap("two", "current");
    bed.says("hello", "two").await;
    swap("../three", "in/hello");
    bed.says("hello", "three").await;
}

#[tokio::test]
async fn a_root_that_is_a_link_is_watched_behind_it_and_can_be_swapped() {
    let mut bed = Bed::stopped();
    std::fs::rename(bed.path("in"), bed.path("first")).unwrap();
    symlink("first", bed.path("in")).unwrap();
    bed.start();
    for word in ["one", "two", "three"] {
        bed.write_function("hello", word);
        bed.says("hello", word).await;
    }
    fs::create_dir_all(bed.path("second/hello")).unwrap();
    fs::write(bed.path("second/hello/index.ts"), says("four")).unwrap();
    symlink("second", bed.path("next")).unwrap();
    fs::rename(bed.path("next"), bed.path("in")).unwrap();
    bed.says("hello", "four").await;
    bed.write_function("hello", "five");
    bed.says("hello", "five").await;
}

#[tokio::test]
async fn a_root_that_is_deleted_and_made_again_is_followed() {
    let bed = Bed::started();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    fs::remove_dir_all(bed.path("in")).unwrap();
    fs::create_dir(bed.path("in")).unwrap();
    bed.write_function("other", "two");
    bed.says("other", "two").await;
    bed.is_gone("hello").await;
    bed.write_function("other", "three");
    bed.says("other", "three").await;
}

#[tokio::test]
async fn a_root_that_is_moved_away_and_replaced_is_followed() {
    let bed = Bed::started();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    fs::create_dir_all(bed.path("new/hello")).unwrap();
    fs::write(bed.path("new/hello/index.ts"), says("two")).unwrap();
    fs::rename(bed.path("in"), bed.path("old")).unwrap();
    fs::rename(bed.path("new"), bed.path("in")).unwrap();
    bed.says("hello", "two").await;
    bed.write_function("hello", "three");
    bed.says("hello", "three").await;
}

#[tokio::test]
async fn without_events_everything_is_seen_too() {
    let bed = Bed::polling();
    bed.write_function("hello", "one");
    bed.says("hello", "one").await;
    bed.write_function("hello", "two").write_function("ada/hello", "three");
    bed.says("hello", "two").await;
    bed.says("ada/hello", "three").await;
    bed.write("hello/index.ts", "(");
    assert_eq!(bed.fails("hello").await.0.state_name(), "stale");
    bed.remove("hello");
    bed.is_gone("hello").await;
}

#[tokio::test]
async fn folders_made_in_quick_succession_are_seen_down_to_the_last_file() {
    let bed = Bed::started();
    bed.write("hello/index.ts", "export { default } from \"./a/b/c/d/e/word.ts\";");
    bed.write("hello/a/b/c/d/e/word.ts", "export default () => \"one\";");
    bed.says("hello", "one").await;
    bed.write("hello/a/b/c/d/e/word.ts", "export default () => \"two\";");
    bed.says("hello", "two").await;
}

#[tokio::test]
async fn an_older_file_moved_over_a_newer_one_is_a_change() {
    let bed = Bed::polling();
    bed.write_function("hello", "one").write("_old/index.ts", &says("two"));
    let old = fs::File::options().write(true).open(bed.path("in/_old/index.ts")).unwrap();
    old.set_times(fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH)).unwrap();
    bed.says("hello", "one").await;
    fs::rename(bed.path("in/_old/index.ts"), bed.path("in/hello/index.ts")).unwrap();
    bed.says("hello", "two").await;
}

#[tokio::test]
async fn a_function_that_changes_all_the_time_delays_no_other() {
    let bed = Bed::started();
    bed.write_function("busy", "one");
    let done = std::cell::Cell::new(false);
    let busy = async {
        let mut count = 0;
        while !done.get() {
            count += 1;
            bed.write("busy/note.txt", &count.to_string());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let other = async {
        let start = Instant::now();
        bed.write_function("other", "two");
        bed.says("other", "two").await;
        println!("dropped to published: {:?}", start.elapsed());
        done.set(true);
    };
    tokio::join!(busy, other);
    bed.says("busy", "one").await;
}
