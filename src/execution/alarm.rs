//! A time-out for what is done again and again and almost never takes too long.
//!
//! Setting a timer for every request, and taking it away with the response,
//! costs more than the request's own system calls: the runtime wakes its poller
//! for each timer that is due before all others. So an alarm that is set to
//! later is left as it is. It rings at the old time, finds that nothing is due,
//! and is set again then.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set again and again and almost never rings.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits until it is this late.
    pub async fn rings(&mut self, due: Instant) {
        std::future::poll_fn(|context| self.poll(due, context)).await;
    }

    /// Ready once it is this late.
    pub fn poll(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    async fn rings(alarm: &mut Alarm, after: Duration) -> Duration {
        let begun = Instant::now();
        alarm.rings(begun + after).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_was_set_last_whether_that_is_earlier_or_later() {
        let mut alarm = Alarm::default();
        for [first, then] in [[30, 75], [75, 30], [30, 30]].map(|s| s.map(Duration::from_secs)) {
            let due = Instant::now() + first;
            poll_fn(|context| {
                assert!(alarm.poll(due, context).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!(rings(&mut alarm, then).await, then, "after {first:?}");
        }
    }
}
