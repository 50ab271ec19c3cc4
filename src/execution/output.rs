//! What a function prints becomes log records with its name.
//!
//! A function may print faster than anybody can read. What goes beyond the
//! limits is dropped, counted and reported, and its pipe is emptied all the
//! same: its own output holds it up only once it prints megabytes a second.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

use super::instance::{Deployment, InstanceId};
use super::stack::Stacks;
use crate::function::FunctionName;

/// Longest line that is kept, in bytes.
const MAX_LINE: u64 = 8 * 1024;
/// Lines kept per process and second.
const LINES_PER_SECOND: u32 = 500;
/// After as much as a pipe holds was dropped, it is not read for so long: who
/// floods it waits, instead of keeping a processor busy with what nobody sees.
const FLOOD: usize = 64 * 1024;
const FLOOD_PAUSE: Duration = Duration::from_millis(10);
/// Lines kept for an error message.
const LAST_LINES: usize = 10;
/// How long an ended process's last output is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The output of one process.
#[derive(Debug)]
pub struct Output {
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    instance: InstanceId,
    owner: OnceLock<Owner>,
    last: Mutex<VecDeque<String>>,
    limit: Mutex<Limit>,
}

/// Whose output it is, from the assignment on.
#[derive(Debug)]
struct Owner {
    function: FunctionName,
    stacks: Mutex<Stacks>,
}

impl Output {
    /// Reads what the process prints until it ends.
    pub fn follow(
        instance: InstanceId,
        stdout: Option<pipe::Receiver>,
        stderr: Option<pipe::Receiver>,
    ) -> Self {
        let shared = Arc::new(Shared {
            instance,
            owner: OnceLock::new(),
            last: Mutex::default(),
            limit: Mutex::new(Limit::new(Instant::now())),
        });
        let stdout = stdout.map(|pipe| tokio::spawn(read(pipe, "stdout", Arc::clone(&shared))));
        let stderr = stderr.map(|pipe| tokio::spawn(read(pipe, "stderr", Arc::clone(&shared))));
        Self { shared, readers: stdout.into_iter().chain(stderr).collect() }
    }

    /// Says whose output it is from now on.
    pub fn belongs_to(&self, deployment: &Deployment) {
        let stacks = Mutex::new(Stacks::new(&deployment.folder));
        // A process is assigned once, so this cannot be set already.
        let _ = self.shared.owner.set(Owner { function: deployment.name.clone(), stacks });
    }

    /// What a process that has ended printed last.
    pub async fn last_words(&self) -> String {
        // Its pipes close with it, unless something it started holds them.
        let deadline = Instant::now() + LAST_WORDS;
        while !self.readers.iter().all(JoinHandle::is_finished) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.shared.report_dropped();
    }
}

async fn read(pipe: impl AsyncRead + Unpin, stream: &'static str, shared: Arc<Shared>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut dropped = 0;
    loop {
        if dropped >= FLOOD {
            dropped = 0;
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
        line.clear();
        match (&mut pipe).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if shared.line(stream, &line) => dropped = 0,
            Ok(read) => dropped += read,
        }
    }
}

impl Shared {
    /// Keeps a line; whether there was room for it.
    fn line(&self, stream: &'static str, line: &[u8]) -> bool {
        if !self.limit.lock().unwrap_or_else(PoisonError::into_inner).allows(Instant::now()) {
            return false;
        }
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\n', '\r']);
        self.report_dropped();
        // An author who prints an error wants to see his own lines in it.
        let text = match self.owner.get() {
            Some(owner) => owner.stacks.lock().unwrap_or_else(PoisonError::into_inner).map(text),
            None => text.into(),
        };
        let function = self.function();
        tracing::info!(target: "function", function, instance = %self.instance, stream, "{text}");

        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text.into_owned());
        true
    }

    fn function(&self) -> &str {
        self.owner.get().map_or("", |owner| owner.function.as_str())
    }

    fn report_dropped(&self) {
        let dropped = self.limit.lock().unwrap_or_else(PoisonError::into_inner).take_dropped();
        if dropped > 0 {
            let function = self.function();
            tracing::warn!(
                function, instance = %self.instance, dropped,
                limit = "limit of printed lines a second", value = LINES_PER_SECOND,
                "a function prints more lines a second than are kept"
            );
        }
    }
}

/// So many lines a second.
#[derive(Debug)]
struct Limit {
    second: Instant,
    lines: u32,
    dropped: u64,
}

impl Limit {
    fn new(now: Instant) -> Self {
        Self { second: now, lines: 0, dropped: 0 }
    }

    fn allows(&mut self, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.lines) = (now, 0);
        }
        self.lines += 1;
        let allowed = self.lines <= LINES_PER_SECOND;
        self.dropped += u64::from(!allowed);
        allowed
    }

    /// What was dropped since the last time.
    fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_so_many_lines_a_second_and_counted() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        let kept = (0..LINES_PER_SECOND * 3).filter(|_| limit.allows(start)).count();
        assert_eq!(kept, LINES_PER_SECOND as usize);
        assert!(limit.allows(start + Duration::from_secs(1)));
        assert_eq!(limit.take_dropped(), u64::from(LINES_PER_SECOND) * 2);
        assert_eq!(limit.take_dropped(), 0);
    }
}
