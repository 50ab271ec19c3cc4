//! The right to send one request to an instance.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::instance::{Instance, StartError};
use super::pool::Pool;

/// The right to send one request to an instance. It rides on the response's
/// body and goes back when that ends, so a stream counts as long as it lasts.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    /// Where to send the request.
    pub instance: Arc<Instance>,
    /// What `x-doze-start` says.
    pub origin: Origin,
}

/// What served a request: the value of `x-doze-start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An instance that was running.
    Warm,
    /// A spare that was given the function's code.
    Spare,
    /// A process that was started for it.
    Cold,
}

impl Origin {
    /// The header's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warm => "warm",
            Self::Spare => "spare",
            Self::Cold => "cold",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there is no lease.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LeaseError {
    /// The function was removed.
    #[error("the function was removed")]
    NotFound,
    /// The function never built.
    #[error("the function has never been built without problems")]
    Broken,
    /// No instance started.
    #[error(transparent)]
    Start(StartError),
    /// Starts failed repeatedly; the next one is tried after this long.
    #[error("the function failed to start repeatedly")]
    CrashLooping(Duration),
    /// Every instance is at its limit, and so is the queue.
    #[error("every instance is busy")]
    Overloaded,
    /// The server is ending.
    #[error("the server is shutting down")]
    ShuttingDown,
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, instance: Arc<Instance>, origin: Origin) -> Self {
        Self { pool, instance, origin }
    }

    /// The function has answered. That may be known before the word that it
    /// started, and the next request does not wait for a start that is over.
    pub fn answered(&self) {
        if self.instance.is_starting() {
            self.pool.started(self.instance.id);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.release(self.instance.id);
    }
}
