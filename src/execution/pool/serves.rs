//! Which revision requests get, and how one takes over from another.

use std::sync::{Arc, MutexGuard};

use super::slots::Slot;
use super::{Pool, State};
use crate::execution::instance::Deployment;
use crate::execution::life::StopReason;
use crate::execution::status::Standing;
use crate::function::manifest::Mode;

/// What requests get.
#[derive(Debug, Clone)]
pub enum Serves {
    /// A revision.
    Deployment(Arc<Deployment>),
    /// Nothing: no source ever built.
    Broken,
    /// Nothing any more.
    Removed,
    /// Nothing any more: the server is ending. Being a value in the same place
    /// as the deployment, no start can slip in after it.
    ShuttingDown,
}

impl Pool {
    /// What requests get at present.
    pub fn serves(&self) -> Serves {
        self.lock().serves.clone()
    }

    /// A new revision takes over. What serves goes on serving until an
    /// instance of the new one has started.
    pub fn publish(self: &Arc<Self>, deployment: &Arc<Deployment>, standing: Standing) {
        let mut state = self.lock();
        state.standing = Arc::new(standing);
        self.take_over(state, deployment);
    }

    /// A secret was set or removed. The same revision takes over from itself,
    /// if it has a use for that secret.
    pub fn secret_changed(self: &Arc<Self>, secret: &str) {
        let state = self.lock();
        if let Serves::Deployment(current) = &state.serves
            && current.uses_secret(secret)
        {
            let renewed = Arc::new(Deployment::clone(current));
            self.take_over(state, &renewed);
        }
    }

    fn take_over(self: &Arc<Self>, mut state: MutexGuard<'_, State>, deployment: &Arc<Deployment>) {
        if matches!(state.serves, Serves::ShuttingDown) {
            return;
        }
        if let Serves::Deployment(old) = &state.serves {
            self.fleet.disuse_profile(&old.profile);
        }
        self.fleet.use_profile(&deployment.profile);
        state.serves = Serves::Deployment(Arc::clone(deployment));
        state.backoff.succeeded();
        state.restarts.succeeded();
        let manifest = &deployment.release.manifest;
        let replaces = state.slots.iter().any(Slot::may_serve);
        let wanted = replaces || manifest.warmup_on_start || manifest.min_instances > 0;
        if wanted && manifest.mode == Mode::Serve && self.fleet.may_start(deployment).is_ok() {
            self.start_one(&mut state, deployment);
        } else {
            // Nothing to take over from the old ones, if there are any.
            self.retire_where(&mut state, StopReason::Superseded, |slot| !slot.runs(deployment));
        }
        self.serve_waiting(state);
    }

    /// What is published about the function has changed, and what runs has not.
    pub fn note(&self, standing: Standing) {
        self.lock().standing = Arc::new(standing);
    }

    /// The function serves nothing any more. Running requests are finished.
    pub fn end(self: &Arc<Self>, serves: Serves, reason: StopReason) {
        let mut state = self.lock();
        if let Serves::Deployment(old) = &state.serves {
            self.fleet.disuse_profile(&old.profile);
        }
        state.serves = serves;
        self.retire_where(&mut state, reason, |_| true);
        self.serve_waiting(state);
    }
}
