//! How long things take, counted in fixed buckets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Buckets, the last one for what takes longer than any bound.
const BUCKETS: usize = 37;
/// The upper bounds in microseconds: six to a decade, from 0.1 ms to 60 s, so
/// that a quantile is off by a fifth at most.
const BOUNDS: [u64; BUCKETS - 1] = [
    100, 150, 220, 330, 470, 680, //
    1_000, 1_500, 2_200, 3_300, 4_700, 6_800, //
    10_000, 15_000, 22_000, 33_000, 47_000, 68_000, //
    100_000, 150_000, 220_000, 330_000, 470_000, 680_000, //
    1_000_000, 1_500_000, 2_200_000, 3_300_000, 4_700_000, 6_800_000, //
    10_000_000, 15_000_000, 22_000_000, 33_000_000, 47_000_000, 60_000_000,
];

/// The bucket of a duration.
#[derive(Debug, Clone, Copy)]
pub struct Bucket(usize);

impl Bucket {
    /// The first one that holds it.
    pub fn of(duration: Duration) -> Self {
        let micros = micros(duration);
        Self(BOUNDS.partition_point(|bound| *bound < micros))
    }
}

/// Durations that many threads count at once.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    /// Microseconds of them all.
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, duration: Duration) {
        self.record_in(Bucket::of(duration), duration);
    }

    /// Counts one whose bucket is known.
    pub fn record_in(&self, bucket: Bucket, duration: Duration) {
        self.counts[bucket.0].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros(duration), Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> Distribution {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        Distribution { counts, sum: Duration::from_micros(self.sum.load(Ordering::Relaxed)) }
    }
}

/// The same for a short time, in half the room and without the sum.
#[derive(Debug)]
pub struct SmallHistogram([AtomicU32; BUCKETS]);

impl Default for SmallHistogram {
    fn default() -> Self {
        Self([const { AtomicU32::new(0) }; BUCKETS])
    }
}

impl SmallHistogram {
    /// Counts one.
    pub fn record_in(&self, bucket: Bucket) {
        self.0[bucket.0].fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets them all.
    pub fn clear(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// What was counted so far.
    pub fn read(&self) -> Distribution {
        let counts = self.0.each_ref().map(|count| u64::from(count.load(Ordering::Relaxed)));
        Distribution { counts, sum: Duration::ZERO }
    }
}

/// What a histogram has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; BUCKETS],
    /// All durations together.
    pub sum: Duration,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum: Duration::ZERO }
    }
}

impl Distribution {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration in seconds that this share of them does not exceed, as near
    /// as the buckets tell; `None` where there are none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * as_f64(self.count());
        let mut below = 0.0;
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let within = (rank - below) / as_f64(*count);
            if within <= 1.0 {
                let upper = BOUNDS.get(index).copied().unwrap_or(BOUNDS[BUCKETS - 2]);
                let lower = index.checked_sub(1).map_or(0, |before| BOUNDS[before]);
                let (lower, upper) = (as_f64(lower), as_f64(upper));
                return Some((lower + (upper - lower) * within.max(0.0)) / 1e6);
            }
            below += as_f64(*count);
        }
        None
    }

    /// Every second bound in seconds with what lies between it and the one
    /// before, and all beyond the last: enough for a graph, and half as many
    /// series.
    pub fn coarse(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().step_by(2).map(|bound| as_f64(*bound) / 1e6);
        let (first, rest) = self.counts.split_first().unwrap_or((&0, &[]));
        let counts =
            [*first].into_iter().chain(rest.chunks(2).map(|pair| pair.iter().sum::<u64>()));
        bounds.chain([f64::INFINITY]).zip(counts).collect()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds stay far below 2^53")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_quantile_is_in_the_bucket_of_the_true_one(
            mut micros in proptest::collection::vec(1u64..70_000_000, 1..200),
            share in 0.01f64..1.0,
        ) {
            let histogram = Histogram::default();
            for one in &micros {
                histogram.record(Duration::from_micros(*one));
            }
            micros.sort_unstable();
            let read = histogram.read();
            prop_assert_eq!(read.count(), micros.len() as u64);
            prop_assert_eq!(read.sum, Duration::from_micros(micros.iter().sum()));

            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let rank = (share * as_f64(read.count())).ceil() as usize;
            let truth = micros[rank - 1].min(60_000_000);
            let upper = BOUNDS.iter().find(|bound| **bound >= truth).unwrap();
            let lower = BOUNDS.iter().rfind(|bound| **bound < truth).unwrap_or(&0);
            let told = read.quantile(share).unwrap() * 1e6;
            prop_assert!(as_f64(*lower) - 1.0 <= told && told <= as_f64(*upper) + 1.0, "{told} of {truth}");
        }

        #[test]
        fn the_coarse_buckets_hold_each_duration_once_and_below_its_bound(micros in 1u64..70_000_000) {
            let histogram = Histogram::default();
            histogram.record(Duration::from_micros(micros));
            let coarse = histogram.read().coarse();
            let found: Vec<_> = coarse.iter().filter(|(_, count)| *count > 0).collect();
            prop_assert_eq!(found.len(), 1);
            let index = coarse.iter().position(|(_, count)| *count == 1).unwrap();
            let seconds = as_f64(micros) / 1e6;
            prop_assert!(seconds <= coarse[index].0);
            prop_assert!(index == 0 || seconds > coarse[index - 1].0);
        }
    }

    #[test]
    fn nothing_has_no_quantile_and_bounds_only_grow() {
        assert_eq!(Distribution::default().quantile(0.5), None);
        assert!(BOUNDS.is_sorted());
    }
}
