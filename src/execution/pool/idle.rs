//! Which instances have been unused for too long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Pool;
use crate::execution::instance::{Deployment, InstanceId};
use crate::execution::life::{Life, StopReason};

/// An instance in use is not looked at more often than this. One that is to be
/// killed at once is looked at when it is released.
const SHORTEST_LOOK: Duration = Duration::from_millis(20);

/// What an instance's keeper is to do when its idle time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleVerdict {
    /// It was idle too long and has been retired.
    Retired,
    /// Look again then.
    LookAt(Instant),
}

impl Pool {
    /// Whether an instance has been idle for its idle time, decided under the
    /// lock that hands out leases.
    pub fn look_idle(self: &Arc<Self>, id: InstanceId, now: Instant) -> IdleVerdict {
        let mut state = self.lock();
        let spare = state.count() > state.minimum();
        let Some(slot) = state.slots.iter_mut().find(|slot| slot.instance.id == id) else {
            return IdleVerdict::Retired;
        };
        let idle = self.idle_time(&slot.instance.deployment);
        match slot.life {
            Life::Idle { since } if since + idle <= now && spare => {
                slot.retire(StopReason::Idle);
                IdleVerdict::Retired
            }
            Life::Idle { since } if since + idle > now => IdleVerdict::LookAt(since + idle),
            // In use, so it cannot have been idle for long before then.
            _ => IdleVerdict::LookAt(now + idle.max(SHORTEST_LOOK)),
        }
    }

    /// Since when its longest-idle instance that is not kept is idle.
    pub fn oldest_idle(&self) -> Option<(InstanceId, Instant)> {
        let state = self.lock();
        if state.count() <= state.minimum() {
            return None;
        }
        let idle = state.slots.iter().filter_map(|slot| match slot.life {
            Life::Idle { since } => Some((slot.instance.id, since)),
            _ => None,
        });
        idle.min_by_key(|(_, since)| *since)
    }

    /// Retires an instance if it is still idle, to make room.
    pub fn retire_if_idle(self: &Arc<Self>, id: InstanceId) -> bool {
        let mut state = self.lock();
        let slot = state.slots.iter_mut().find(|slot| slot.instance.id == id);
        match slot.filter(|slot| matches!(slot.life, Life::Idle { .. })) {
            Some(slot) => {
                slot.retire(StopReason::MadeRoom);
                true
            }
            None => false,
        }
    }

    pub(super) fn idle_time(&self, deployment: &Deployment) -> Duration {
        deployment.release.manifest.idle_seconds.unwrap_or(self.fleet.settings.idle)
    }
}
