//! The instances of one function, and who may send them a request.
//!
//! Everything that decides is done under one short lock that is never held
//! across an await: handing out a lease, finding an instance idle, retiring it.
//! So none of these can slip between another's check and its act.

mod idle;
mod serves;
mod slots;
mod starts;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::activity::{Activity, Watch};
use super::backoff::Backoff;
use super::fleet::Fleet;
use super::instance::{Deployment, InstanceId, Progress, StartError};
use super::keeper::Order;
use super::lease::{Lease, LeaseError, Origin};
use super::life::{Event, Life, StopReason};
use super::limit::Limit;
use super::status::{FunctionStatus, Standing};
use crate::function::FunctionName;
use crate::function::manifest::Mode;
use crate::sandbox::Priority;
pub use idle::IdleVerdict;
pub use serves::Serves;
use slots::{Slot, Start};

/// Requests that may wait for one function. Beyond it, waiting longer helps
/// neither the caller nor the machine.
const MAX_WAITING: usize = 1024;

/// The instances of one function.
#[derive(Debug)]
pub struct Pool {
    /// The function.
    pub name: FunctionName,
    activity: Activity,
    fleet: Arc<Fleet>,
    state: Mutex<State>,
    /// A process of it has used much of a processor. One that ends by that has
    /// a successor, which need not be found out anew.
    uses_much: AtomicBool,
}

#[derive(Debug)]
struct State {
    serves: Serves,
    standing: Arc<Standing>,
    /// Last used last, so that reuse is last in first out and the others can
    /// become idle.
    slots: Vec<Slot>,
    /// Processes being started for this function, not yet in a slot.
    booting: usize,
    waiting: VecDeque<oneshot::Sender<Result<Lease, LeaseError>>>,
    /// After starts that failed.
    backoff: Backoff,
    /// After instances that started and soon ended by themselves. It holds up
    /// what nobody waits for, and for [`LONGEST_REST`] what somebody does.
    restarts: Backoff,
    /// When the log was last told that requests are turned away.
    overload_told: Option<Instant>,
    /// When the log was last told that nothing may be started.
    refusal_told: Option<Instant>,
}

/// Between two records of one function's overload, or of its being refused.
const TELL_PAUSE: Duration = Duration::from_secs(10);
/// A start that takes longer has failed, and its waiters have been told.
const LONGEST_START: Duration = Duration::from_secs(30);
/// An instance that ends by itself within this time may do so again at once.
const SHORT_LIFE: Duration = Duration::from_secs(10);

/// A function whose instances end again and again starts the next one so much
/// later, while its callers wait: to take up memory, and to free it, keeps the
/// kernel busy at everybody's cost.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Leases that were granted under the lock and are sent after it.
type Granted = Vec<(oneshot::Sender<Result<Lease, LeaseError>>, Result<Lease, LeaseError>)>;

impl Pool {
    /// A pool without instances.
    pub fn new(name: FunctionName, fleet: Arc<Fleet>) -> Arc<Self> {
        let state = State {
            serves: Serves::Broken,
            standing: Arc::default(),
            slots: Vec::new(),
            booting: 0,
            waiting: VecDeque::new(),
            backoff: Backoff::default(),
            restarts: Backoff::default(),
            overload_told: None,
            refusal_told: None,
        };
        let uses_much = AtomicBool::new(false);
        let activity = Activity::default();
        Arc::new(Self { name, activity, fleet, state: Mutex::new(state), uses_much })
    }

    /// Whether its last process used much of a processor.
    pub fn uses_much(&self) -> bool {
        self.uses_much.load(Ordering::Relaxed)
    }

    /// What its next process has, by that.
    pub fn priority(&self) -> Priority {
        if self.uses_much() { Priority::Low } else { Priority::Normal }
    }

    /// Whether a process of it uses much of a processor.
    pub fn use_much(&self, much: bool) {
        self.uses_much.store(much, Ordering::Relaxed);
    }

    /// Whether other functions are called at present.
    pub fn others_are_called(self: &Arc<Self>) -> bool {
        self.fleet.serves_others(self)
    }

    /// The right to send one request to an instance. Starts one where that is
    /// needed and allowed. Where instances serve and are busy, it waits for one
    /// at most `patience`; a start takes the time that it takes.
    pub async fn lease(self: &Arc<Self>, patience: Duration) -> Result<Lease, LeaseError> {
        let (patience, answer) = {
            let mut state = self.lock();
            state.forget_gone();
            // Whoever came first is first, unless nobody waits.
            if state.waiting.is_empty()
                && let Some(lease) = self.grant(&mut state)?
            {
                return Ok(lease);
            }
            if state.waiting.len() >= MAX_WAITING {
                return Err(self.overloaded(state));
            }
            let (sender, answer) = oneshot::channel();
            state.waiting.push_back(sender);
            self.start_for_waiting(&mut state);
            let serving = state.slots.iter().any(|slot| slot.life.is_serving());
            (if serving { patience } else { patience + LONGEST_START }, answer)
        };
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(result)) => result,
            // Every sender answers before it is dropped, unless the pool goes.
            Ok(Err(_)) => Err(LeaseError::ShuttingDown),
            Err(_) => Err(self.overloaded(self.lock())),
        }
    }

    /// The refusal of a request that found no place, told to the log now and
    /// then: callers may come by the thousand.
    fn overloaded(&self, mut state: MutexGuard<'_, State>) -> LeaseError {
        let now = Instant::now();
        let told = state.overload_told.is_some_and(|at| now.duration_since(at) < TELL_PAUSE);
        if !told && let Serves::Deployment(deployment) = state.serves.clone() {
            state.overload_told = Some(now);
            let waiting = state.waiting.len();
            // The log may be slow.
            drop(state);
            self.fleet.journal.overloaded(&deployment, &Limit::requests(&deployment), waiting);
        }
        LeaseError::Overloaded
    }

    /// The refusal of a request for which nothing may be started, told to the
    /// author's log now and then.
    fn refused(&self, state: &mut State, deployment: &Deployment, error: StartError) -> LeaseError {
        let now = Instant::now();
        if state.refusal_told.is_none_or(|at| now.duration_since(at) >= TELL_PAUSE) {
            state.refusal_told = Some(now);
            self.fleet.journal.start_failed(deployment, None, &error);
        }
        LeaseError::Start(error)
    }

    /// Takes a lease that can be had at once: on a serving instance, on one
    /// that is starting and holds requests until its code has run, or on a
    /// spare that becomes an instance now.
    fn grant(self: &Arc<Self>, state: &mut State) -> Result<Option<Lease>, LeaseError> {
        let deployment = match &state.serves {
            Serves::Deployment(deployment) => Arc::clone(deployment),
            Serves::Broken => return Err(LeaseError::Broken),
            Serves::Removed => return Err(LeaseError::NotFound),
            Serves::ShuttingDown => return Err(LeaseError::ShuttingDown),
        };
        if let Some(index) = state.free_slot(&deployment) {
            return Ok(Some(self.lease_on(state, index)));
        }
        if !state.has_room(&deployment) {
            return Ok(None);
        }
        if let Some(wait) = state.backoff.wait(Instant::now()) {
            return Err(LeaseError::CrashLooping(wait));
        }
        if let Err(error) = self.fleet.may_start(&deployment) {
            return Err(self.refused(state, &deployment, error));
        }
        if state.rest().is_some() {
            return Ok(None);
        }
        let Some(spare) = self.fleet.take_spare(&deployment.profile) else { return Ok(None) };
        let index = self.adopt(state, spare, deployment, Start::now(Origin::Spare));
        Ok(Some(self.lease_on(state, index)))
    }

    fn lease_on(self: &Arc<Self>, state: &mut State, index: usize) -> Lease {
        let mut slot = state.slots.remove(index);
        let was = slot.life;
        slot.on(Event::Lease);
        let origin = if was.is_serving() { Origin::Warm } else { slot.origin };
        let lease = Lease::new(Arc::clone(self), Arc::clone(&slot.instance), origin);
        state.slots.push(slot);
        lease
    }

    /// Gives those who wait what can be had, and lets the lock go before
    /// anybody is told: a lease whose taker has gone is dropped, and dropping
    /// it needs the lock.
    fn serve_waiting(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut granted: Granted = Vec::new();
        state.forget_gone();
        while !state.waiting.is_empty() {
            let lease = match self.grant(&mut state) {
                Ok(Some(lease)) => Ok(lease),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            if let Some(waiter) = state.waiting.pop_front() {
                granted.push((waiter, lease));
            }
        }
        self.start_for_waiting(&mut state);
        self.keep_minimum(&mut state);
        drop(state);
        for (waiter, lease) in granted {
            let _ = waiter.send(lease);
        }
    }

    /// An instance's code has run. Its process says so, and its first answer
    /// does: the earlier counts.
    pub fn started(self: &Arc<Self>, id: InstanceId) {
        let mut state = self.lock();
        let starting = |slot: &&mut Slot| slot.instance.id == id && slot.instance.is_starting();
        let Some(slot) = state.slots.iter_mut().find(starting) else { return };
        slot.on(Event::Started);
        self.fleet.meter.started(slot.origin, slot.begun.elapsed());
        slot.instance.progress.send_replace(Progress::Started);
        let deployment = Arc::clone(&slot.instance.deployment);
        state.backoff.succeeded();
        match state.serves.clone() {
            // It is the newest: now the older ones may go.
            Serves::Deployment(newest) if Arc::ptr_eq(&newest, &deployment) => {
                self.retire_where(&mut state, StopReason::Superseded, |slot| !slot.runs(&newest));
            }
            // It was overtaken while it started; whatever is newest decides.
            Serves::Deployment(_) => {}
            _ => self.retire_where(&mut state, StopReason::Removed, |slot| slot.instance.id == id),
        }
        self.serve_waiting(state);
    }

    /// An instance's code did not run. Its keeper ends the process.
    pub fn failed(self: &Arc<Self>, id: InstanceId, error: &StartError) {
        let mut state = self.lock();
        let Some(slot) = state.slots.iter_mut().find(|slot| slot.instance.id == id) else { return };
        slot.on(Event::Retire(StopReason::StartFailed));
        slot.instance.progress.send_replace(Progress::Failed(error.clone()));
        let deployment = Arc::clone(&slot.instance.deployment);
        self.start_failed(&mut state, &deployment, Some(id), error);
        self.serve_waiting(state);
    }

    /// An instance's process is gone.
    pub fn exited(self: &Arc<Self>, id: InstanceId) {
        let mut state = self.lock();
        let Some(slot) = state.slots.iter_mut().find(|slot| slot.instance.id == id) else { return };
        let reason = match slot.life {
            Life::Draining { reason, .. } => Some(reason),
            _ => None,
        };
        self.fleet.meter.stopped(reason);
        if reason.is_none() {
            self.activity.crashed(&self.fleet.meter);
        }
        slot.on(Event::Exited);
        let short = slot.since.elapsed() < SHORT_LIFE;
        slot.instance.progress.send_if_modified(|progress| match progress {
            Progress::Failed(_) => false,
            _ => {
                *progress = Progress::Ended;
                true
            }
        });
        match (reason, short) {
            (None, true) => state.restarts.failed(Instant::now()),
            _ => state.restarts.succeeded(),
        }
        state.slots.retain(|slot| slot.life != Life::Ended { leases: 0 });
        if state.slots.is_empty() {
            self.fleet.deactivate(self);
        }
        self.serve_waiting(state);
    }

    /// A response's body has ended, or its request has failed.
    pub(super) fn release(self: &Arc<Self>, id: InstanceId) {
        let mut state = self.lock();
        let Some(index) = state.slots.iter().position(|slot| slot.instance.id == id) else {
            return;
        };
        let slot = &mut state.slots[index];
        slot.on(Event::Release);
        let oneshot = slot.instance.deployment.release.manifest.mode == Mode::Oneshot;
        match slot.life {
            // Whether or not its start has been heard of yet.
            Life::Idle { .. } | Life::Starting { .. } if oneshot => {
                slot.retire(StopReason::Oneshot);
            }
            Life::Draining { leases: 0, reason } => slot.instance.order(Order::Stop(reason)),
            Life::Idle { .. } if self.idle_time(&slot.instance.deployment).is_zero() => {
                slot.instance.order(Order::LookIdle);
            }
            Life::Ended { leases: 0 } => {
                state.slots.remove(index);
            }
            _ => {}
        }
        if state.waiting.is_empty() {
            return;
        }
        self.serve_waiting(state);
    }

    /// Ends an instance once its requests are done. Says whether there is one.
    pub fn retire(self: &Arc<Self>, id: InstanceId, reason: StopReason) -> bool {
        let mut state = self.lock();
        let found = state.slots.iter().any(|slot| slot.is(id));
        self.retire_where(&mut state, reason, |slot| slot.is(id));
        self.serve_waiting(state);
        found
    }

    /// A request begins, which counts whatever becomes of it.
    pub fn watch(&self) -> Watch<'_> {
        self.activity.watch(&self.fleet.meter)
    }

    /// How the function fares.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What can be told of the function and its processes.
    pub fn status(&self) -> FunctionStatus {
        let state = self.lock();
        let deployment = match &state.serves {
            Serves::Deployment(deployment) => Some(Arc::clone(deployment)),
            Serves::Broken | Serves::Removed | Serves::ShuttingDown => None,
        };
        FunctionStatus {
            name: self.name.clone(),
            standing: Arc::clone(&state.standing),
            deployment,
            instances: state.slots.iter().filter_map(Slot::status).collect(),
            booting: state.booting,
            waiting: state.waiting.len(),
            counts: self.activity.counts(),
            own_series: self.activity.has_series(),
        }
    }

    fn retire_where(&self, state: &mut State, reason: StopReason, which: impl Fn(&Slot) -> bool) {
        for slot in state.slots.iter_mut().filter(|slot| which(slot)) {
            slot.retire(reason);
        }
        if state.slots.is_empty() {
            self.fleet.deactivate(self);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is whole before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
