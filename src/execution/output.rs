//! What a function prints becomes records of its log.
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

use super::headers;
use super::instance::InstanceId;
use super::journal::Journal;
use super::journal::events::{Saying, Subject};
use super::journal::record::{Level, Stream};
use super::limit::Limit;
use super::stack::Stacks;

/// Longest line that is kept, in bytes.
const MAX_LINE: u64 = 8 * 1024;
/// Lines kept per process and second.
pub const LINES_PER_SECOND: u32 = 500;
/// While lines are dropped, as much as a pipe holds is read at a time, and then
/// nothing for so long: a line alone is not worth waking up for, and who floods
/// it waits, instead of keeping a processor busy with what nobody sees.
const FLOOD: usize = 64 * 1024;
const FLOOD_PAUSE: Duration = Duration::from_millis(10);
/// Lines kept for an error message.
const LAST_LINES: usize = 10;
/// How long an ended process's last output is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Begins what was said with `console`; the shim's `console.ts` says how it goes on.
const RECORD: u8 = 0x1e;
/// Ends the request's id there, and each line of the text but the last.
const UNIT: u8 = 0x1f;

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
    rate: Mutex<Rate>,
}

/// Whose output it is, from the assignment on.
#[derive(Debug)]
struct Owner {
    subject: Subject,
    journal: Arc<Journal>,
    stacks: Mutex<Stacks>,
}

/// What the shim says about a text that was said with `console`.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    level: Level,
    /// Where it belongs, whichever way it came.
    stream: Stream,
    request: Option<String>,
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
            rate: Mutex::new(Rate::new(Instant::now())),
        });
        let read = |pipe, stream| tokio::spawn(read(pipe, stream, Arc::clone(&shared)));
        let readers = [(stdout, Stream::Stdout), (stderr, Stream::Stderr)].into_iter();
        let readers = readers.filter_map(|(pipe, stream)| Some(read(pipe?, stream))).collect();
        Self { shared, readers }
    }

    /// Says whose output it is from now on.
    pub fn belongs_to(&self, subject: Subject, journal: Arc<Journal>) {
        let stacks = Mutex::new(Stacks::new(&subject.deployment.folder));
        // A process is assigned once, so this cannot be set already.
        let _ = self.shared.owner.set(Owner { subject, journal, stacks });
    }

    /// What a process that has ended printed last. By then all of it is told,
    /// unless something that it started holds its pipes open.
    pub async fn last_words(&mut self) -> String {
        let read = async {
            while let Some(reader) = self.readers.last_mut() {
                // A reader that has panicked reads no more either.
                let _ = reader.await;
                self.readers.pop();
            }
        };
        // Whatever is still to come is nobody's last word.
        let _ = tokio::time::timeout(LAST_WORDS, read).await;
        let last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Shared {
    /// Not before the last line has been read, which may be after the end of
    /// the process.
    fn drop(&mut self) {
        self.report_dropped();
    }
}

async fn read(pipe: impl AsyncRead + Unpin, stream: Stream, shared: Arc<Shared>) {
    let mut pipe = BufReader::with_capacity(FLOOD, pipe);
    let mut line = Vec::new();
    let mut dropped = 0;
    // Of the line that is being read, whose parts may come one by one.
    let mut mark = None;
    loop {
        if dropped >= FLOOD || (dropped > 0 && pipe.buffer().is_empty()) {
            dropped = 0;
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
        line.clear();
        match (&mut pipe).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if shared.part(stream, &mut mark, &line) => dropped = 0,
            Ok(read) => dropped += read,
        }
    }
}

impl Shared {
    /// Keeps a line, or a part of one that is too long; whether there was room.
    fn part(&self, stream: Stream, mark: &mut Option<Mark>, part: &[u8]) -> bool {
        let mut text = part;
        if mark.is_none()
            && let Some((before, new, after)) = Mark::find(part)
        {
            // Printed without an end before something was said.
            if !before.is_empty() {
                self.line(stream, None, before);
            }
            (*mark, text) = (Some(new), after);
        }
        let kept = self.line(stream, mark.as_ref(), text);
        if part.ends_with(b"\n") {
            *mark = None;
        }
        kept
    }

    fn line(&self, stream: Stream, mark: Option<&Mark>, line: &[u8]) -> bool {
        if !self.rate.lock().unwrap_or_else(PoisonError::into_inner).allows(Instant::now()) {
            return false;
        }
        self.report_dropped();
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\n', '\r']);
        let text = match mark {
            Some(_) => text.replace(char::from(UNIT), "\n"),
            None => text.to_owned(),
        };
        let text = match self.owner.get() {
            Some(owner) => owner.says(stream, mark, &text),
            None => {
                tracing::info!(target: "function", instance = %self.instance, %stream, "{text}");
                text
            }
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text);
        true
    }

    fn report_dropped(&self) {
        let dropped = self.rate.lock().unwrap_or_else(PoisonError::into_inner).take_dropped();
        if dropped > 0
            && let Some(owner) = self.owner.get()
        {
            owner.journal.flooded(&owner.subject, dropped, &Limit::lines());
        }
    }
}

impl Owner {
    /// Tells the log, and gives back what it was told.
    fn says(&self, stream: Stream, mark: Option<&Mark>, text: &str) -> String {
        // An author who prints an error wants to see his own lines in it.
        let text = self.stacks.lock().unwrap_or_else(PoisonError::into_inner).map(text);
        let (level, stream) = match (mark, stream) {
            (Some(mark), _) => (mark.level, mark.stream),
            (None, Stream::Stdout) => (Level::Info, stream),
            (None, Stream::Stderr) => (Level::Warn, stream),
        };
        let request = mark.and_then(|mark| mark.request.as_deref());
        self.journal.said(&self.subject, Saying { stream, level, request, text: &text });
        text.into_owned()
    }
}

impl Mark {
    /// What was printed before a mark, the mark, and what was said.
    fn find(line: &[u8]) -> Option<(&[u8], Self, &[u8])> {
        let (before, marked) = line.split_at(memchr::memchr(RECORD, line)?);
        let (level, stream) = match marked.get(1)? {
            b'D' => (Level::Debug, Stream::Stdout),
            b'I' => (Level::Info, Stream::Stdout),
            b'W' => (Level::Warn, Stream::Stderr),
            b'E' => (Level::Error, Stream::Stderr),
            b'T' => (Level::Debug, Stream::Stderr),
            _ => return None,
        };
        let (request, said) = marked[2..].split_at(memchr::memchr(UNIT, &marked[2..])?);
        let request = std::str::from_utf8(request).ok()?;
        let request = headers::is_request_id(request).then(|| request.to_owned());
        Some((before, Self { level, stream, request }, &said[1..]))
    }
}

/// So many lines a second.
#[derive(Debug)]
struct Rate {
    second: Instant,
    lines: u32,
    dropped: u64,
}

impl Rate {
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
        let mut rate = Rate::new(start);
        let kept = (0..LINES_PER_SECOND * 3).filter(|_| rate.allows(start)).count();
        assert_eq!(kept, LINES_PER_SECOND as usize);
        assert!(rate.allows(start + Duration::from_secs(1)));
        assert_eq!(rate.take_dropped(), u64::from(LINES_PER_SECOND) * 2);
        assert_eq!(rate.take_dropped(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn while_lines_are_dropped_they_are_not_read_one_by_one() {
        let shared = Arc::new(Shared {
            instance: InstanceId::next(),
            owner: OnceLock::new(),
            last: Mutex::default(),
            rate: Mutex::new(Rate::new(Instant::now())),
        });
        let (ours, mut theirs) = tokio::io::duplex(64);
        let reader = tokio::spawn(read(ours, Stream::Stdout, shared));
        let began = tokio::time::Instant::now();
        for n in 0..LINES_PER_SECOND * 20 {
            if n == LINES_PER_SECOND {
                assert_eq!(began.elapsed(), Duration::ZERO);
            }
            tokio::io::AsyncWriteExt::write_all(&mut theirs, b"a line\n").await.unwrap();
        }
        drop(theirs);
        reader.await.unwrap();
        assert!(began.elapsed() > FLOOD_PAUSE * 99, "{:?}", began.elapsed());
    }

    #[test]
    fn a_mark_is_found_where_the_shim_sets_it_and_nothing_else_is_one() {
        let mark = |level, stream, request: &str| {
            let request = (!request.is_empty()).then(|| request.to_owned());
            Some(Mark { level, stream, request })
        };
        let (out, err) = (Stream::Stdout, Stream::Stderr);
        for (line, before, expected, said) in [
            ("\x1eIr1\x1fhello\n", "", mark(Level::Info, out, "r1"), "hello\n"),
            ("\x1eD\x1fa\x1fb\n", "", mark(Level::Debug, out, ""), "a\x1fb\n"),
            ("\x1eT\x1ftrace\n", "", mark(Level::Debug, err, ""), "trace\n"),
            ("\x1eWr1\x1f\n", "", mark(Level::Warn, err, "r1"), "\n"),
            ("begun\x1eEr1\x1fhello", "begun", mark(Level::Error, err, "r1"), "hello"),
            // Nobody's id has a blank in it.
            ("\x1eIr 1\x1fhello", "", mark(Level::Info, out, ""), "hello"),
            ("hello\n", "", None, ""),
            ("\x1e", "", None, ""),
            ("\x1eXr1\x1fhello", "", None, ""),
            ("\x1eIr1 hello\n", "", None, ""),
        ] {
            let found = Mark::find(line.as_bytes());
            let wanted = expected.map(|mark| (before.as_bytes(), mark, said.as_bytes()));
            assert_eq!(found, wanted, "{line:?}");
        }
    }
}
