//! One function against a folder that changes as it likes: whatever was seen
//! of that and whatever was missed, the end is what a fresh start would give,
//! and whoever has ordered something has been answered.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::function;
use crate::registry::handle::OrderError;
use crate::registry::inbox::Look;

const PATIENCE: Patience = Patience {
    settle: Duration::from_millis(250),
    before_failure: Duration::from_secs(2),
    with_unrest: Duration::from_secs(30),
};
const SAFETY_SCAN: Duration = Duration::from_secs(30);
/// Long enough for everything to have been looked at.
const LONG: Duration = Duration::from_mins(2);

/// Something that happens to a folder, or to the service.
#[derive(Debug, Clone)]
enum Happens {
    /// The folder has this content now. Every third does not build.
    Change(u8),
    /// It changes for a minute without a pause.
    Churn,
    Vanish,
    /// An event that arrived; all others were lost.
    Look,
    Wait(u16),
    BuildEnds,
    /// The operator wants it built as it is.
    Order,
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    prop_oneof![
        6 => any::<u8>().prop_map(Change),
        1 => Just(Churn),
        2 => Just(Vanish),
        4 => Just(Look),
        4 => (0u16..600).prop_map(Wait),
        1 => (0u16..20_000).prop_map(Wait),
        4 => Just(BuildEnds),
        2 => Just(Order),
        1 => Just(Restart),
    ]
}

/// What lies in the folder, and since when.
type Folder = Option<(u8, Instant)>;

fn builds(content: u8) -> bool {
    !content.is_multiple_of(3)
}

/// What is published: the content that runs, the problems told, and of what.
#[derive(Debug, Clone, Default, PartialEq)]
struct Published {
    runs: Option<u8>,
    problems: Option<&'static str>,
    of: Option<Fingerprint>,
}

struct Bed {
    now: Instant,
    folder: Folder,
    tracked: Tracked,
    due: Instant,
    scan: Instant,
    published: Published,
    /// What is being built: what it was seen as, and what its first half was.
    building: Option<(Fingerprint, u8)>,
    built: BTreeMap<Fingerprint, u32>,
    /// Orders that were given since the start.
    orders: Vec<oneshot::Receiver<Result<function::Published, OrderError>>>,
}

impl Bed {
    fn new(folder: Folder, now: Instant) -> Self {
        Self {
            now,
            folder,
            tracked: Tracked::default(),
            due: now,
            scan: now,
            published: Published::default(),
            building: None,
            built: BTreeMap::new(),
            orders: Vec::new(),
        }
    }

    fn look(&self) -> Option<Look> {
        // As with a real folder, no two changes look the same.
        self.folder
            .map(|(content, since)| Look::fake(&format!("{content} {since:?}"), self.now - since))
    }

    fn see(&mut self) {
        let source = self.look().map(Source::fake);
        self.tracked.see(source, PATIENCE.settle, self.now);
    }

    fn happen(&mut self, what: &Happens) {
        match what {
            Happens::Change(content) => {
                self.now += Duration::from_millis(1);
                self.folder = Some((*content, self.now));
            }
            Happens::Churn => {
                for content in 0..250 {
                    self.happen(&Happens::Change(content));
                    self.happen(&Happens::Look);
                    self.wait(Duration::from_millis(240));
                }
            }
            Happens::Vanish => self.folder = None,
            Happens::Look => {
                self.see();
                self.decide();
            }
            Happens::Wait(ms) => self.wait(Duration::from_millis((*ms).into())),
            Happens::BuildEnds => self.end_build(),
            Happens::Order => self.order(),
            Happens::Restart => {
                self.building = None;
                // Whoever waits is told that it ends.
                self.orders.clear();
                // What is published says that it need not be built; what was
                // found out besides is forgotten.
                self.built.retain(|print, _| Some(print) == self.published.of.as_ref());
                self.tracked = match &self.published.of {
                    Some(fingerprint) => Tracked::published(fingerprint.clone()),
                    None => Tracked::default(),
                };
                self.scan = self.now;
                self.wait(Duration::ZERO);
            }
        }
    }

    /// What `refresh` does.
    fn order(&mut self) {
        let (answer, answered) = oneshot::channel();
        self.orders.push(answered);
        self.see();
        self.tracked.wait(Cause::Ordered, Waiting::Refresh(answer));
        self.built.clear();
        self.decide();
        let builds = self.folder.is_none() || self.building.is_some();
        assert!(builds, "it is not built at once");
    }

    /// Tells whoever waits.
    fn answer(&mut self) {
        for waiting in self.tracked.take_waiting() {
            waiting.decided(&"f".parse().unwrap(), None);
        }
    }

    /// Lets time pass, with every look that is due.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self.due.min(self.scan);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.due = end + LONG;
            if self.scan <= self.now {
                self.scan = self.now + SAFETY_SCAN;
            }
            self.see();
            self.decide();
        }
        self.now = end;
    }

    fn decide(&mut self) {
        match self.tracked.next(&PATIENCE) {
            Step::Nothing if self.building.is_some() => {}
            Step::Nothing => self.answer(),
            Step::LookAt(at) => self.due = self.due.min(at.max(self.now)),
            Step::Build => {
                // A build starts later than it was decided, and reads what is there then.
                let seen = self.tracked.source().unwrap().look().fingerprint().clone();
                let first_half = self.folder.map_or(0, |(content, _)| content);
                self.tracked.build_started();
                let count = self.built.entry(seen.clone()).or_default();
                *count += 1;
                assert_eq!(*count, 1, "{seen:?} was built again without a change");
                self.building = Some((seen, first_half));
            }
            Step::TellFailure => {
                let (fingerprint, _) = self.tracked.untold().unwrap();
                let fingerprint = fingerprint.clone();
                let seen = self.look().map(|look| look.fingerprint().clone());
                if seen.as_ref() == Some(&fingerprint) {
                    assert!(!builds(self.folder.unwrap().0), "a sound folder was told to fail");
                }
                self.published.problems = Some("failure");
                self.published.of = Some(fingerprint.clone());
                self.tracked.told(fingerprint);
                self.decide();
            }
            Step::TellUnrest => {
                self.published.problems = Some("unrest");
                self.published.of = Some(Fingerprint::none());
                self.tracked.told_unrest();
                self.answer();
                self.decide();
            }
            Step::Remove => {
                self.answer();
                self.published = Published::default();
                self.tracked = Tracked::default();
                self.due = self.now;
            }
        }
    }

    fn end_build(&mut self) {
        let Some((seen, first_half)) = self.building.take() else { return };
        let second_half = self.folder.map_or(0, |(content, _)| content);
        self.see();
        self.decide();
        self.tracked.build_ended(Pace::Quick);
        if self.tracked.looks_like(&seen) {
            assert_eq!(first_half, second_half, "half of one and half of another");
            if builds(first_half) {
                self.published =
                    Published { runs: Some(first_half), problems: None, of: Some(seen.clone()) };
                self.tracked.told(seen);
            } else {
                self.tracked.failed(seen, Vec::new());
            }
        }
        self.decide();
    }

    /// Lets everything come to rest.
    fn settle(mut self) -> Published {
        for _ in 0..20 {
            self.wait(LONG);
            self.end_build();
        }
        assert!(self.building.is_none(), "it builds for ever");
        assert_eq!(self.tracked.next(&PATIENCE), Step::Nothing, "it never rests");
        for order in &mut self.orders {
            assert!(order.try_recv().is_ok(), "an order waits for ever");
        }
        self.published
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_was_seen_of_it_the_end_is_what_a_fresh_start_would_give(
        all in proptest::collection::vec(happens(), 1..60)
    ) {
        let start = Instant::now() + LONG;
        let mut bed = Bed::new(None, start);
        let mut ran = None;
        for what in &all {
            bed.happen(what);
            // What runs goes only with the folder, or for something newer.
            let gone = ran.is_some() && bed.published.runs.is_none();
            prop_assert!(!gone || bed.published.of.is_none(), "what ran was lost");
            ran = bed.published.runs;
        }
        let fresh = Bed::new(bed.folder, bed.now).settle();
        let (folder, ran) = (bed.folder, bed.published.runs);
        let end = bed.settle();
        prop_assert_eq!(&end.of, &fresh.of);
        prop_assert_eq!(end.problems, fresh.problems);
        match folder {
            Some((content, _)) if builds(content) => prop_assert_eq!(end.runs, Some(content)),
            Some(_) => prop_assert!(end.problems.is_some() && (end.runs == ran || ran.is_none())),
            None => prop_assert_eq!(end, Published::default()),
        }
    }
}
