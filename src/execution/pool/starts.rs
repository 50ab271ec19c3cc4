//! Which processes are started for a function, and what becomes of a start.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::slots::{Slot, Start};
use super::{Pool, Serves, State};
use crate::execution::instance::{Deployment, Instance, InstanceId, Progress, Spare, StartError};
use crate::execution::keeper::Order;
use crate::execution::lease::{LeaseError, Origin};
use crate::execution::life::Life;

impl Pool {
    /// Makes a spare an instance of this function.
    pub(super) fn adopt(
        self: &Arc<Self>,
        state: &mut State,
        spare: Spare,
        deployment: Arc<Deployment>,
        start: Start,
    ) -> usize {
        let Start { origin, begun } = start;
        let Spare { id, link, orders, born } = spare;
        let (progress, _) = watch::channel(Progress::Starting);
        let instance = Arc::new(Instance { id, link, deployment, orders, progress, born });
        instance.order(Order::Assign { instance: Arc::clone(&instance), pool: Arc::clone(self) });
        self.fleet.activate(self);
        let life = Life::Starting { leases: 0 };
        // It was never used, so what was used is used again before it.
        state.slots.insert(0, Slot { instance, life, origin, begun, since: Instant::now() });
        0
    }

    /// Starts processes for those who wait, as far as the limits allow and
    /// starts under way do not already suffice.
    pub(super) fn start_for_waiting(self: &Arc<Self>, state: &mut State) {
        let Serves::Deployment(deployment) = state.serves.clone() else { return };
        let concurrency = deployment.concurrency();
        while state.booting * concurrency < state.waiting.len() && state.has_room(&deployment) {
            self.boot(state, Arc::clone(&deployment));
        }
    }

    /// Starts a process in a task of its own: a caller that hangs up cancels
    /// nothing that others wait for.
    fn boot(self: &Arc<Self>, state: &mut State, deployment: Arc<Deployment>) {
        state.booting += 1;
        let pool = Arc::clone(self);
        let rest = state.rest();
        self.fleet.spawn(async move {
            if let Some(rest) = rest {
                tokio::time::sleep(rest).await;
                // It was left where it was meanwhile.
                if let Some(spare) = pool.fleet.take_spare(&deployment.profile) {
                    return pool.booted(Ok(spare), &deployment, Start::now(Origin::Spare));
                }
            }
            let start = Start::now(Origin::Cold);
            let booted = pool.fleet.boot(&deployment.profile, pool.priority()).await;
            pool.booted(booted, &deployment, start);
        });
    }

    pub(super) fn booted(
        self: &Arc<Self>,
        booted: Result<Spare, StartError>,
        deployment: &Deployment,
        start: Start,
    ) {
        let mut state = self.lock();
        state.booting -= 1;
        match (booted, &state.serves) {
            // A newer revision may have been published meanwhile. The process
            // is not committed to any yet, so it takes the newest, if it fits
            // that and there may be one more of it.
            (Ok(spare), Serves::Deployment(newest))
                if newest.profile == deployment.profile && state.has_room_beside_older(newest) =>
            {
                let newest = Arc::clone(newest);
                self.adopt(&mut state, spare, newest, start);
            }
            // Dropping it ends its keeper.
            (Ok(spare), _) => drop(spare),
            (Err(error), _) => self.start_failed(&mut state, deployment, None, &error),
        }
        self.serve_waiting(state);
    }

    /// Takes note of a start that failed. Every waiter learns of it, unless
    /// another instance may still serve them.
    pub(super) fn start_failed(
        &self,
        state: &mut State,
        deployment: &Deployment,
        instance: Option<InstanceId>,
        error: &StartError,
    ) {
        self.fleet.journal.start_failed(deployment, instance, error);
        // Without room nothing is wrong with the function itself.
        if !matches!(error, StartError::NoRoom) {
            state.backoff.failed(Instant::now());
        }
        if state.booting == 0 && state.slots.iter().all(|slot| !slot.may_serve()) {
            for waiter in state.waiting.drain(..) {
                let _ = waiter.send(Err(LeaseError::Start(error.clone())));
            }
        }
    }

    /// Starts what `minInstances` asks for.
    pub(super) fn keep_minimum(self: &Arc<Self>, state: &mut State) {
        let Serves::Deployment(deployment) = state.serves.clone() else { return };
        let wanted = deployment.release.manifest.min_instances as usize;
        if wanted == 0 || state.count() >= wanted || self.fleet.may_start(&deployment).is_err() {
            return;
        }
        let now = Instant::now();
        if let Some(wait) = state.backoff.wait(now).max(state.restarts.wait(now)) {
            let pool = Arc::clone(self);
            self.fleet.spawn(async move {
                tokio::time::sleep(wait).await;
                pool.serve_waiting(pool.lock());
            });
            return;
        }
        while state.count() < wanted {
            self.start_one(state, &deployment);
        }
    }

    pub(super) fn start_one(self: &Arc<Self>, state: &mut State, deployment: &Arc<Deployment>) {
        match self.fleet.take_spare(&deployment.profile) {
            Some(spare) => {
                self.adopt(state, spare, Arc::clone(deployment), Start::now(Origin::Spare));
            }
            None => self.boot(state, Arc::clone(deployment)),
        }
    }
}
