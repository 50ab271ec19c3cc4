//! The way back from a log: its last records, and those that come.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio::sync::broadcast;

use super::record::{Level, Record};

/// Bytes that are read at once.
const CHUNK: u64 = 64 * 1024;

/// Tells records as they come. One that is too slow is told how many it has
/// missed.
pub type Following = broadcast::Receiver<Arc<Record>>;

/// Which records somebody wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// As many of the last ones.
    pub tail: Option<usize>,
    /// Later than this.
    pub since: Option<Timestamp>,
    /// That matter as much or more.
    pub level: Option<Level>,
    /// Of this instance.
    pub instance: Option<String>,
}

/// The files of a log as they were at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// With their lengths, the newest first.
    files: Vec<(File, u64)>,
}

/// A record as it was written.
#[derive(Debug)]
pub struct Line {
    /// Its time.
    pub time: Timestamp,
    /// The JSON object, without a line feed.
    pub text: Bytes,
}

/// What decides whether a record is wanted.
#[derive(Deserialize)]
struct Head<'l> {
    time: Timestamp,
    level: Level,
    #[serde(borrow)]
    instance: Option<Cow<'l, str>>,
}

impl Wanted {
    fn wants(&self, time: Timestamp, level: Level, instance: Option<&str>) -> bool {
        self.since.is_none_or(|since| time > since)
            && self.level.is_none_or(|least| level >= least)
            && self.instance.as_deref().is_none_or(|wanted| instance == Some(wanted))
    }

    /// Whether this record is among them.
    pub fn has(&self, record: &Record) -> bool {
        self.wants(record.time, record.level, record.instance.as_deref())
    }

    /// A line that was written whole and is wanted.
    fn line(&self, text: &[u8]) -> Option<Line> {
        let head: Head<'_> = serde_json::from_slice(text).ok()?;
        let Head { time, level, instance } = head;
        let wanted = self.wants(time, level, instance.as_deref());
        wanted.then(|| Line { time, text: Bytes::copy_from_slice(text) })
    }
}

impl Snapshot {
    pub(super) fn new(files: Vec<(File, u64)>) -> Self {
        Self { files }
    }

    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The wanted records, oldest first. The log is read from its end, in
    /// pieces between which others get their turn.
    pub async fn lines(self, wanted: &Wanted) -> io::Result<Vec<Line>> {
        let most = wanted.tail.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for (file, length) in self.files {
            let mut file = tokio::fs::File::from_std(file);
            let mut start = length;
            // The beginning of what was read, whose line begins before it.
            let mut rest = Vec::new();
            while start > 0 && found.len() < most {
                let end = start;
                start = end.saturating_sub(CHUNK);
                file.seek(SeekFrom::Start(start)).await?;
                let mut bytes = Vec::new();
                (&mut file).take(end - start).read_to_end(&mut bytes).await?;
                bytes.append(&mut rest);
                let whole = match memchr::memchr(b'\n', &bytes) {
                    _ if start == 0 => 0,
                    Some(end) => end + 1,
                    None => bytes.len(),
                };
                let lines = bytes[whole..].rsplit(|byte| *byte == b'\n');
                let lines = lines.filter_map(|line| wanted.line(line));
                found.extend(lines.take(most - found.len()));
                bytes.truncate(whole);
                rest = bytes;
            }
        }
        found.reverse();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// A file of these lines, and maybe half of another one.
    fn file(lines: &[String], half: &str) -> (File, u64) {
        let mut file = tempfile::tempfile().unwrap();
        let text = lines.iter().fold(String::new(), |text, line| text + line + "\n") + half;
        file.write_all(text.as_bytes()).unwrap();
        (file, text.len() as u64)
    }

    fn line(second: usize, length: usize) -> String {
        let time = Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        format!(r#"{{"time":"{time}","level":"info","message":"{}"}}"#, "x".repeat(length))
    }

    fn read(files: Vec<(File, u64)>, wanted: &Wanted) -> Vec<Bytes> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = runtime.block_on(Snapshot::new(files).lines(wanted)).unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_last_lines_are_read_whatever_their_lengths(
            // Chunks end within them, between them, and more than once in one.
            lengths in proptest::collection::vec(
                prop_oneof![0usize..200, 8_000usize..9_000, 60_000usize..150_000], 0..20),
            cut in any::<prop::sample::Index>(),
            tail in 0usize..25,
            half in prop_oneof![Just(""), Just(r#"{"time":"1970"#)],
        ) {
            let all: Vec<_> = lengths.iter().enumerate().map(|(n, l)| line(n, *l)).collect();
            let (older, newest) = all.split_at(cut.index(all.len() + 1));
            let files = vec![file(newest, half), file(older, "")];
            let wanted = Wanted { tail: Some(tail), ..Wanted::default() };
            prop_assert_eq!(read(files, &wanted), &all[all.len().saturating_sub(tail)..]);
        }
    }

    #[test]
    fn what_was_written_after_the_look_is_not_read() {
        let (file, length) = file(&[line(1, 10)], "");
        (&file).write_all((line(2, 10) + "\n").as_bytes()).unwrap();
        assert_eq!(read(vec![(file, length)], &Wanted::default()), [line(1, 10)]);
    }
}
