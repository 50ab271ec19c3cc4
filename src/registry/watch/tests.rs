use std::fs;
use std::os::unix::fs::symlink;

use notify::event::{AccessKind, CreateKind, Flag};
use notify::{Event, EventKind};
use tempfile::TempDir;

use super::*;

const LATE: Duration = Duration::from_secs(10);

fn created(path: &str) -> Event {
    Event::new(EventKind::Create(CreateKind::Any)).add_path(path.into())
}

async fn places(events: &Events) -> Vec<Place> {
    tokio::time::timeout(LATE, events.take()).await.expect("no event came")
}

fn top(name: &str) -> Place {
    Place::Top(name.into())
}

#[tokio::test]
async fn each_event_says_where_to_look_and_no_more() {
    let events = Events::default();
    events.set_root(Path::new("/in"), &["/link".into()]);
    let link = Link {
        top: "far".into(),
        target: "/releases/2".into(),
        hops: vec!["/in/far".into(), "/releases/current".into()],
    };
    events.set_links(&[link]);
    let owned = Place::Owned("ada/x".parse().unwrap());
    for (event, expected) in [
        (Ok(created("/in/hello")), vec![top("hello")]),
        (Ok(created("/in/hello/index.ts")), vec![top("hello")]),
        (Ok(created("/in/ada/x/y/index.ts")), vec![owned]),
        (Ok(created("/in")), vec![Place::Everything]),
        (Ok(created("/link")), vec![Place::Everything]),
        (Ok(created("/releases/2/a/b")), vec![top("far")]),
        (Ok(created("/releases/current")), vec![top("far")]),
        (Ok(created("/in/far")), vec![top("far")]),
        (Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), vec![Place::Everything]),
        (Err(notify::Error::generic("lost")), vec![Place::Everything]),
    ] {
        let shown = format!("{event:?}");
        events.note(event);
        assert_eq!(places(&events).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn reads_and_what_nobody_publishes_are_not_events() {
    let events = Events::default();
    events.set_root(Path::new("/in"), &[]);
    let read = Event::new(EventKind::Access(AccessKind::Any)).add_path("/in/hello/index.ts".into());
    events.note(Ok(read));
    for path in ["/in/_lib/x", "/in/.git/HEAD", "/elsewhere", "/in2"] {
        events.note(Ok(created(path)));
    }
    events.note(Ok(created("/in/last")));
    assert_eq!(places(&events).await, [top("last")]);
}

struct Bed {
    temporary: TempDir,
    watch: Watch,
}

impl Bed {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join("in");
        fs::create_dir(&root).unwrap();
        let mut bed = Self { temporary, watch: Watch::new(root, WatchMode::Native, LATE) };
        bed.renew();
        bed
    }

    fn path(&self, path: &str) -> PathBuf {
        self.temporary.path().join(path)
    }

    fn renew(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let identity = fs::metadata(self.path("in")).ok();
        self.watch.renew(identity.map(|metadata| (metadata.dev(), metadata.ino())));
    }

    async fn wait_for(&self, place: Place) {
        let mut seen = Vec::new();
        let wait = async {
            while !seen.contains(&place) {
                seen.extend(self.watch.changed().await);
            }
        };
        let found = tokio::time::timeout(LATE, wait).await;
        assert!(found.is_ok(), "{place:?} was not told, but {seen:?}");
    }
}

#[tokio::test]
async fn a_replaced_root_is_told_and_watched_again() {
    let mut bed = Bed::new();
    fs::remove_dir(bed.path("in")).unwrap();
    bed.wait_for(Place::Everything).await;
    bed.renew();
    assert!(bed.watch.native.is_none());
    fs::create_dir(bed.path("in")).unwrap();
    bed.renew();
    fs::create_dir(bed.path("in/hello")).unwrap();
    bed.wait_for(top("hello")).await;
}

#[tokio::test]
async fn a_change_behind_a_link_is_told_and_so_is_a_swapped_link() {
    let mut bed = Bed::new();
    fs::create_dir_all(bed.path("releases/1")).unwrap();
    fs::create_dir_all(bed.path("releases/2")).unwrap();
    symlink("1", bed.path("releases/current")).unwrap();
    symlink("../releases/current", bed.path("in/hello")).unwrap();
    bed.wait_for(top("hello")).await;
    let (target, hops) = trace(&bed.path("in/hello"));
    bed.watch.follow(&[Link { top: "hello".into(), target, hops }]);

    fs::write(bed.path("releases/1/index.ts"), "").unwrap();
    bed.wait_for(top("hello")).await;
    symlink("2", bed.path("releases/next")).unwrap();
    fs::rename(bed.path("releases/next"), bed.path("releases/current")).unwrap();
    bed.wait_for(top("hello")).await;
}
