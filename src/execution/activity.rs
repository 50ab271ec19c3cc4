//! How a function fares: what was counted since the server began, and the last
//! hour minute by minute.
//!
//! A request counts with a few atomics and no lock. A function that is never
//! called has none of them.

mod meter;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::histogram::{Bucket, Distribution, Histogram, SmallHistogram};
use super::lease::Origin;
pub use meter::Meter;

/// Minutes that are kept.
const MINUTES: usize = 60;
/// Functions that have series of their own among the metrics. What the others
/// do is counted together, so that no number of functions makes the metrics
/// larger than this.
pub const MAX_SERIES: usize = 1000;

/// How one function fares.
#[derive(Debug, Default)]
pub struct Activity(OnceLock<Box<Called>>);

/// What there is once a function has been called.
#[derive(Debug)]
struct Called {
    totals: Totals,
    /// Milliseconds of Unix time.
    last_request: AtomicU64,
    minutes: [OnceLock<Box<Minute>>; MINUTES],
    series: Series,
}

/// Where a function's counts go among the metrics.
#[derive(Debug)]
enum Series {
    /// To its own; the place is given back when the function goes.
    Own(Arc<Meter>),
    /// To those of all that have none.
    Shared(Arc<Meter>),
}

/// Counts that only grow.
#[derive(Debug, Default)]
struct Totals {
    successes: AtomicU64,
    /// Callers that left before they had an answer.
    abandoned: AtomicU64,
    errors: AtomicU64,
    timeouts: AtomicU64,
    cold_starts: AtomicU64,
    spare_starts: AtomicU64,
    crashes: AtomicU64,
    latency: Histogram,
}

/// One minute of the last hour.
#[derive(Debug, Default)]
struct Minute {
    /// Minutes of Unix time; what is counted here belongs to it alone.
    number: AtomicU64,
    abandoned: AtomicU32,
    errors: AtomicU32,
    cold_starts: AtomicU32,
    latency: SmallHistogram,
}

/// What was counted of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that ended otherwise than with 5xx. Counted for itself, since a
    /// difference of two counts that grow beside each other may shrink.
    pub successes: u64,
    /// Answers with 5xx, the platform's and the function's own.
    pub errors: u64,
    /// Answers that took too long.
    pub timeouts: u64,
    /// Answers by a process that was started for the request.
    pub cold_starts: u64,
    /// Answers by a spare.
    pub spare_starts: u64,
    /// Instances that ended by themselves.
    pub crashes: u64,
    /// When the last answer was given.
    pub last_request: Option<Timestamp>,
    /// From a request's head to its response's.
    pub latency: Distribution,
}

impl Counts {
    /// Requests, however they ended.
    pub fn requests(&self) -> u64 {
        self.successes + self.errors
    }
}

/// One minute of a function.
#[derive(Debug, Clone)]
pub struct MinuteCounts {
    /// When it began.
    pub minute: Timestamp,
    /// Requests, however they ended.
    pub requests: u64,
    /// Answers with 5xx.
    pub errors: u64,
    /// Answers by a spare or by a new process.
    pub cold_starts: u64,
    /// From a request's head to its response's.
    pub latency: Distribution,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// With a status of 5xx.
    pub error: bool,
    /// Because it took too long.
    pub timeout: bool,
    /// What served it, if anything did.
    pub origin: Option<Origin>,
}

/// A request that is being answered. Dropped without an answer, it counts as
/// one whose caller has left.
#[derive(Debug)]
pub struct Watch<'a> {
    activity: &'a Activity,
    meter: &'a Arc<Meter>,
    begun: Instant,
    ended: bool,
}

impl Activity {
    /// A request begins.
    pub fn watch<'a>(&'a self, meter: &'a Arc<Meter>) -> Watch<'a> {
        Watch { activity: self, meter, begun: Instant::now(), ended: false }
    }

    /// An instance has ended by itself.
    pub fn crashed(&self, meter: &Arc<Meter>) {
        self.called(meter).count(|totals| &totals.crashes);
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.0.get().map(|called| called.counts()).unwrap_or_default()
    }

    /// The last hour, oldest first; the last minute is not over yet.
    pub fn minutes(&self) -> Vec<MinuteCounts> {
        let last = unix_time().as_secs() / 60;
        let numbers = last.saturating_sub(MINUTES as u64 - 1)..=last;
        numbers.map(|number| self.minute(number)).collect()
    }

    /// Requests that it has answered well.
    pub fn answers(&self) -> u64 {
        self.0.get().map_or(0, |called| called.totals.successes.load(Ordering::Relaxed))
    }

    /// Whether it has answered within this time.
    pub fn answered_within(&self, time: Duration) -> bool {
        let last = self.0.get().map(|called| called.last_request.load(Ordering::Relaxed));
        last.is_some_and(|last| unix_time().saturating_sub(Duration::from_millis(last)) < time)
    }

    /// Whether it was ever called and has series of its own among the metrics.
    pub fn has_series(&self) -> bool {
        self.0.get().is_some_and(|called| matches!(called.series, Series::Own(_)))
    }

    fn called(&self, meter: &Arc<Meter>) -> &Called {
        self.0.get_or_init(|| Box::new(Called::new(meter)))
    }

    fn minute(&self, number: u64) -> MinuteCounts {
        let slot = self.0.get().and_then(|called| called.minutes[place(number)].get());
        let found = slot.filter(|minute| minute.number.load(Ordering::Acquire) == number);
        let begun = Timestamp::from_second(i64::try_from(number * 60).unwrap_or(i64::MAX));
        let latency = found.map(|minute| minute.latency.read()).unwrap_or_default();
        let read = |count: fn(&Minute) -> &AtomicU32| {
            found.map_or(0, |minute| u64::from(count(minute).load(Ordering::Relaxed)))
        };
        MinuteCounts {
            minute: begun.unwrap_or(Timestamp::UNIX_EPOCH),
            requests: latency.count() + read(|minute| &minute.abandoned),
            errors: read(|minute| &minute.errors),
            cold_starts: read(|minute| &minute.cold_starts),
            latency,
        }
    }
}

impl Called {
    fn new(meter: &Arc<Meter>) -> Self {
        let taken = meter.series.fetch_add(1, Ordering::Relaxed);
        let series = if taken < MAX_SERIES {
            Series::Own(Arc::clone(meter))
        } else {
            meter.series.fetch_sub(1, Ordering::Relaxed);
            Series::Shared(Arc::clone(meter))
        };
        Self {
            totals: Totals::default(),
            last_request: AtomicU64::new(0),
            minutes: [const { OnceLock::new() }; MINUTES],
            series,
        }
    }

    /// Counts one, also where it is counted together with others.
    fn count(&self, which: impl Fn(&Totals) -> &AtomicU64) {
        which(&self.totals).fetch_add(1, Ordering::Relaxed);
        if let Series::Shared(meter) = &self.series {
            which(&meter.shared).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> Counts {
        let last = self.last_request.load(Ordering::Relaxed);
        let last = i64::try_from(last).ok().filter(|millis| *millis > 0);
        Counts {
            last_request: last.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            ..self.totals.read()
        }
    }

    /// The minute that this is, emptied of what was counted an hour ago. A
    /// count that another thread makes in that very moment may be lost here,
    /// and not from the totals.
    fn minute(&self, now: Duration) -> &Minute {
        let number = now.as_secs() / 60;
        let minute = self.minutes[place(number)].get_or_init(Box::default);
        let old = minute.number.load(Ordering::Acquire);
        if old != number
            && minute
                .number
                .compare_exchange(old, number, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        {
            for count in [&minute.abandoned, &minute.errors, &minute.cold_starts] {
                count.store(0, Ordering::Relaxed);
            }
            minute.latency.clear();
        }
        minute
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        if let Series::Own(meter) = &self.series {
            meter.series.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Totals {
    fn read(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let successes = read(&self.successes) + read(&self.abandoned);
        let errors = read(&self.errors);
        Counts {
            successes,
            errors,
            timeouts: read(&self.timeouts),
            cold_starts: read(&self.cold_starts),
            spare_starts: read(&self.spare_starts),
            crashes: read(&self.crashes),
            last_request: None,
            latency: self.latency.read(),
        }
    }
}

impl Watch<'_> {
    /// The request was refused before anything was done for it.
    pub fn refused(mut self) {
        self.ended = true;
    }

    /// The request has its response's head.
    pub fn answered(mut self, outcome: Outcome) {
        self.ended = true;
        let called = self.activity.called(self.meter);
        let took = self.begun.elapsed();
        let bucket = Bucket::of(took);
        let now = unix_time();
        let minute = called.minute(now);
        minute.latency.record_in(bucket);
        called.totals.latency.record_in(bucket, took);
        if let Series::Shared(meter) = &called.series {
            meter.shared.latency.record_in(bucket, took);
        }
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        called.last_request.store(millis, Ordering::Relaxed);

        if outcome.error {
            minute.errors.fetch_add(1, Ordering::Relaxed);
            called.count(|totals| &totals.errors);
        } else {
            called.count(|totals| &totals.successes);
        }
        if outcome.timeout {
            called.count(|totals| &totals.timeouts);
        }
        match outcome.origin {
            Some(Origin::Warm) | None => return,
            Some(Origin::Spare) => called.count(|totals| &totals.spare_starts),
            Some(Origin::Cold) => called.count(|totals| &totals.cold_starts),
        }
        minute.cold_starts.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let called = self.activity.called(self.meter);
            called.minute(unix_time()).abandoned.fetch_add(1, Ordering::Relaxed);
            called.count(|totals| &totals.abandoned);
        }
    }
}

/// Where a minute lies in the ring.
#[expect(clippy::cast_possible_truncation, reason = "the remainder is below 60")]
fn place(number: u64) -> usize {
    (number % MINUTES as u64) as usize
}

fn unix_time() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests;
