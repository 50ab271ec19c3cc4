//! Which instances a pool has, and which of them may be leased.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{LONGEST_REST, Serves, State};
use crate::execution::instance::{Deployment, Instance, InstanceId};
use crate::execution::keeper::Order;
use crate::execution::lease::Origin;
use crate::execution::life::{Event, Life, StopReason};
use crate::execution::status::InstanceStatus;

/// An instance and where it is in its life.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) instance: Arc<Instance>,
    pub(super) life: Life,
    pub(super) origin: Origin,
    /// When its start began, and when it became an instance.
    pub(super) begun: Instant,
    pub(super) since: Instant,
}

/// What an instance is started from, and when that began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) origin: Origin,
    pub(super) begun: Instant,
}

impl Start {
    pub(super) fn now(origin: Origin) -> Self {
        Self { origin, begun: Instant::now() }
    }
}

impl State {
    /// The slot to lease on: serving and last used; else one that is starting
    /// the newest revision, where nothing serves yet.
    pub(super) fn free_slot(&self, deployment: &Arc<Deployment>) -> Option<usize> {
        let free =
            |slot: &Slot| (slot.life.leases() as usize) < slot.instance.deployment.concurrency();
        let serving = |slot: &Slot| slot.life.is_serving() && free(slot);
        if let Some(index) = self.slots.iter().rposition(serving) {
            return Some(index);
        }
        if self.slots.iter().any(|slot| slot.life.is_serving()) {
            return None;
        }
        self.slots.iter().rposition(|slot| {
            matches!(slot.life, Life::Starting { .. }) && slot.runs(deployment) && free(slot)
        })
    }

    /// Who hung up waits no longer: nothing is started for them, and they take
    /// nobody's place.
    pub(super) fn forget_gone(&mut self) {
        self.waiting.retain(|waiter| !waiter.is_closed());
    }

    pub(super) fn has_room(&self, deployment: &Deployment) -> bool {
        self.count() < deployment.max_instances()
    }

    /// Whether there may be one more of this revision while older ones still
    /// serve.
    pub(super) fn has_room_beside_older(&self, deployment: &Arc<Deployment>) -> bool {
        let same = |slot: &&Slot| slot.may_serve() && slot.runs(deployment);
        let count = self.slots.iter().filter(same).count();
        count < deployment.max_instances()
    }

    /// Instances that serve or will.
    pub(super) fn count(&self) -> usize {
        self.booting + self.slots.iter().filter(|slot| slot.may_serve()).count()
    }

    /// How much later is to start what somebody waits for.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.restarts.wait_at_most(LONGEST_REST, Instant::now())
    }

    pub(super) fn minimum(&self) -> usize {
        match &self.serves {
            Serves::Deployment(deployment) => deployment.release.manifest.min_instances as usize,
            _ => 0,
        }
    }
}

impl Slot {
    pub(super) fn on(&mut self, event: Event) {
        match self.life.on(event, Instant::now) {
            Ok(life) => self.life = life,
            Err(error) => tracing::error!(
                function = %self.instance.deployment.name, instance = %self.instance.id, %error,
                "an instance's life went wrong"
            ),
        }
    }

    pub(super) fn retire(&mut self, reason: StopReason) {
        self.on(Event::Retire(reason));
        match self.life {
            Life::Draining { leases: 0, reason } => self.instance.order(Order::Stop(reason)),
            Life::Draining { .. } => self.instance.order(Order::Drain),
            _ => {}
        }
    }

    /// Whether it is that instance, and its process is not gone.
    pub(super) fn is(&self, id: InstanceId) -> bool {
        self.instance.id == id && !matches!(self.life, Life::Ended { .. })
    }

    /// Whether it was started for that very deployment. A revision that takes
    /// over from itself, for a new secret, is another one.
    pub(super) fn runs(&self, deployment: &Arc<Deployment>) -> bool {
        Arc::ptr_eq(&self.instance.deployment, deployment)
    }

    /// What can be told of it while there is a process.
    pub(super) fn status(&self) -> Option<InstanceStatus> {
        let idle_since = match self.life {
            Life::Ended { .. } => return None,
            Life::Idle { since } => Timestamp::now().checked_sub(since.elapsed()).ok(),
            _ => None,
        };
        let instance = &self.instance;
        Some(InstanceStatus {
            id: instance.id,
            deployment: Some(Arc::clone(&instance.deployment)),
            state: self.life.as_str(),
            born: instance.born,
            address: instance.link.path.clone(),
            idle_since,
            in_flight: self.life.leases(),
        })
    }

    pub(super) fn may_serve(&self) -> bool {
        self.life.is_serving() || matches!(self.life, Life::Starting { .. })
    }
}
