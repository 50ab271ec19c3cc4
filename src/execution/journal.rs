//! The log of every function: what it says, and what happens to it.
//!
//! Whatever is to be told about a function is told here, in one of the ways
//! that [`events`] has. It goes to the server's own log, and as a [`record`]
//! into the log of that function, which lasts: a thread of its own, `writer`,
//! keeps it on disk in a `store` of bounded size. [`reading`] is the way back:
//! the last records, and those that come.
//!
//! Nobody waits for the disk. Records go through a queue that takes no more
//! when it is full; what is lost there, or to a disk that is full, is counted
//! and told in the log itself.

pub mod events;
pub mod reading;
pub mod record;
mod store;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{broadcast, oneshot};

use crate::function::FunctionName;
use reading::{Following, Snapshot};
use record::Record;
use store::Store;
use writer::Job;

/// Records that may wait to be written.
const QUEUE: usize = 4096;
/// Records that a follower may be behind.
const BEHIND: usize = 1024;
/// How long the last records are written when the server ends.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// How soon a reader whose place in the queue was taken tries again.
const QUEUE_RETRY: Duration = Duration::from_millis(10);

/// Every function's log.
#[derive(Debug)]
pub struct Journal {
    queue: SyncSender<Job>,
    logs: Arc<Logs>,
}

/// What is known of each log besides what is on disk.
#[derive(Debug, Default)]
struct Logs(Mutex<HashMap<FunctionName, Log>>);

#[derive(Debug, Default)]
struct Log {
    /// When its last record was made. No two have the same time, so that a
    /// time says where to go on reading.
    last: Timestamp,
    /// Records that were lost and of which nobody has been told.
    lost: u64,
    followers: Option<broadcast::Sender<Arc<Record>>>,
}

impl Journal {
    /// The logs in `folder`, which may take up so many bytes together.
    pub fn new(folder: PathBuf, room: u64) -> std::io::Result<Self> {
        let (queue, jobs) = std::sync::mpsc::sync_channel(QUEUE);
        let logs = Arc::new(Logs::default());
        let theirs = Arc::clone(&logs);
        std::thread::Builder::new()
            .name("doze-journal".to_owned())
            .spawn(move || writer::run(&jobs, Store::new(folder, room), &theirs))?;
        Ok(Self { queue, logs })
    }

    /// One that keeps nothing, for tests of what is told to it.
    pub fn nowhere() -> Self {
        let (queue, _) = std::sync::mpsc::sync_channel(0);
        Self { queue, logs: Arc::default() }
    }

    /// Takes a record in, and gives it its time.
    fn keep(&self, mut record: Record) {
        let mut logs = self.logs.lock();
        let log = logs.entry(record.function.clone()).or_default();
        if log.lost > 0 {
            let time = log.tick();
            let lost = Arc::new(Record::lost(&record.function, log.lost, time));
            if self.queue.try_send(Job::Write(lost)).is_ok() {
                log.lost = 0;
            }
        }
        record.time = log.tick();
        let record = Arc::new(record);
        // Under the lock, so that the queue, the followers and the times have
        // one order.
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Job::Write(Arc::clone(&record))) {
            log.lost += 1;
        }
        if log.followers.as_ref().is_some_and(|followers| followers.send(record).is_err()) {
            log.followers = None;
        }
    }

    /// What is on disk of a log, and what comes after exactly that.
    pub async fn read(&self, function: &FunctionName) -> std::io::Result<(Snapshot, Following)> {
        let gone = || std::io::Error::other("the server is ending");
        let (answer, following) = loop {
            let (sender, answer) = oneshot::channel();
            {
                let mut logs = self.logs.lock();
                match self.queue.try_send(Job::Look(function.clone(), sender)) {
                    Ok(()) => break (answer, logs.entry(function.clone()).or_default().follow()),
                    Err(TrySendError::Full(_)) => {}
                    Err(TrySendError::Disconnected(_)) => return Err(gone()),
                }
            }
            tokio::time::sleep(QUEUE_RETRY).await;
        };
        let snapshot = answer.await.map_err(|_| gone())??;
        Ok((snapshot, following))
    }

    /// Waits until everything is written. Nothing is kept from then on.
    pub async fn close(&self) {
        let (sender, done) = oneshot::channel();
        let mut end = Job::End(sender);
        let closed = async {
            while let Err(TrySendError::Full(job)) = self.queue.try_send(end) {
                end = job;
                tokio::time::sleep(QUEUE_RETRY).await;
            }
            let _ = done.await;
        };
        if tokio::time::timeout(LAST_WRITES, closed).await.is_err() {
            tracing::warn!("the last records of functions' logs could not be written in time");
        }
    }
}

impl Logs {
    fn lock(&self) -> MutexGuard<'_, HashMap<FunctionName, Log>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many records of a function could not be written.
    fn lost(&self, function: &FunctionName, records: u64) {
        self.lock().entry(function.clone()).or_default().lost += records;
    }
}

impl Log {
    /// The time of the next record.
    fn tick(&mut self) -> Timestamp {
        let after = self.last.checked_add(SignedDuration::from_nanos(1)).unwrap_or(self.last);
        self.last = Timestamp::now().max(after);
        self.last
    }

    fn follow(&mut self) -> Following {
        self.followers.get_or_insert_with(|| broadcast::channel(BEHIND).0).subscribe()
    }
}
