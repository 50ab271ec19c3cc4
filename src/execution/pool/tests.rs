//! A pool against a model of it. No process is started: the runtime that would
//! boot them is never driven, and the test says instead how each boot ended.

mod happens;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::*;
use crate::execution::fleet::Settings;
use crate::execution::instance::Spare;
use crate::execution::journal::Journal;
use crate::execution::launch::{Launcher, Tools};
use crate::execution::link::Link;
use crate::execution::secrets::Secrets;
use crate::execution::status::Born;
use crate::function::permissions::OperatorAllows;
use crate::function::published::{Format, Release, Runtime as Runs};
use crate::function::{Manifest, RevisionId};
use crate::sandbox::{Demand, Mode as Isolation, Sandbox, Spawner};
use happens::{Happens, happens};

const LONG: Duration = Duration::from_hours(1);
const SECRET: &str = "KEY";

type Waiting = Pin<Box<dyn Future<Output = Result<Lease, LeaseError>>>>;

struct Bed {
    fleet: Arc<Fleet>,
    pool: Arc<Pool>,
    leases: Vec<Lease>,
    waiting: Vec<Waiting>,
    orders: BTreeMap<InstanceId, mpsc::UnboundedReceiver<Order>>,
    stopped: BTreeSet<InstanceId>,
    /// Instances in the order of their last use, as the model has it.
    used: Vec<InstanceId>,
    revisions: u32,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    });
    &RUNTIME
}

fn deployment(revision: u32, most: u32, least: u32, concurrency: u32) -> Arc<Deployment> {
    let count = |n| NonZeroU32::new(n).unwrap();
    let release = Release {
        revision: RevisionId::of([revision.to_le_bytes().as_slice()]),
        runtime: Runs::Deno,
        format: Format::Esm,
        uses_vm: false,
        entry: "index.ts".to_owned(),
        manifest: Manifest {
            max_instances: count(most),
            min_instances: least,
            concurrency: count(concurrency),
            secrets: vec![SECRET.to_owned()],
            ..Manifest::default()
        },
        built_at: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    Arc::new(Deployment::new("hello".parse().unwrap(), release, Path::new("/registry")))
}

impl Bed {
    fn new() -> Self {
        // No process is started: whoever asks for one learns that there is none.
        static SPAWNER: LazyLock<Spawner> = LazyLock::new(|| {
            let sandbox =
                Sandbox::find(&Demand { mode: Isolation::Off, ..Demand::default() }).unwrap();
            Spawner::start_with(PathBuf::from("/bin/false"), Arc::new(sandbox)).unwrap()
        });
        static SECRETS: LazyLock<Arc<Secrets>> = LazyLock::new(|| {
            let data = tempfile::tempdir().unwrap();
            let secrets = Secrets::open(data.path(), data.path().join("key"));
            secrets.set(SECRET, &String::new().into()).unwrap();
            secrets
        });
        let nowhere = PathBuf::from("/nonexistent");
        let launcher = Launcher::new(Tools {
            spawner: SPAWNER.clone(),
            deno: nowhere.clone(),
            shim: nowhere.clone(),
            run: nowhere.clone(),
            cache_base: nowhere,
            lanes: 1,
        });
        let journal = Arc::new(Journal::nowhere());
        let settings = Settings {
            idle: Duration::from_mins(1),
            spares: 1,
            max_processes: 10,
            operator: OperatorAllows::default(),
        };
        let secrets = Arc::clone(&SECRETS);
        let fleet = Fleet::new(settings, journal, secrets, launcher, runtime().handle().clone());
        let pool = Pool::new("hello".parse().unwrap(), Arc::clone(&fleet));
        let mut bed = Self {
            fleet,
            pool,
            leases: Vec::new(),
            waiting: Vec::new(),
            orders: BTreeMap::new(),
            stopped: BTreeSet::new(),
            used: Vec::new(),
            revisions: 0,
        };
        bed.happen(&Happens::Publish { most: 2, least: 0, concurrency: 2 });
        bed
    }

    fn spare(&mut self) -> Spare {
        let (orders, receiver) = mpsc::unbounded_channel();
        let id = InstanceId::next();
        self.orders.insert(id, receiver);
        let link = Link::open(Path::new("/dev/null"), String::new(), 1).unwrap();
        let born = Born { pid: None, at: Timestamp::UNIX_EPOCH };
        Spare { id, link: Arc::new(link), orders, born }
    }

    fn serves(&self) -> Option<Arc<Deployment>> {
        match self.pool.serves() {
            Serves::Deployment(deployment) => Some(deployment),
            _ => None,
        }
    }

    /// One of the instances in a state.
    fn one(&self, index: Index, which: impl Fn(Life) -> bool) -> Option<InstanceId> {
        let state = self.pool.lock();
        let found = state.slots.iter().filter(|slot| which(slot.life));
        let found: Vec<_> = found.map(|slot| slot.instance.id).collect();
        (!found.is_empty()).then(|| found[index.index(found.len())])
    }

    fn happen(&mut self, what: &Happens) {
        let _inside = runtime().enter();
        let starting = |life| matches!(life, Life::Starting { .. });
        match what {
            Happens::Request => self.request(),
            Happens::HangUp(index) if !self.waiting.is_empty() => {
                drop(self.waiting.remove(index.index(self.waiting.len())));
            }
            Happens::Release(index) if !self.leases.is_empty() => {
                drop(self.leases.remove(index.index(self.leases.len())));
            }
            Happens::SpareIsReady => {
                if let Some(deployment) = self.serves()
                    && self.fleet.ready_spares() == 0
                {
                    let spare = self.spare();
                    self.fleet.add_spare(deployment.profile.clone(), spare);
                }
            }
            Happens::Booted if self.pool.lock().booting > 0 => {
                let spare = self.spare();
                self.pool.booted(Ok(spare), &deployment(0, 1, 0, 1), Start::now(Origin::Cold));
            }
            Happens::BootFailed if self.pool.lock().booting > 0 => {
                self.pool.booted(
                    Err(StartError::TimedOut(1)),
                    &deployment(0, 1, 0, 1),
                    Start::now(Origin::Cold),
                );
            }
            Happens::Started(index) => {
                if let Some(id) = self.one(*index, starting) {
                    self.pool.started(id);
                }
            }
            Happens::Answered(index) if !self.leases.is_empty() => {
                let lease = &self.leases[index.index(self.leases.len())];
                lease.answered();
                assert!(!lease.instance.is_starting());
            }
            // Its keeper may say so after the first answer.
            Happens::StartFailed(index) => {
                if let Some(id) = self.one(*index, |life| starting(life) || life.is_serving()) {
                    self.pool.failed(id, &StartError::TimedOut(1));
                }
            }
            Happens::Exited(index) => {
                if let Some(id) = self.one(*index, |life| !matches!(life, Life::Ended { .. })) {
                    self.pool.exited(id);
                }
            }
            Happens::IdleForLong(index) => {
                if let Some(id) = self.one(*index, |_| true) {
                    self.look_idle(id);
                }
            }
            Happens::MakeRoom(index) => {
                if let Some(id) = self.one(*index, |_| true) {
                    let was_leased = self.leases.iter().any(|lease| lease.instance.id == id);
                    assert!(!(self.pool.retire_if_idle(id) && was_leased), "{id} was in use");
                }
            }
            Happens::Retire(index) => {
                if let Some(id) = self.one(*index, |_| true) {
                    self.pool.retire(id, StopReason::Stuck);
                }
            }
            Happens::Publish { most, least, concurrency } => {
                self.revisions += 1;
                let least = (*least).min(*most);
                let deployment = deployment(self.revisions, *most, least, *concurrency);
                self.pool.publish(&deployment, Standing::default());
            }
            Happens::SecretChanged => self.pool.secret_changed(SECRET),
            Happens::Remove => self.pool.end(Serves::Removed, StopReason::Removed),
            _ => {}
        }
        self.poll();
        self.check();
    }

    fn request(&mut self) {
        let expected = self.expected();
        let pool = Arc::clone(&self.pool);
        self.waiting.push(Box::pin(async move { pool.lease(LONG).await }));
        let before = self.leases.len();
        self.poll();
        if let Some(expected) = expected {
            assert_eq!(self.leases.len(), before + 1, "{expected} was free");
            assert_eq!(self.leases[before].instance.id, expected, "another was used last");
        }
    }

    /// The serving instance that was used last and has a place, if nobody
    /// waits.
    fn expected(&self) -> Option<InstanceId> {
        self.serves()?;
        let state = self.pool.lock();
        if !state.waiting.is_empty() {
            return None;
        }
        let slot = |id: &InstanceId| state.slots.iter().find(|slot| slot.instance.id == *id);
        let free = |slot: &&Slot| {
            let leases = self.leases.iter().filter(|l| l.instance.id == slot.instance.id).count();
            slot.life.is_serving() && leases < slot.instance.deployment.concurrency()
        };
        let mut last_used = self.used.iter().rev().filter_map(slot).filter(free);
        last_used.next().map(|slot| slot.instance.id)
    }

    fn look_idle(&mut self, id: InstanceId) {
        let life = |pool: &Pool| {
            pool.lock().slots.iter().find(|slot| slot.instance.id == id).map(|slot| slot.life)
        };
        let was = life(&self.pool);
        let verdict = self.pool.look_idle(id, Instant::now() + LONG);
        let now = life(&self.pool);
        let leased = self.leases.iter().any(|lease| lease.instance.id == id);
        assert!(was == now || !leased, "{id} was leased and is {now:?} for having been idle");
        if was != now {
            assert!(matches!(was, Some(Life::Idle { .. })), "{id} was {was:?}");
            assert_eq!(verdict, IdleVerdict::Retired);
        }
    }

    /// Takes what waiters have got, and notes orders.
    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut refused = Vec::new();
        waiting.retain_mut(|future| match future.as_mut().poll(&mut context) {
            Poll::Pending => true,
            Poll::Ready(Ok(lease)) => {
                let id = lease.instance.id;
                let state = self.pool.lock();
                let life = state.slots.iter().find(|slot| slot.instance.id == id).map(|s| s.life);
                let may = matches!(life, Some(Life::Starting { .. } | Life::Busy { .. }));
                assert!(may, "a lease was given on {id}, which is {life:?}");
                drop(state);
                self.used.retain(|used| *used != id);
                self.used.push(id);
                self.leases.push(lease);
                false
            }
            Poll::Ready(Err(error)) => {
                refused.push(error);
                false
            }
        });
        self.waiting = waiting;
        for error in refused {
            assert!(!matches!(error, LeaseError::ShuttingDown), "the pool is still there");
        }
        // What was adopted by now was never used; it comes before what was.
        let known = |slot: &Slot| self.used.contains(&slot.instance.id);
        let state = self.pool.lock();
        let unused: Vec<_> = state.slots.iter().filter(|slot| !known(slot)).collect();
        self.used.splice(..0, unused.into_iter().map(|slot| slot.instance.id));
        drop(state);
        for (id, orders) in &mut self.orders {
            while let Ok(order) = orders.try_recv() {
                if matches!(order, Order::Stop(_)) {
                    self.stopped.insert(*id);
                }
            }
        }
    }

    fn check(&mut self) {
        let deployment = self.serves();
        let state = self.pool.lock();
        for slot in &state.slots {
            let id = slot.instance.id;
            let out = self.leases.iter().filter(|lease| lease.instance.id == id).count();
            assert_eq!(slot.life.leases() as usize, out, "{id} is {:?}", slot.life);
            assert!(out <= slot.instance.deployment.concurrency(), "{id} has {out} leases");
            if let Life::Draining { leases: 0, reason } = slot.life
                && reason != StopReason::StartFailed
            {
                assert!(self.stopped.contains(&id), "{id} drained and was not told to end");
            }
            assert_ne!(slot.life, Life::Ended { leases: 0 }, "{id} is kept for nobody");
        }
        for lease in &self.leases {
            let id = lease.instance.id;
            assert!(state.slots.iter().any(|slot| slot.instance.id == id), "{id} was forgotten");
        }
        if let Some(deployment) = &deployment {
            let most = deployment.max_instances();
            let newest = |slot: &&Slot| slot.runs(deployment);
            let serving = state.slots.iter().filter(|slot| slot.may_serve()).filter(newest).count();
            assert!(serving <= most, "{serving} instances where {most} may be");
            if !state.waiting.is_empty() {
                assert_eq!(state.free_slot(deployment), None, "somebody waits for what is free");
                let may_come = state.booting > 0 || state.slots.iter().any(Slot::may_serve);
                assert!(may_come, "somebody waits for nothing");
            }
        } else {
            assert!(state.waiting.is_empty(), "somebody waits for what was removed");
            assert!(!state.slots.iter().any(Slot::may_serve), "what was removed may serve");
        }
    }
}

#[test]
fn the_first_answer_ends_a_start() {
    let mut bed = Bed::new();
    for what in [Happens::SpareIsReady, Happens::Request, Happens::Request] {
        bed.happen(&what);
    }
    bed.leases[0].answered();
    drop(bed.leases.remove(0));
    bed.happen(&Happens::Request);
    let origins: Vec<_> = bed.leases.iter().map(|lease| lease.origin).collect();
    assert_eq!(origins, [Origin::Spare, Origin::Warm]);
    // The word that it started comes after.
    bed.pool.started(bed.leases[0].instance.id);
    assert_eq!(bed.fleet.meter.starts(Origin::Spare).read().count(), 1);
}

#[test]
fn after_three_deaths_in_a_row_a_spare_is_left_until_another_revision_comes() {
    let mut bed = Bed::new();
    for _ in 0..3 {
        bed.happen(&Happens::SpareIsReady);
        bed.happen(&Happens::Request);
        let lease = bed.leases.pop().expect("a spare was ready");
        lease.answered();
        bed.pool.exited(lease.instance.id);
    }
    bed.happen(&Happens::SpareIsReady);
    bed.happen(&Happens::Request);
    assert_eq!((bed.leases.len(), bed.fleet.ready_spares()), (0, 1));
    bed.happen(&Happens::Publish { most: 2, least: 0, concurrency: 1 });
    assert_eq!((bed.leases.len(), bed.fleet.ready_spares()), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_no_lease_is_lost_and_none_is_given_on_what_is_to_end(
        all in proptest::collection::vec(happens(), 1..80)
    ) {
        let mut bed = Bed::new();
        for what in &all {
            bed.happen(what);
        }
        // When all leases are back and every process is gone, nothing is left.
        bed.waiting.clear();
        bed.leases.clear();
        let first = || bed.pool.lock().slots.first().map(|slot| slot.instance.id);
        while let Some(id) = first() {
            bed.pool.exited(id);
        }
    }
}
