//! The task that owns one process, from its first word to its end.
//!
//! Nothing else holds a process. A keeper goes through three phases, each a
//! loop of its own: *spare* (wait to be told what to be), *serve* (run one
//! function), *end* (let it finish, then kill it and wait for it).

mod serving;
mod turn;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::control::{FromShim, ToShim};
use super::fleet::{Fleet, Seat};
use super::instance::{Instance, Spare};
use super::journal::events::Subject;
use super::launch::Launched;
use super::life::StopReason;
use super::limit::Limit;
use super::output::Output;
use super::pool::Pool;
use super::status::Born;
pub use serving::START_TIMEOUT;
use serving::{Ending, Serving};

/// How long `waitUntil` may go on after an instance was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a keeper can be told.
#[derive(Debug)]
pub enum Order {
    /// Be this instance.
    Assign {
        /// What to be.
        instance: Arc<Instance>,
        /// Whose it is.
        pool: Arc<Pool>,
    },
    /// A request took too long and was aborted: see that its handler settles.
    Check {
        /// The request's id.
        request: String,
    },
    /// A request ran into that limit, and its process is none the worse.
    Reached {
        /// The request's id.
        request: String,
        /// Which limit.
        limit: Limit,
    },
    /// It may have become idle for good.
    LookIdle,
    /// It gets no new requests; the last one will bring `Stop`.
    Drain,
    /// End it.
    Stop(StopReason),
}

/// Owns one process.
#[derive(Debug)]
pub struct Keeper {
    launched: Launched,
    orders: mpsc::UnboundedReceiver<Order>,
    seat: Seat,
    fleet: Arc<Fleet>,
}

impl Keeper {
    /// The handle by which a process is used, and the task that owns it.
    pub fn new(launched: Launched, seat: Seat, fleet: Arc<Fleet>) -> (Spare, Self) {
        let (sender, orders) = mpsc::unbounded_channel();
        let born = Born { pid: launched.process.id(), at: Timestamp::now() };
        let link = Arc::clone(&launched.link);
        let spare = Spare { id: launched.id, link, orders: sender, born };
        (spare, Self { launched, orders, seat, fleet })
    }

    /// Lives as long as the process.
    pub async fn run(mut self) {
        let fleet = Arc::clone(&self.fleet);
        let assigned = tokio::select! {
            assigned = self.be_spare() => assigned,
            () = fleet.killed() => None,
        };
        let Some((instance, pool)) = assigned else {
            drop(self.seat);
            stop(self.launched).await;
            return;
        };
        let started = Instant::now();
        let ending = tokio::select! {
            ending = Serving::new(&mut self, &instance, &pool).run() => ending,
            () = fleet.killed() => Ending::Kill(StopReason::Shutdown),
        };
        let (reason, grace) = match ending {
            Ending::Exited => ("exited", Duration::ZERO),
            Ending::Kill(reason) => (reason.as_str(), Duration::ZERO),
            Ending::Finish(reason) => (reason.as_str(), STOP_GRACE),
        };
        // Whoever waits for room need not wait for the process's last breath.
        drop(self.seat);
        tokio::select! {
            () = finish(&mut self.launched, grace) => {}
            () = fleet.killed() => {}
        }
        let mut output = stop(self.launched).await;
        pool.exited(instance.id);
        // Its stop is the last that is told of it, after what was dropped.
        output.last_words().await;
        drop(output);
        fleet.journal.stopped(&Subject::of(&instance), reason, started.elapsed());
    }

    /// Waits to be told what to be; `None` if that never comes.
    async fn be_spare(&mut self) -> Option<(Arc<Instance>, Arc<Pool>)> {
        let id = self.launched.id;
        tokio::select! {
            order = self.orders.recv() => match order {
                Some(Order::Assign { instance, pool }) => return Some((instance, pool)),
                _ => tracing::debug!(instance = %id, "spare discarded"),
            },
            status = self.launched.process.wait() => {
                let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
                tracing::warn!(instance = %id, status, "a spare ended by itself");
                self.fleet.discard_spare(id);
            }
        }
        None
    }
}

/// Lets a process finish what `waitUntil` holds, for at most `grace`.
async fn finish(launched: &mut Launched, grace: Duration) {
    if grace.is_zero() {
        return;
    }
    let order = ToShim::Stop { grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX) };
    let finished = async {
        launched.sender.send(&order).await?;
        while let Some(message) = launched.receiver.receive().await? {
            if message == FromShim::Stopped {
                break;
            }
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong here, the process is killed next.
    let _ = timeout(grace + Duration::from_millis(200), finished).await;
}

/// Kills a process with all it started, and waits for it. Gives back what may
/// still be read of what it printed.
async fn stop(launched: Launched) -> Output {
    if let Err(error) = launched.process.stop().await {
        tracing::error!(instance = %launched.id, %error, "cannot wait for a process");
    }
    launched.output
}
