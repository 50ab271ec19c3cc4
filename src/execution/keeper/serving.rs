//! The phase in which a process runs one function.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

use super::turn::Turn;
use super::{Keeper, Order};
use crate::execution::code_cache::CodeCaches;
use crate::execution::control::{CacheUse, FromShim, ToShim};
use crate::execution::instance::{Instance, StartError};
use crate::execution::journal::Journal;
use crate::execution::journal::events::{CacheState, Subject, Thrown};
use crate::execution::launch::{Launched, exited};
use crate::execution::life::StopReason;
use crate::execution::limit::Limit;
use crate::execution::pool::{IdleVerdict, Pool};
use crate::execution::scratch;
use crate::execution::secrets::Secrets;
use crate::execution::stack::Stacks;
use crate::function::Manifest;
use crate::function::published::{BUNDLE, LARGE_CODE};

/// From the code's hand-over to its handler. A module may do real work at its
/// top level, such as fetching its configuration.
pub const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an aborted request's handler may take to settle.
const ABORT_GRACE: Duration = Duration::from_secs(2);
/// How long a draining instance may go on with open streams.
const DRAIN_LIMIT: Duration = Duration::from_mins(15);
/// Error records of one process that are kept per second; a function may throw
/// for every request.
const ERRORS_PER_SECOND: usize = 20;

/// Why a serving phase is over.
#[derive(Debug)]
pub(super) enum Ending {
    /// The process is gone already.
    Exited,
    /// Let it finish what `waitUntil` holds.
    Finish(StopReason),
    /// It does not react, so it is killed at once.
    Kill(StopReason),
}

/// The phase in which a process runs one function.
pub(super) struct Serving<'k> {
    launched: &'k mut Launched,
    orders: &'k mut mpsc::UnboundedReceiver<Order>,
    instance: &'k Arc<Instance>,
    pool: &'k Arc<Pool>,
    journal: &'k Arc<Journal>,
    subject: Subject,
    secrets: &'k Secrets,
    code_caches: &'k CodeCaches,
    /// What V8 had of its own for the code.
    code_cache: CacheState,
    stacks: Stacks,
    /// When the start has failed; gone once it has succeeded.
    start_by: Option<Instant>,
    /// When to look whether it is idle.
    look_at: Option<Instant>,
    /// When to look how much it has written, where nothing else bounds that.
    scratch_at: Option<Instant>,
    turn: Turn,
    /// When draining has lasted too long.
    drain_by: Option<Instant>,
    /// Aborted requests whose handlers have not settled, oldest first.
    checks: VecDeque<Check>,
    errors: (Instant, usize),
}

#[derive(Debug)]
struct Check {
    request: String,
    by: Instant,
    alive: bool,
}

impl<'k> Serving<'k> {
    pub(super) fn new(
        keeper: &'k mut Keeper,
        instance: &'k Arc<Instance>,
        pool: &'k Arc<Pool>,
    ) -> Self {
        let now = Instant::now();
        let turn = Turn::new(&keeper.launched, pool);
        let scratch_at = keeper.launched.writes_unbounded.then(|| now + scratch::LOOK);
        Self {
            launched: &mut keeper.launched,
            orders: &mut keeper.orders,
            instance,
            pool,
            journal: &keeper.fleet.journal,
            subject: Subject::of(instance),
            secrets: &keeper.fleet.secrets,
            code_caches: &keeper.fleet.code_caches,
            code_cache: CacheState::None,
            stacks: Stacks::new(&instance.deployment.folder),
            start_by: Some(now + START_TIMEOUT),
            look_at: None,
            scratch_at,
            turn,
            drain_by: None,
            checks: VecDeque::new(),
            errors: (now, 0),
        }
    }

    pub(super) async fn run(mut self) -> Ending {
        let ending = self.serve().await;
        if self.start_by.is_some() {
            // Whatever it was, the next start is to owe nothing to this one.
            self.instance.deployment.code_cache.forget();
        }
        ending
    }

    async fn serve(&mut self) -> Ending {
        if let Err(error) = self.assign().await {
            self.pool.failed(self.instance.id, &error);
            return Ending::Kill(StopReason::StartFailed);
        }
        loop {
            let check_by = self.checks.front().map(|check| check.by);
            let ending = tokio::select! {
                // What the process said before it ended is heard first.
                biased;
                message = self.launched.receiver.receive() => match message {
                    Ok(Some(message)) => self.heard(message),
                    Err(error) if error.kind() == ErrorKind::InvalidData => {
                        Some(self.misspoke(error))
                    }
                    // It has ended, or is about to: nothing works without the channel.
                    Ok(None) | Err(_) => Some(self.exited().await),
                },
                order = self.orders.recv() => self.ordered(order).await,
                _ = self.launched.process.wait() => Some(self.exited().await),
                () = at(self.start_by) => {
                    let error = StartError::TimedOut(START_TIMEOUT.as_secs());
                    self.pool.failed(self.instance.id, &error);
                    Some(Ending::Kill(StopReason::StartFailed))
                }
                () = at(self.look_at) => self.look_idle(),
                () = at(check_by) => self.check_overdue(),
                () = at(self.scratch_at) => self.look_at_scratch(),
                () = sleep_until(self.turn.look_at().into()) => {
                    self.turn.look(self.launched, self.pool);
                    None
                }
                () = at(self.drain_by) => {
                    Some(Ending::Kill(StopReason::Superseded))
                }
            };
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// Hands the function over.
    async fn assign(&mut self) -> Result<(), StartError> {
        let deployment = &self.instance.deployment;
        let manifest = &deployment.release.manifest;
        self.launched.output.belongs_to(self.subject.clone(), Arc::clone(self.journal));
        let code = std::fs::read(deployment.folder.join(BUNDLE)).map_err(StartError::launch)?;
        let secrets = self.secrets.reveal(&manifest.secrets)?;
        let secrets = secrets.iter().map(|(name, value)| (*name, value.expose()));
        let env = manifest.env.iter().map(|(name, value)| (&**name, &**value));
        let cache = deployment.code_cache.get();
        let make_cache = cache.is_none() && code.len() >= LARGE_CODE;
        if make_cache {
            self.launched.receiver.take_cache();
        }
        let cache = cache.as_deref().unwrap_or_default();
        let assign = ToShim::Assign {
            function: deployment.name.as_str(),
            revision: deployment.revision().as_str(),
            format: deployment.release.format,
            env: env.chain(secrets).collect(),
            code: code.len(),
            cache: cache.len(),
            make_cache,
        };
        let sent = self.launched.sender.send_with(&assign, &code, cache).await;
        sent.map_err(StartError::launch)
    }

    fn heard(&mut self, message: FromShim) -> Option<Ending> {
        match message {
            FromShim::Compiled { bytes, .. } => {
                if !bytes.is_empty() {
                    self.code_cache = CacheState::Made;
                }
                self.code_caches.keep(&self.instance.deployment.code_cache, bytes);
            }
            FromShim::Started { cache } => {
                match cache {
                    Some(CacheUse::Used) => self.code_cache = CacheState::Used,
                    Some(CacheUse::Rejected) => {
                        self.code_cache = CacheState::Rejected;
                        self.instance.deployment.code_cache.forget();
                    }
                    None => {}
                }
                self.start_by = None;
                self.look_at = Some(Instant::now());
                self.pool.started(self.instance.id);
                self.journal.started(&self.subject, self.code_cache);
            }
            FromShim::Failed { message, stack } => {
                let stack = stack.map(|stack| self.stacks.map(&stack).into_owned());
                let error = StartError::Code { message, stack: stack.unwrap_or_default() };
                self.pool.failed(self.instance.id, &error);
                return Some(Ending::Kill(StopReason::StartFailed));
            }
            FromShim::Error { request, message, stack } => {
                if self.report(request.as_deref(), &message, stack.as_deref())
                    && let Some(limit) = Limit::behind(&message, self.manifest())
                {
                    self.reached(request.as_deref(), &limit);
                }
            }
            FromShim::Alive => self.checks.iter_mut().for_each(|check| check.alive = true),
            FromShim::Settled { request } => self.checks.retain(|check| check.request != request),
            FromShim::Ready | FromShim::Stopped => {}
        }
        None
    }

    async fn ordered(&mut self, order: Option<Order>) -> Option<Ending> {
        match order {
            Some(Order::Check { request }) => {
                if self.may_record() {
                    let limit = Limit::time(self.manifest());
                    self.journal.timed_out(&self.subject, &request, &limit);
                }
                // A channel that is full or broken shows as a check that is overdue.
                let check = ToShim::Check { request: &request };
                let _ = timeout(ABORT_GRACE, self.launched.sender.send(&check)).await;
                let by = Instant::now() + ABORT_GRACE;
                self.checks.push_back(Check { request, by, alive: false });
                None
            }
            Some(Order::Reached { request, limit }) => {
                if self.may_record() {
                    self.reached(Some(&request), &limit);
                }
                None
            }
            Some(Order::LookIdle) => self.look_idle(),
            Some(Order::Drain) => {
                self.drain_by.get_or_insert_with(|| Instant::now() + DRAIN_LIMIT);
                None
            }
            Some(Order::Stop(reason)) => Some(match reason {
                StopReason::Stuck | StopReason::StartFailed | StopReason::WroteTooMuch => {
                    Ending::Kill(reason)
                }
                _ => Ending::Finish(reason),
            }),
            Some(Order::Assign { .. }) | None => Some(Ending::Finish(StopReason::Shutdown)),
        }
    }

    fn look_idle(&mut self) -> Option<Ending> {
        if self.start_by.is_some() {
            return None;
        }
        match self.pool.look_idle(self.instance.id, Instant::now()) {
            // The pool has ordered the stop; it comes through the same channel.
            IdleVerdict::Retired => self.look_at = None,
            IdleVerdict::LookAt(when) => self.look_at = Some(when),
        }
        None
    }

    /// A handler has not settled in its grace period. Where not even the event
    /// loop turns, nothing in this process can go on, so it is killed. Where it
    /// does, others may be well: they are let finish.
    fn check_overdue(&mut self) -> Option<Ending> {
        let check = self.checks.pop_front()?;
        self.journal.stuck(&self.subject, &check.request, !check.alive);
        self.pool.retire(self.instance.id, StopReason::Stuck);
        (!check.alive).then_some(Ending::Kill(StopReason::Stuck))
    }

    /// What came over the channel is nothing that the shim says.
    fn misspoke(&mut self, error: io::Error) -> Ending {
        if self.start_by.is_none() {
            return Ending::Kill(StopReason::Stuck);
        }
        self.pool.failed(self.instance.id, &StartError::launch(error));
        Ending::Kill(StopReason::StartFailed)
    }

    /// The process ended, or closed its channel, by itself.
    async fn exited(&mut self) -> Ending {
        // What it said last may still be in the channel.
        while let Ok(Ok(Some(message))) =
            timeout(Duration::from_millis(100), self.launched.receiver.receive()).await
        {
            self.heard(message);
        }
        let status = timeout(Duration::from_secs(1), self.launched.process.wait()).await;
        let Ok(Ok(status)) = status else { return Ending::Kill(StopReason::Stuck) };
        let words = self.launched.output.last_words().await;
        let limit = Limit::of_group(self.launched.process.reached(), self.manifest());
        let limit = limit.or_else(|| Limit::behind(&words, self.manifest()));
        let starting = self.start_by.is_some();
        if limit.is_some() || !starting {
            let status = status.to_string();
            // Else it has said them, and they say nothing of where.
            let stack = if words.contains("    at ") { &*words } else { "" };
            self.journal.crashed(&self.subject, &status, limit.as_ref(), stack);
        }
        if starting {
            let error = exited(status, &mut self.launched.output).await;
            self.pool.failed(self.instance.id, &error);
        }
        Ending::Exited
    }

    /// Ends a process that has written more than it may, with what it wrote.
    fn look_at_scratch(&mut self) -> Option<Ending> {
        self.scratch_at = Some(Instant::now() + scratch::LOOK);
        if !scratch::is_full(self.launched.folder.path()) {
            return None;
        }
        self.reached(None, &Limit::scratch());
        self.pool.retire(self.instance.id, StopReason::WroteTooMuch);
        Some(Ending::Kill(StopReason::WroteTooMuch))
    }

    fn manifest(&self) -> &'k Manifest {
        &self.instance.deployment.release.manifest
    }

    /// One record that says which limit, and how much that is.
    fn reached(&self, request: Option<&str>, limit: &Limit) {
        self.journal.reached(&self.subject, request, limit);
    }

    /// Whether this second has room for one more record.
    fn may_record(&mut self) -> bool {
        let (second, count) = &mut self.errors;
        if second.elapsed() >= Duration::from_secs(1) {
            (*second, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count <= ERRORS_PER_SECOND
    }

    /// What a function threw, as a record for its author; whether there was
    /// room for it.
    fn report(&mut self, request: Option<&str>, message: &str, stack: Option<&str>) -> bool {
        if !self.may_record() {
            return false;
        }
        let stack = stack.map(|stack| self.stacks.map(stack)).unwrap_or_default();
        self.journal.threw(&self.subject, Thrown { request, message, stack: &stack });
        true
    }
}

/// Waits until then; for ever where there is no such time.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}
