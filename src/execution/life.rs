//! The life of an instance, as one pure function.
//!
//! ```text
//! Starting ──started──▶ Idle ◀──lease/release──▶ Busy
//!     │                  │                        │
//!     └─────────────── retire ────────────────────┘
//!                        ▼
//!                     Draining ──exit──▶ Ended
//! ```
//!
//! A pool keeps each instance's state under its lock, so whether an instance
//! is idle is decided where leases are handed out, and a lease can never be
//! given on an instance that was just found idle too long.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Instant;

/// Where an instance is in its life. Each state holds what it needs and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It has been given its code, and requests may already be on their way;
    /// it holds them until the code has run.
    Starting {
        /// Leases out.
        leases: u32,
    },
    /// It serves nothing.
    Idle {
        /// When its last lease came back, which is when the last body ended.
        since: Instant,
    },
    /// It serves requests.
    Busy {
        /// Leases out.
        leases: NonZeroU32,
    },
    /// It gets no new leases and ends when the last one is back.
    Draining {
        /// Leases out.
        leases: u32,
        /// Why it ends.
        reason: StopReason,
    },
    /// Its process is gone.
    Ended {
        /// Leases whose holders have not noticed yet.
        leases: u32,
    },
}

/// Why an instance was ended by the server. Also the label of its metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Unused for its idle time.
    Idle,
    /// A newer revision took over.
    Superseded,
    /// The function was removed.
    Removed,
    /// It had answered its one request.
    Oneshot,
    /// It did not react when a request was aborted.
    Stuck,
    /// It has written more than it may.
    WroteTooMuch,
    /// Another function needed the room.
    MadeRoom,
    /// Its code did not start.
    StartFailed,
    /// The operator asked for it.
    Retired,
    /// The server is ending.
    Shutdown,
}

impl StopReason {
    /// Each of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Idle,
        Self::Superseded,
        Self::Removed,
        Self::Oneshot,
        Self::Stuck,
        Self::WroteTooMuch,
        Self::MadeRoom,
        Self::StartFailed,
        Self::Retired,
        Self::Shutdown,
    ];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
            Self::Oneshot => "oneshot",
            Self::Stuck => "stuck",
            Self::WroteTooMuch => "wrote_too_much",
            Self::MadeRoom => "made_room",
            Self::StartFailed => "start_failed",
            Self::Retired => "retired",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What can happen to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its code has run and has a handler.
    Started,
    /// A request is to be sent to it.
    Lease,
    /// A response's body has ended.
    Release,
    /// It is to end.
    Retire(StopReason),
    /// Its process is gone.
    Exited,
}

/// An event that cannot happen in this state: a mistake in the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to an instance that is {life:?}")]
pub struct IllegalTransition {
    life: Life,
    event: Event,
}

impl Life {
    /// What becomes of it. `now` tells when the event happened, if that matters.
    pub fn on(
        self,
        event: Event,
        now: impl FnOnce() -> Instant,
    ) -> Result<Self, IllegalTransition> {
        let illegal = IllegalTransition { life: self, event };
        let busy_or_idle = |leases| match NonZeroU32::new(leases) {
            Some(leases) => Self::Busy { leases },
            None => Self::Idle { since: now() },
        };
        Ok(match (self, event) {
            (Self::Ended { leases }, Event::Release) => {
                Self::Ended { leases: leases.checked_sub(1).ok_or(illegal)? }
            }
            (Self::Ended { .. }, Event::Retire(_)) => self,
            (Self::Ended { .. }, _) => return Err(illegal),
            (_, Event::Exited) => Self::Ended { leases: self.leases() },

            (Self::Starting { leases }, Event::Started) => busy_or_idle(leases),
            // The word that it started may cross the order to end.
            (Self::Draining { .. }, Event::Started) => self,
            (_, Event::Started) => return Err(illegal),

            (Self::Starting { leases }, Event::Lease) => Self::Starting { leases: leases + 1 },
            (Self::Idle { .. } | Self::Busy { .. }, Event::Lease) => {
                busy_or_idle(self.leases() + 1)
            }
            (Self::Draining { .. }, Event::Lease) => return Err(illegal),

            (Self::Starting { leases }, Event::Release) => {
                Self::Starting { leases: leases.checked_sub(1).ok_or(illegal)? }
            }
            (Self::Busy { leases }, Event::Release) => busy_or_idle(leases.get() - 1),
            (Self::Draining { leases, reason }, Event::Release) => {
                Self::Draining { leases: leases.checked_sub(1).ok_or(illegal)?, reason }
            }
            (Self::Idle { .. }, Event::Release) => return Err(illegal),

            // The first reason stays: it is why the instance ends.
            (Self::Draining { .. }, Event::Retire(_)) => self,
            (_, Event::Retire(reason)) => Self::Draining { leases: self.leases(), reason },
        })
    }

    /// Leases out.
    pub fn leases(self) -> u32 {
        match self {
            Self::Idle { .. } => 0,
            Self::Busy { leases } => leases.get(),
            Self::Starting { leases } | Self::Draining { leases, .. } | Self::Ended { leases } => {
                leases
            }
        }
    }

    /// Whether its code has run and it may get leases.
    pub fn is_serving(self) -> bool {
        matches!(self, Self::Idle { .. } | Self::Busy { .. })
    }

    /// The word in logs, listings and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting { .. } => "starting",
            Self::Idle { .. } => "idle",
            Self::Busy { .. } => "busy",
            Self::Draining { .. } => "draining",
            Self::Ended { .. } => "ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn busy(leases: u32) -> Life {
        Life::Busy { leases: NonZeroU32::new(leases).unwrap() }
    }

    #[test]
    fn every_transition_is_as_in_this_table() {
        let (then, now) = (Instant::now(), Instant::now() + std::time::Duration::from_secs(1));
        let starting = |leases| Life::Starting { leases };
        let idle = |since| Life::Idle { since };
        let draining = |leases| Life::Draining { leases, reason: StopReason::Idle };
        let ended = |leases| Life::Ended { leases };
        let retire = Event::Retire(StopReason::Idle);
        let later = Event::Retire(StopReason::Removed);
        for (from, event, to) in [
            (starting(0), Event::Started, Some(idle(now))),
            (starting(2), Event::Started, Some(busy(2))),
            (starting(0), Event::Lease, Some(starting(1))),
            (starting(1), Event::Release, Some(starting(0))),
            (starting(0), Event::Release, None),
            (starting(2), retire, Some(draining(2))),
            (starting(1), Event::Exited, Some(ended(1))),
            (idle(then), Event::Started, None),
            (idle(then), Event::Lease, Some(busy(1))),
            (idle(then), Event::Release, None),
            (idle(then), retire, Some(draining(0))),
            (idle(then), Event::Exited, Some(ended(0))),
            (busy(1), Event::Started, None),
            (busy(1), Event::Lease, Some(busy(2))),
            (busy(2), Event::Release, Some(busy(1))),
            (busy(1), Event::Release, Some(idle(now))),
            (busy(3), retire, Some(draining(3))),
            (busy(3), Event::Exited, Some(ended(3))),
            (draining(1), Event::Started, Some(draining(1))),
            (draining(1), Event::Lease, None),
            (draining(1), Event::Release, Some(draining(0))),
            (draining(0), Event::Release, None),
            (draining(1), later, Some(draining(1))),
            (draining(1), Event::Exited, Some(ended(1))),
            (ended(0), Event::Started, None),
            (ended(0), Event::Lease, None),
            (ended(1), Event::Release, Some(ended(0))),
            (ended(0), Event::Release, None),
            (ended(1), retire, Some(ended(1))),
            (ended(0), Event::Exited, None),
        ] {
            assert_eq!(from.on(event, || now).ok(), to, "{from:?} on {event:?}");
        }
    }

    proptest! {
        #[test]
        fn leases_are_never_lost_or_invented(choices in proptest::collection::vec(0u8..5, 0..60)) {
            let now = Instant::now();
            let mut life = Life::Starting { leases: 0 };
            let mut out = 0;
            for choice in choices {
                let event = match choice {
                    0 => Event::Started,
                    1 => Event::Lease,
                    2 => Event::Release,
                    3 => Event::Retire(StopReason::Idle),
                    _ => Event::Exited,
                };
                let Ok(next) = life.on(event, || now) else { continue };
                match event {
                    Event::Lease => out += 1,
                    Event::Release => out -= 1,
                    _ => {}
                }
                prop_assert_eq!(next.leases(), out);
                life = next;
            }
        }
    }
}
