//! The thread that writes records down.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tokio::sync::oneshot;

use super::Logs;
use super::reading::Snapshot;
use super::record::Record;
use super::store::Store;
use crate::function::FunctionName;

/// Records that are written with one call, where so many wait.
const BATCH: usize = 512;
/// Bytes of one function that are written with one call.
const PIECE: usize = 256 * 1024;

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Write a record.
    Write(Arc<Record>),
    /// Write what came before, and say what there is of this log.
    Look(FunctionName, oneshot::Sender<io::Result<Snapshot>>),
    /// Write what came before, and end.
    End(oneshot::Sender<()>),
}

/// Records of one function on their way to the disk.
#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    records: u64,
}

/// Writes until it is told to end.
pub(super) fn run(jobs: &Receiver<Job>, store: Store, logs: &Logs) {
    let mut writer = Writer { store, logs, pieces: BTreeMap::new(), failing: BTreeSet::new() };
    while let Ok(job) = jobs.recv() {
        for job in std::iter::once(job).chain(jobs.try_iter().take(BATCH)) {
            match job {
                Job::Write(record) => writer.add(&record),
                Job::Look(function, answer) => {
                    writer.flush();
                    // Whoever asked may have gone.
                    let _ = answer.send(writer.store.look(&function));
                }
                Job::End(done) => {
                    writer.flush();
                    let _ = done.send(());
                    return;
                }
            }
        }
        writer.flush();
    }
}

struct Writer<'l> {
    store: Store,
    logs: &'l Logs,
    pieces: BTreeMap<FunctionName, Piece>,
    /// Functions whose last records could not be written. The operator is told
    /// of the first and of the end.
    failing: BTreeSet<FunctionName>,
}

impl Writer<'_> {
    fn add(&mut self, record: &Record) {
        let piece = self.pieces.entry(record.function.clone()).or_default();
        if serde_json::to_writer(&mut piece.bytes, record).is_err() {
            return;
        }
        piece.bytes.push(b'\n');
        piece.records += record.weight();
        if piece.bytes.len() >= PIECE {
            let piece = std::mem::take(piece);
            self.write(&record.function, &piece);
        }
    }

    fn flush(&mut self) {
        while let Some((function, piece)) = self.pieces.pop_first() {
            if !piece.bytes.is_empty() {
                self.write(&function, &piece);
            }
        }
    }

    fn write(&mut self, function: &FunctionName, piece: &Piece) {
        match self.store.append(function, &piece.bytes) {
            Ok(()) => {
                if self.failing.remove(function) && self.failing.is_empty() {
                    tracing::info!("functions' logs can be written again");
                }
            }
            Err(error) => {
                self.logs.lost(function, piece.records);
                if self.failing.is_empty() {
                    tracing::error!(
                        folder = %self.store.folder().display(), %error,
                        "cannot write functions' logs; what they say is lost until this is mended"
                    );
                }
                self.failing.insert(function.clone());
            }
        }
    }
}
