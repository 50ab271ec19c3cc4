//! Every process of this server: how many there may be, the spares, and room
//! for one more.

mod spares;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::activity::Meter;
use super::code_cache::{self, CodeCaches};
use super::instance::{Deployment, Spare, StartError};
use super::journal::Journal;
use super::keeper::Keeper;
use super::launch::{Launched, Launcher};
use super::pool::Pool;
use super::profile::Profile;
use super::secrets::Secrets;
use crate::function::FunctionName;
use crate::function::permissions::OperatorAllows;
use crate::sandbox::Priority;

/// Who has answered within this time is being called.
const LATELY: Duration = Duration::from_secs(1);

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
    profiles: HashMap<Profile, spares::Usage>,
    /// Pools with instances.
    active: BTreeMap<FunctionName, Arc<Pool>>,
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

    /// A pool has instances.
    pub fn activate(&self, pool: &Arc<Pool>) {
        self.lock().active.insert(pool.name.clone(), Arc::clone(pool));
    }

    /// A pool has no instances any more.
    pub fn deactivate(&self, pool: &Pool) {
        self.lock().active.remove(&pool.name);
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

    /// Whether any other function has answered lately.
    pub fn serves_others(&self, pool: &Arc<Pool>) -> bool {
        let is_called = |other: &Pool| other.activity().answered_within(LATELY);
        self.active_pools().iter().any(|other| !Arc::ptr_eq(other, pool) && is_called(other))
    }

    /// Processes that run or are being started.
    pub fn processes(&self) -> usize {
        self.lock().processes
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
    fn active(&self) -> Vec<Arc<Pool>> {
        self.active.values().cloned().collect()
    }
}
