//! Every process of this server: how many there may be, the spares, and room
//! for one more.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::activity::Meter;
use super::code_cache::{self, CodeCaches};
use super::instance::{Deployment, InstanceId, Spare, StartError};
use super::journal::Journal;
use super::keeper::Keeper;
use super::launch::{Launched, Launcher, patiently};
use super::pool::Pool;
use super::profile::Profile;
use super::secrets::Secrets;
use super::status::InstanceStatus;
use super::warm_up::warm_up;
use crate::function::FunctionName;
use crate::function::permissions::OperatorAllows;
use crate::sandbox::Priority;

/// Profiles that spares are kept for: those used last, then those that most
/// functions have.
const MAX_SPARE_PROFILES: usize = 4;
/// A taken spare is replaced this much later, so that booting the next one
/// does not take the processor from the request that it was taken for.
const REFILL_DELAY: Duration = Duration::from_millis(20);
/// A profile whose spare does not boot is left alone for so long.
const REFILL_RETRY: Duration = Duration::from_secs(10);

/// What the operator decided.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Idle time of functions that do not name one.
    pub idle: Duration,
    /// Spares kept per profile.
    pub spares: usize,
    /// Processes that may run at once.
    pub max_processes: usize,
    /// Permissions beyond the harmless ones.
    pub operator: OperatorAllows,
}

/// Every process of this server.
#[derive(Debug)]
pub struct Fleet {
    /// What the operator decided.
    pub settings: Settings,
    /// Where what happens to functions is told.
    pub journal: Arc<Journal>,
    /// What the operator holds for functions.
    pub secrets: Arc<Secrets>,
    /// What is counted of all functions together.
    pub meter: Arc<Meter>,
    /// What V8 made of large bundles.
    pub code_caches: CodeCaches,
    launcher: Launcher,
    runtime: Handle,
    /// Free places for boots, [`boots_at_once`] in all.
    boots: Semaphore,
    state: Mutex<State>,
    keepers: Mutex<JoinSet<()>>,
    /// Something about the spares may have to be done.
    look: Notify,
    /// Every process is to be killed.
    kill: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    shutting_down: bool,
    /// Processes that have not been told to stop.
    processes: usize,
    spares: HashMap<Profile, Vec<Spare>>,
    profiles: HashMap<Profile, Usage>,
    /// Pools with instances.
    active: BTreeMap<FunctionName, Arc<Pool>>,
}

/// How much a profile is used.
#[derive(Debug, Default)]
struct Usage {
    functions: usize,
    last_start: Option<Instant>,
    boot_failed: Option<Instant>,
}

/// A process's place among those that may run. Given back when the process is
/// told to stop.
#[derive(Debug)]
pub struct Seat(Arc<Fleet>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.lock().processes -= 1;
    }
}

impl Fleet {
    /// A fleet without processes, whose tasks run on `runtime`.
    pub fn new(
        settings: Settings,
        journal: Arc<Journal>,
        secrets: Arc<Secrets>,
        launcher: Launcher,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new(Self {
            settings,
            journal,
            secrets,
            meter: Arc::default(),
            code_caches: CodeCaches::new(code_cache::MAX_ALL),
            launcher,
            runtime,
            boots: Semaphore::new(boots_at_once()),
            state: Mutex::default(),
            keepers: Mutex::default(),
            look: Notify::new(),
            kill: watch::Sender::new(false),
        })
    }

    /// Runs a task on the supervisor's threads.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Where this server's processes have their folders.
    pub fn run_folder(&self) -> &Path {
        self.launcher.run_folder()
    }

    /// Whether this server can run the deployment at all.
    pub fn may_start(&self, deployment: &Deployment) -> Result<(), StartError> {
        let manifest = &deployment.release.manifest;
        if let Some(kind) = manifest.permissions.beyond(&self.settings.operator) {
            return Err(StartError::NotAllowed(kind));
        }
        self.secrets.check(&manifest.secrets)
    }

    /// A booted process for this profile, if one is ready.
    pub fn take_spare(&self, profile: &Profile) -> Option<Spare> {
        let mut state = self.lock();
        if let Some(usage) = state.profiles.get_mut(profile) {
            usage.last_start = Some(Instant::now());
        }
        let spare = state.spares.get_mut(profile).and_then(Vec::pop);
        self.look.notify_one();
        spare
    }

    /// Starts a process for this profile now.
    pub async fn boot(
        self: &Arc<Self>,
        profile: &Profile,
        priority: Priority,
    ) -> Result<Spare, StartError> {
        let (launched, seat) = self.launch(profile, priority).await?;
        Ok(self.keep(launched, seat))
    }

    async fn launch(
        self: &Arc<Self>,
        profile: &Profile,
        priority: Priority,
    ) -> Result<(Launched, Seat), StartError> {
        let _turn = self.boots.acquire().await.map_err(StartError::launch)?;
        let seat = self.seat(profile)?;
        let launched = tokio::select! {
            launched = self.launcher.launch(profile, priority) => launched?,
            () = self.killed() => return Err(StartError::NoRoom),
        };
        // The next one is prepared once this one has answered.
        self.look.notify_one();
        Ok((launched, seat))
    }

    /// Hands a process to a keeper of its own.
    fn keep(self: &Arc<Self>, launched: Launched, seat: Seat) -> Spare {
        let (spare, keeper) = Keeper::new(launched, seat, Arc::clone(self));
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        while keepers.try_join_next().is_some() {}
        keepers.spawn_on(keeper.run(), &self.runtime);
        spare
    }

    /// A place for one more process. Where there is none, a spare of another
    /// profile makes room, else the instance that has been idle longest.
    fn seat(self: &Arc<Self>, profile: &Profile) -> Result<Seat, StartError> {
        let pools: Vec<Arc<Pool>> = {
            let mut state = self.lock();
            if state.shutting_down {
                return Err(StartError::NoRoom);
            }
            let full = state.processes >= self.settings.max_processes;
            if !full || state.discard_spare(|other| other != profile) {
                state.processes += 1;
                return Ok(Seat(Arc::clone(self)));
            }
            state.active()
        };
        // No pool's lock is taken under this one: pools ask the fleet under theirs.
        let idle = pools.iter().filter_map(|pool| Some((pool.oldest_idle()?, pool)));
        let mut idle: Vec<_> = idle.map(|((id, since), pool)| (since, id, pool)).collect();
        idle.sort_by_key(|(since, id, _)| (*since, *id));
        if idle.iter().any(|(_, id, pool)| pool.retire_if_idle(*id)) {
            self.lock().processes += 1;
            return Ok(Seat(Arc::clone(self)));
        }
        Err(StartError::NoRoom)
    }

    /// A function with this profile was published.
    pub fn use_profile(&self, profile: &Profile) {
        self.lock().profiles.entry(profile.clone()).or_default().functions += 1;
        self.look.notify_one();
    }

    /// A function with this profile was removed, or has another one now.
    pub fn disuse_profile(&self, profile: &Profile) {
        let mut state = self.lock();
        if let Some(usage) = state.profiles.get_mut(profile) {
            usage.functions -= 1;
            if usage.functions == 0 {
                state.profiles.remove(profile);
            }
        }
        self.look.notify_one();
    }

    /// Takes a spare out, so that another one boots in its place; its process
    /// ends if it has not. Says whether there is one.
    pub fn discard_spare(&self, id: InstanceId) -> bool {
        let spare = self.lock().take_spare(id);
        self.look.notify_one();
        spare.is_some()
    }

    /// A pool has instances.
    pub fn activate(&self, pool: &Arc<Pool>) {
        self.lock().active.insert(pool.name.clone(), Arc::clone(pool));
    }

    /// A pool has no instances any more.
    pub fn deactivate(&self, pool: &Pool) {
        self.lock().active.remove(&pool.name);
    }

    /// Keeps the spares as they should be, and the next start prepared, until
    /// the server ends.
    pub async fn keep_spares(self: Arc<Self>) {
        while !self.lock().shutting_down {
            tokio::select! {
                () = self.look.notified() => {}
                () = self.launcher.bury_prepared() => continue,
            }
            tokio::time::sleep(REFILL_DELAY).await;
            while let Some(profile) = self.missing_spare() {
                match self.boot_spare(&profile).await {
                    Ok(spare) => self.add_spare(profile, spare),
                    Err(error) => {
                        tracing::warn!(%error, ?profile, "a spare did not boot");
                        let mut state = self.lock();
                        if let Some(usage) = state.profiles.get_mut(&profile) {
                            usage.boot_failed = Some(Instant::now());
                        }
                        drop(state);
                        self.look_later();
                    }
                }
            }
            let next = self.lock().wanted_profiles().into_iter().next();
            match next {
                // Else somebody waits, and would wait for this as well.
                Some(profile) if self.boots.available_permits() == boots_at_once() => {
                    self.launcher.prepare(&profile).await;
                }
                Some(_) => {}
                None => self.launcher.close().await,
            }
        }
        self.launcher.close().await;
    }

    /// Takes in a spare for this profile.
    pub(super) fn add_spare(&self, profile: Profile, spare: Spare) {
        let mut state = self.lock();
        // Dropped, it ends.
        if !state.shutting_down {
            state.spares.entry(profile).or_default().push(spare);
        }
    }

    fn look_later(self: &Arc<Self>) {
        let fleet = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(REFILL_RETRY).await;
            fleet.look.notify_one();
        });
    }

    /// Boots a process and runs one request through it, so that the first real
    /// one finds everything loaded and compiled.
    async fn boot_spare(self: &Arc<Self>, profile: &Profile) -> Result<Spare, StartError> {
        // Nobody waits for it, and a boot takes as much as a hundred requests.
        let (mut launched, seat) = self.launch(profile, Priority::Low).await?;
        let warm_up = warm_up(&launched.link, profile.uses_vm);
        let warmed = tokio::select! {
            warmed = patiently(&launched.process, warm_up) => warmed,
            () = self.killed() => Err(io::ErrorKind::Interrupted.into()),
        };
        // Not once a request waits for it: the kernel takes its time for this.
        launched.set_priority(Priority::Normal);
        // Its keeper ends it where it is of no use.
        let spare = self.keep(launched, seat);
        warmed.map_err(StartError::launch)?;
        Ok(spare)
    }

    /// Discards spares of profiles that are used no longer or less than
    /// others, and names a profile that lacks one.
    fn missing_spare(&self) -> Option<Profile> {
        let mut state = self.lock();
        let wanted = state.wanted_profiles();
        let surplus = |profile: &Profile| !wanted.contains(profile);
        while state.discard_spare(surplus) {}
        if state.shutting_down || state.processes >= self.settings.max_processes {
            return None;
        }
        let now = Instant::now();
        let mut wanted = wanted.into_iter();
        wanted.find(|profile| {
            let failed = state.profiles.get(profile).and_then(|usage| usage.boot_failed);
            let resting = failed.is_some_and(|at| now.duration_since(at) < REFILL_RETRY);
            let spares = state.spares.get(profile).map_or(0, Vec::len);
            !resting && spares < self.settings.spares
        })
    }

    /// No process starts any more, and spares end.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.shutting_down = true;
        while state.discard_spare(|_| true) {}
        self.look.notify_one();
    }

    /// Waits until every process is gone, those that are being booted as well.
    pub async fn ended(&self) {
        while !self.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills what is left, and waits for it.
    pub async fn kill(&self) {
        self.kill.send_replace(true);
        self.ended().await;
    }

    /// Completes when every process is to be killed.
    pub async fn killed(&self) {
        // The fleet holds the sender, so the channel cannot close first.
        let _ = self.kill.subscribe().wait_for(|kill| *kill).await;
    }

    fn is_empty(&self) -> bool {
        if self.lock().processes > 0 {
            return false;
        }
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        while keepers.try_join_next().is_some() {}
        keepers.is_empty()
    }

    /// Pools with instances.
    pub fn active_pools(&self) -> Vec<Arc<Pool>> {
        self.lock().active()
    }

    /// Processes that run or are being started.
    pub fn processes(&self) -> usize {
        self.lock().processes
    }

    /// What can be told of every spare.
    pub fn spares(&self) -> Vec<InstanceStatus> {
        self.lock().spares.values().flatten().map(Spare::status).collect()
    }

    /// Spares that are ready.
    pub fn ready_spares(&self) -> usize {
        self.lock().spares.values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Many more than the machine has processors would only make each of them
/// slower.
fn boots_at_once() -> usize {
    2 * std::thread::available_parallelism().map_or(2, usize::from)
}

impl State {
    /// The profiles to keep spares for: those started last, then those that
    /// most functions have.
    fn wanted_profiles(&self) -> Vec<Profile> {
        let mut profiles: Vec<_> = self.profiles.iter().collect();
        let order = |usage: &Usage| std::cmp::Reverse((usage.last_start, usage.functions));
        let most = profiles.len().min(MAX_SPARE_PROFILES);
        if most < profiles.len() {
            profiles.select_nth_unstable_by_key(most, |(_, usage)| order(usage));
        }
        profiles[..most].sort_by_key(|(_, usage)| order(usage));
        profiles[..most].iter().map(|(profile, _)| (*profile).clone()).collect()
    }

    fn active(&self) -> Vec<Arc<Pool>> {
        self.active.values().cloned().collect()
    }

    fn take_spare(&mut self, id: InstanceId) -> Option<Spare> {
        let mut lists = self.spares.values_mut();
        lists.find_map(|list| Some(list.remove(list.iter().position(|spare| spare.id == id)?)))
    }

    /// Ends one spare that may go. Dropping it ends its keeper.
    fn discard_spare(&mut self, may_go: impl Fn(&Profile) -> bool) -> bool {
        let found =
            self.spares.iter_mut().find(|(profile, list)| !list.is_empty() && may_go(profile));
        found.and_then(|(_, list)| list.pop()).is_some()
    }
}
