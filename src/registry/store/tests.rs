use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;

use super::*;

struct Bed {
    root: TempDir,
    store: Store,
}

impl Bed {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        Self { root, store }
    }

    fn reopen(self) -> Self {
        let Self { root, store } = self;
        drop(store);
        let store = Store::open(root.path()).unwrap();
        Self { root, store }
    }

    fn publish(&self, name: &str, code: &str) -> Change {
        let number = self.store.count.fetch_add(1, Ordering::Relaxed);
        let bundle = Bundle::fake(&self.store.temporary(), number, name, code);
        self.store.publish(bundle, Cause::Seen).unwrap()
    }

    fn fail(&self, name: &str, text: &str) -> Published {
        let problems = vec![Problem::new(text)];
        self.store.publish_problems(&self::name(name), problems, &"seen".to_owned().into()).unwrap()
    }

    fn record(&self, name: &str) -> Published {
        self.store.record(&self::name(name)).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Everything in the folder but what is the registry's own business.
    fn visible(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.root.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

fn name(text: &str) -> FunctionName {
    text.parse().unwrap()
}

#[test]
fn code_and_record_are_found_under_the_functions_name() {
    let bed = Bed::new();
    assert_eq!(bed.publish("hello", "one"), Change::Revision);
    assert_eq!(bed.publish("ada/hello", "two"), Change::Revision);
    assert_eq!(fs::read_to_string(bed.path("hello.js")).unwrap(), "one");
    assert_eq!(fs::read_to_string(bed.path("ada/hello.js")).unwrap(), "two");
    let text = fs::read(bed.path("ada/hello.json")).unwrap();
    let record: Published = serde_json::from_slice(&text).unwrap();
    assert_eq!(record.state_name(), "live");
    assert_eq!(bed.visible(), ["ada", "hello.js", "hello.json"]);
    for (path, mode) in [(".live/hello/", 0o755), ("hello.js", 0o644), ("hello.json", 0o644)] {
        assert_eq!(fs::metadata(bed.path(path)).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn the_same_revision_changes_nothing_but_the_record() {
    let bed = Bed::new();
    bed.publish("hello", "one");
    let before = fs::metadata(bed.path("hello.js")).unwrap();
    let built_at = bed.record("hello").release().unwrap().built_at;
    assert_eq!(bed.publish("hello", "one"), Change::Record);
    assert_eq!(fs::metadata(bed.path("hello.js")).unwrap().ino(), before.ino());
    assert_eq!(bed.record("hello").release().unwrap().built_at, built_at);
}

#[test]
fn a_function_that_never_lived_has_a_record_and_no_code() {
    let bed = Bed::new();
    assert_eq!(bed.fail("hello", "wrong").state_name(), "broken");
    assert_eq!(bed.visible(), ["hello.json"]);
    assert_eq!(bed.fail("hello", "still wrong").problems[0].text, "still wrong");
    bed.publish("hello", "one");
    assert_eq!(bed.visible(), ["hello.js", "hello.json"]);
    assert!(!bed.path(".revisions/hello/broken").exists());
}

#[test]
fn a_stale_function_keeps_its_code_and_gets_the_problems() {
    let bed = Bed::new();
    bed.publish("hello", "one");
    let stale = bed.fail("hello", "wrong");
    assert_eq!(stale.state_name(), "stale");
    assert_eq!(bed.record("hello"), stale);
    assert_eq!(fs::read_to_string(bed.path("hello.js")).unwrap(), "one");
    assert_eq!(bed.publish("hello", "one"), Change::Record);
    assert_eq!(bed.record("hello").state_name(), "live");
    assert_eq!(bed.record("hello").problems, []);
}

#[test]
fn every_publish_makes_a_new_live_link() {
    let bed = Bed::new();
    let inode = || {
        let metadata = fs::symlink_metadata(bed.path(".live/hello")).unwrap();
        (metadata.ino(), metadata.ctime_nsec())
    };
    bed.publish("hello", "one");
    let mut last = inode();
    for step in ["unchanged", "wrong", "still wrong"] {
        if step == "unchanged" {
            bed.publish("hello", "one");
        } else {
            bed.fail("hello", step);
        }
        assert_ne!(inode(), last, "{step}");
        last = inode();
    }
}

#[test]
fn the_newest_ten_revisions_are_kept_and_the_live_one_is_among_them() {
    let bed = Bed::new();
    for number in 0..13 {
        bed.publish("hello", &number.to_string());
        // Dates tell which is newer; they are as coarse as a few milliseconds.
        let folder = fs::read_link(bed.path(".live/hello")).unwrap();
        let folder = fs::File::open(bed.path(".live").join(folder)).unwrap();
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 + number);
        folder.set_times(fs::FileTimes::new().set_modified(date)).unwrap();
    }
    let kept = |code: &str| {
        let revision = RevisionId::of([code.as_bytes()]);
        revision_folder(bed.root.path(), &name("hello"), &revision).exists()
    };
    assert!(!kept("0") && !kept("2") && kept("3") && kept("12"));
    bed.publish("hello", "3");
    bed.publish("hello", "new");
    assert!(kept("3") && !kept("4"));
}

#[test]
fn a_removed_function_leaves_nothing_behind_but_what_others_made() {
    let bed = Bed::new();
    bed.publish("hello", "one");
    bed.publish("ada/hello", "two");
    bed.publish("bob/hello", "three");
    fs::write(bed.path("bob/note"), "mine").unwrap();
    for function in ["hello", "ada/hello", "bob/hello", "never"] {
        bed.store.remove(&name(function)).unwrap();
    }
    assert_eq!(bed.visible(), ["bob"]);
    assert_eq!(fs::read_dir(bed.path("bob")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(bed.path(".live")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(bed.path(".revisions")).unwrap().count(), 0);
}

#[test]
fn what_others_put_into_the_folder_stays_as_it_is() {
    let bed = Bed::new();
    fs::write(bed.path("hello.js"), "mine").unwrap();
    symlink("/nowhere", bed.path("hello.json")).unwrap();
    fs::write(bed.path(".live/not a function"), "mine").unwrap();
    bed.publish("hello", "one");
    assert_eq!(bed.record("hello").state_name(), "live");
    bed.store.remove(&name("hello")).unwrap();
    let bed = bed.reopen();
    assert_eq!(fs::read_to_string(bed.path("hello.js")).unwrap(), "mine");
    assert_eq!(fs::read_link(bed.path("hello.json")).unwrap(), Path::new("/nowhere"));
    assert!(bed.path(".live/not a function").exists());
}

#[test]
fn two_registries_cannot_publish_to_one_folder() {
    let bed = Bed::new();
    let error = Store::open(bed.root.path()).unwrap_err().to_string();
    assert!(error.contains("another registry publishes to"), "{error}");
    bed.reopen();
}

#[test]
fn a_restart_reads_what_is_published_and_clears_what_was_interrupted() {
    let bed = Bed::new();
    bed.publish("hello", "one");
    bed.fail("broken", "wrong");
    fs::create_dir_all(bed.path(".revisions/half/0123456789abcdef")).unwrap();
    symlink(".live/half/bundle.js", bed.path("half.js")).unwrap();
    fs::write(bed.path(".tmp-registry/left"), "").unwrap();
    fs::remove_file(bed.path("hello.json")).unwrap();

    let bed = bed.reopen();

    let published = bed.store.read().unwrap();
    let read: Vec<_> = published.iter().map(|(n, print)| (n.as_str(), print.as_str())).collect();
    assert_eq!(read, [("broken", "seen"), ("hello", "seen one")]);
    assert_eq!(bed.visible(), ["broken.json", "hello.js", "hello.json"]);
    assert_eq!(fs::read_dir(bed.store.temporary()).unwrap().count(), 0);
    assert!(!bed.path(".revisions/half").exists());
}

#[test]
fn damaged_files_are_known_by_no_fingerprint_and_made_again() {
    let bed = Bed::new();
    bed.publish("hello", "one");
    bed.publish("other", "two");
    fs::remove_file(bed.path("hello.js").canonicalize().unwrap()).unwrap();
    fs::write(bed.path("other.json").canonicalize().unwrap(), "{").unwrap();
    let bed = bed.reopen();
    assert!(bed.store.read().unwrap().values().all(|print| *print == Fingerprint::none()));
    bed.publish("hello", "one");
    assert_eq!(fs::read_to_string(bed.path("hello.js")).unwrap(), "one");
}

#[test]
fn a_reader_never_sees_half_a_revision_or_two_mixed() {
    let bed = Bed::new();
    bed.publish("hello", "0");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let target = fs::read_link(bed.path(".live/hello")).unwrap();
                let folder = bed.path(".live").join(&target);
                let code = fs::read(folder.join(BUNDLE)).unwrap();
                let record = fs::read(folder.join(RECORD)).unwrap();
                let record: Published = serde_json::from_slice(&record).unwrap();
                let revision = &record.release().unwrap().revision;
                assert_eq!(*revision, RevisionId::of([code.as_slice()]));
                assert!(target.ends_with(revision.as_str()));
                reads += 1;
            }
            reads
        });
        for round in 0..400 {
            // A few revisions over and over, so that none is pruned while read.
            bed.publish("hello", &(round % 7).to_string());
            bed.publish("hello", &(round % 7).to_string());
            if round % 3 == 0 {
                bed.fail("hello", "wrong");
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 10);
    });
}
