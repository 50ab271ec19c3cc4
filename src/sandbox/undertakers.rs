//! Who waits for a process that nobody else does.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::wait::WaitPidFlag;

use super::Priority;
use super::holdings::Holdings;
use super::process::reap;

/// Threads that wait for what was killed and dropped. It is rare that there are
/// any: a start was given up.
#[derive(Debug, Clone, Default)]
pub(super) struct Undertakers(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Undertakers {
    /// Waits for it in a thread of its own.
    pub(super) fn bury(&self, pidfd: OwnedFd, holdings: Holdings) {
        let thread = thread::Builder::new().name("doze-undertaker".to_owned());
        let thread = thread.spawn(move || {
            let _ = holdings.set_priority(Priority::Normal);
            if let Err(error) = reap(&pidfd, WaitPidFlag::empty()) {
                tracing::warn!(%error, "cannot wait for a process");
            }
            drop(holdings);
        });
        match thread {
            Ok(thread) => {
                let mut threads = self.threads();
                threads.retain(|thread| !thread.is_finished());
                threads.push(thread);
            }
            Err(error) => tracing::warn!(%error, "cannot wait for a process"),
        }
    }

    /// Waits until nobody is left to wait for.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
