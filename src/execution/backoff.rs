//! How long a pool waits before it tries to start again what failed to start.

use std::time::{Duration, Instant};

/// Failed starts in a row that cost nothing: the author may just be mending it.
const FREE_FAILURES: u32 = 2;
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Doubles with every failed start in a row, and is forgotten with the first
/// good one.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    /// When the last one was.
    failed: Option<Instant>,
}

impl Backoff {
    /// A start failed.
    pub fn failed(&mut self, now: Instant) {
        self.failures += 1;
        self.failed = Some(now);
    }

    /// A start succeeded.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// How long to wait still; `None` where a start may be tried.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.wait_at_most(LONGEST, now)
    }

    /// The same for those who wait no longer than `most` after a failure.
    pub fn wait_at_most(&self, most: Duration, now: Instant) -> Option<Duration> {
        let doublings = self.failures.checked_sub(FREE_FAILURES + 1)?;
        let until = self.failed? + most.min(FIRST * 2u32.pow(doublings.min(6)));
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_third_failure_up_to_a_minute_and_are_forgotten_after_a_success() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..11 {
            backoff.failed(now);
            waits.push(backoff.wait(now).unwrap_or_default().as_secs());
        }
        assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.wait_at_most(FIRST, now), Some(FIRST));
        assert_eq!(backoff.wait_at_most(FIRST, now + FIRST), None);
        assert_eq!(backoff.wait(now + LONGEST), None);
        backoff.succeeded();
        assert_eq!(backoff.wait(now), None);
    }
}
