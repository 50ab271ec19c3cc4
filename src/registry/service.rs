//! The loop: look, plan, build, publish, until told to stop.

mod queue;
mod tracked;
mod work;

mod orders;
mod trials;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::bundle::{BuildError, Built, Bundler, Pace};
use super::config::RegistryConfig;
use super::draft::Draft;
use super::fingerprint::Fingerprint;
use super::handle::Commands;
use super::inbox::{Inbox, Link, Scan, trace};
use super::plan::Patience;
use super::schedule::{Place, Schedule};
use super::store::Store;
use super::watch::Watch;
use super::{CheckFolderError, InboxError, RegistryError, chain};
use crate::function::published::Release;
use crate::function::{FunctionName, Problem};
use crate::sandbox::Spawner;
use queue::Queue;
use tracked::Tracked;
use trials::Trial;

/// A failed build is not told before the folder has been quiet for this long.
const BEFORE_FAILURE: Duration = Duration::from_secs(2);
/// How long to wait for `registry_in` to come back.
const BEFORE_INBOX: Duration = Duration::from_millis(200);
/// How long to wait where the machine was in the way.
const BEFORE_RETRY: Duration = Duration::from_secs(5);

/// Runs the service on this thread.
pub(super) fn run(
    config: &RegistryConfig,
    spawner: Spawner,
    mut commands: Commands,
    stopped: oneshot::Receiver<()>,
) -> Result<(), RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RegistryError::Thread)?;
    runtime.block_on(async {
        let mut service = Service::start(config, spawner).await?;
        service.follow(&mut commands, stopped).await;
        Ok(())
    })
}

/// Builds and validates one folder.
pub(super) async fn check_folder(
    config: &RegistryConfig,
    spawner: &Spawner,
    folder: &Path,
) -> Result<Release, CheckFolderError> {
    let unique =
        format!("doze-check-{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
    let temporary = std::env::temp_dir().join(unique);
    std::fs::create_dir(&temporary).map_err(CheckFolderError::Temporary)?;
    let checked = async {
        let bundler = Bundler::prepare(config, spawner.clone(), &temporary).await?;
        let source = Inbox::look_at_one(folder, bundler.id())
            .map_err(|problem| CheckFolderError::Problems(vec![problem]))?;
        match bundler.build(source, Pace::Patient).await? {
            Built::Bundle(bundle) => Ok(bundle.release().clone()),
            Built::Problems(problems) => Err(CheckFolderError::Problems(problems)),
            // Not with all this patience.
            Built::TooSlow => Err(CheckFolderError::Problems(Vec::new())),
        }
    };
    let result = checked.await;
    let _ = std::fs::remove_dir_all(&temporary);
    result
}

/// What a build came to, and of what.
struct Finished {
    name: FunctionName,
    fingerprint: Fingerprint,
    started: Instant,
    pace: Pace,
    built: Result<Built, BuildError>,
}

/// A build that has ended.
enum Ended {
    Function(Finished),
    Trial(Trial, Result<Built, BuildError>),
}

/// Whether `registry_in` can be read, and whether the operator knows.
enum InboxState {
    Readable,
    Missed { since: Instant },
    Told,
}

struct Service {
    inbox: Inbox,
    watch: Watch,
    store: Store,
    bundler: Bundler,
    patience: Patience,
    builds_at_once: usize,
    functions: BTreeMap<FunctionName, Tracked>,
    schedule: Schedule,
    /// What is to be built.
    ready: Queue,
    /// What was ordered to be built besides; it comes first.
    trials: VecDeque<Trial>,
    builds: JoinSet<Ended>,
    /// How many of them took long the last time.
    slow_builds: usize,
    links: Vec<Link>,
    /// What cannot be a function, by its name in `registry_in`.
    nameless: BTreeSet<String>,
    inbox_state: InboxState,
}

impl Service {
    async fn start(config: &RegistryConfig, spawner: Spawner) -> Result<Self, RegistryError> {
        // Events name real paths, whatever folder the process is in later.
        let root = std::path::absolute(&config.registry_in).map_err(RegistryError::Thread)?;
        let registry = std::path::absolute(&config.registry).map_err(RegistryError::Thread)?;
        refuse_nested(&root, &registry)?;
        let store = Store::open(&registry)?;
        let bundler = Bundler::prepare(config, spawner, &store.temporary()).await?;
        let published = store.read()?;
        let functions =
            published.into_iter().map(|(name, print)| (name, Tracked::published(print))).collect();
        Draft::sweep(&root);
        let mut schedule = Schedule::default();
        schedule.look(Place::Everything, Instant::now());
        Ok(Self {
            inbox: Inbox::new(root.clone(), bundler.id().clone()),
            watch: Watch::new(root, config.watch, config.safety_scan),
            store,
            bundler,
            patience: Patience {
                settle: config.settle,
                before_failure: BEFORE_FAILURE.max(config.settle),
                with_unrest: config.unrest,
            },
            builds_at_once: config.builds_at_once.max(2),
            functions,
            schedule,
            ready: Queue::default(),
            trials: VecDeque::new(),
            builds: JoinSet::new(),
            slow_builds: 0,
            links: Vec::new(),
            nameless: BTreeSet::new(),
            inbox_state: InboxState::Readable,
        })
    }

    async fn follow(&mut self, commands: &mut Commands, mut stopped: oneshot::Receiver<()>) {
        loop {
            self.start_builds();
            let wake = self.schedule.next().unwrap_or_else(|| Instant::now() + BEFORE_RETRY);
            tokio::select! {
                biased;
                // A sender that is gone says the same as one that sends.
                _ = &mut stopped => break,
                Some(ended) = self.builds.join_next() => match ended {
                    Ok(Ended::Function(finished)) => self.finish(finished),
                    Ok(Ended::Trial(trial, built)) => self.finish_trial(trial, built),
                    Err(error) => tracing::error!(%error, "a build ended unexpectedly"),
                },
                command = commands.next() => self.obey(command),
                places = self.watch.changed() => {
                    let now = Instant::now();
                    for place in places {
                        self.schedule.look(place, now);
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            for place in self.schedule.take_due(Instant::now()) {
                self.look(place);
            }
        }
        // Dropping a build kills its bundler; waiting makes sure of it.
        self.builds.shutdown().await;
        self.bundler.rest().await;
    }

    /// Looks at a place and decides about every function that is or was there.
    fn look(&mut self, place: Place) {
        let started = Instant::now();
        let functions = match &place {
            Place::Everything => self.look_at_everything(),
            Place::Top(top) => self.look_at_top(&top.clone()),
            Place::Owned(name) => self.look_at_owned(&name.clone()),
        };
        let now = Instant::now();
        tracing::debug!(?place, functions = functions.len(), took = ?(now - started), "looked");
        if place == Place::Everything {
            self.schedule.look(Place::Everything, now + self.watch.interval(now - started));
        }
        self.schedule.looked(place, started, now);
        for name in functions {
            self.decide(&name);
        }
    }

    fn look_at_everything(&mut self) -> Vec<FunctionName> {
        self.watch.renew(self.inbox.root_identity());
        let known = |owner: &str| self.functions_of(owner);
        let mut scan = match self.inbox.scan(&known) {
            Ok(scan) => scan,
            Err(error) => return self.miss_inbox(&error),
        };
        self.inbox_state = InboxState::Readable;
        self.links = std::mem::take(&mut scan.links);
        self.watch.follow(&self.links);
        self.tell_nameless(std::mem::take(&mut scan.nameless), |_| true);
        let all: Vec<_> = self.functions.keys().cloned().collect();
        self.take_in(scan, all)
    }

    fn look_at_top(&mut self, top: &OsString) -> Vec<FunctionName> {
        let known = |owner: &str| self.functions_of(owner);
        let mut scan = match self.inbox.scan_top(top, &known) {
            Ok(scan) => scan,
            Err(error) => return self.miss_inbox(&error),
        };
        self.links.retain(|link| link.top != *top);
        self.links.append(&mut scan.links);
        self.watch.follow(&self.links);
        let shown = top.to_string_lossy().escape_debug().to_string();
        self.tell_nameless(std::mem::take(&mut scan.nameless), |line| {
            line.contains(&format!("`{shown}`")) || line.contains(&format!("`{shown}/"))
        });
        let all = self.functions_below(top);
        self.take_in(scan, all)
    }

    /// What is known of one name in `registry_in`: the function, or those of
    /// the owner. Only a few of the many are touched.
    fn functions_below(&self, top: &OsStr) -> Vec<FunctionName> {
        let Some(top) = top.to_str() else { return Vec::new() };
        let itself = self.functions.get_key_value(top);
        let itself = itself.map(|(name, _)| name.clone());
        itself.into_iter().chain(self.functions_of(top)).collect()
    }

    /// What is known of one owner.
    fn functions_of(&self, owner: &str) -> BTreeSet<FunctionName> {
        let (first, end) = (format!("{owner}/"), format!("{owner}0"));
        let between = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
        self.functions.range::<str, _>(between).map(|(name, _)| name.clone()).collect()
    }

    fn look_at_owned(&mut self, name: &FunctionName) -> Vec<FunctionName> {
        let top = Place::of_top(name);
        if !self.functions.contains_key(name) {
            // A sub-folder of a function, or a function not seen before.
            return self.look_at_top(&top);
        }
        let Some(source) = self.inbox.look_at(name) else { return self.look_at_top(&top) };
        let scan = Scan { sources: vec![source], ..Scan::default() };
        self.take_in(scan, vec![name.clone()])
    }

    /// Takes in what was seen of these functions; those that were not seen are
    /// gone. Returns all that something may have to be done about.
    fn take_in(&mut self, scan: Scan, mut all: Vec<FunctionName>) -> Vec<FunctionName> {
        let now = Instant::now();
        let mut sources = scan.into_sources();
        for name in &all {
            if let Some(tracked) = self.functions.get_mut(name) {
                tracked.see(sources.remove(name), self.patience.settle, now);
            }
        }
        for (name, source) in sources {
            let mut tracked = Tracked::default();
            tracked.see(Some(source), self.patience.settle, now);
            self.functions.insert(name.clone(), tracked);
            all.push(name);
        }
        all
    }

    /// A folder that is being replaced is away for a moment only.
    fn miss_inbox(&mut self, error: &InboxError) -> Vec<FunctionName> {
        let now = Instant::now();
        match self.inbox_state {
            InboxState::Readable => self.inbox_state = InboxState::Missed { since: now },
            InboxState::Missed { since } if now - since >= BEFORE_FAILURE => {
                let error = chain(error);
                tracing::error!(error, "what is published stays until it can be read again");
                self.inbox_state = InboxState::Told;
            }
            InboxState::Missed { .. } | InboxState::Told => {}
        }
        self.schedule.look(Place::Everything, now + BEFORE_INBOX);
        Vec::new()
    }

    /// Tells what cannot be a function, once for as long as it lies there.
    fn tell_nameless(&mut self, lines: Vec<String>, looked_at: impl Fn(&str) -> bool) {
        for line in lines.iter().filter(|line| !self.nameless.contains(*line)) {
            tracing::warn!(problem = %line, "cannot be published");
        }
        self.nameless.retain(|line| !looked_at(line));
        self.nameless.extend(lines);
    }
}

fn refuse_nested(registry_in: &Path, registry: &Path) -> Result<(), RegistryError> {
    let (one, other) = (trace(registry_in).0, trace(registry).0);
    if one.starts_with(&other) || other.starts_with(&one) {
        return Err(RegistryError::Nested {
            registry_in: registry_in.to_owned(),
            registry: registry.to_owned(),
        });
    }
    Ok(())
}

/// Tells each problem once, as compilers do.
fn tell_problems(name: &FunctionName, state: &'static str, problems: &[Problem]) {
    for problem in problems {
        tracing::warn!(function = %name, state, %problem, "the newest source has a problem");
    }
}
