//! What is counted of all functions together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::{Counts, Totals};
use crate::execution::histogram::Histogram;
use crate::execution::lease::Origin;
use crate::execution::life::StopReason;

/// What all functions share: the counts of those without series of their own,
/// and what is told of the server as a whole.
#[derive(Debug, Default)]
pub struct Meter {
    /// Functions that have series of their own.
    pub(super) series: AtomicUsize,
    pub(super) shared: Totals,
    spare_starts: Histogram,
    cold_starts: Histogram,
    stops: [AtomicU64; StopReason::ALL.len()],
    exits: AtomicU64,
}

impl Meter {
    /// An instance's code has run, so long after its start began.
    pub fn started(&self, origin: Origin, took: Duration) {
        self.starts(origin).record(took);
    }

    /// An instance has ended, by itself or for that reason.
    pub fn stopped(&self, reason: Option<StopReason>) {
        let count = reason.map_or(&self.exits, |reason| &self.stops[reason as usize]);
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// How long starts of that kind took.
    pub fn starts(&self, origin: Origin) -> &Histogram {
        match origin {
            Origin::Spare => &self.spare_starts,
            Origin::Warm | Origin::Cold => &self.cold_starts,
        }
    }

    /// How many instances ended, by reason.
    pub fn stops(&self) -> Vec<(&'static str, u64)> {
        let stops = StopReason::ALL
            .into_iter()
            .map(|reason| (reason.as_str(), self.stops[reason as usize].load(Ordering::Relaxed)));
        stops.chain([("exited", self.exits.load(Ordering::Relaxed))]).collect()
    }

    /// What the functions without series of their own have in common.
    pub fn shared(&self) -> Counts {
        self.shared.read()
    }
}
