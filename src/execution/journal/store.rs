//! Logs on disk: a folder for each function, in it the file that is written
//! and the one before it.
//!
//! ```text
//! logs/hello/log.ndjson     records, one JSON object a line, the newest last
//! logs/hello/log.1.ndjson   older ones
//! ```
//!
//! All logs together have a bound as well. The log that was written least
//! recently makes room, whether its function is still there or not: who removes
//! a function can still read why, until others need the room.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::reading::Snapshot;
use crate::function::FunctionName;

/// The file that is written.
const NEWEST: &str = "log.ndjson";
/// The one before it.
const OLDER: &str = "log.1.ndjson";
/// Bytes of one file.
const MOST: u64 = 4 << 20;
/// Files that are kept open.
const OPEN: usize = 64;

/// Every log in one folder. Only one thread of one server writes there.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Bytes of all files together.
    room: u64,
    /// Bytes of one file.
    most: u64,
    open: HashMap<FunctionName, File>,
    sizes: HashMap<FunctionName, Sizes>,
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    newest: u64,
    older: u64,
    written: SystemTime,
}

impl Sizes {
    fn all(self) -> u64 {
        self.newest + self.older
    }
}

impl Store {
    /// The store in a folder that need not exist. Nothing is made before there
    /// is something to write.
    pub(super) fn new(folder: PathBuf, room: u64) -> Self {
        let sizes = find(&folder);
        // Two files of the log that is being written always have room.
        Self { folder, room, most: MOST.min(room / 2), open: HashMap::new(), sizes }
    }

    /// Where the logs are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds whole lines to a log.
    pub(super) fn append(&mut self, function: &FunctionName, lines: &[u8]) -> io::Result<()> {
        let added = lines.len() as u64;
        let newest = self.sizes.get(function).map_or(0, |sizes| sizes.newest);
        if newest > 0 && newest + added > self.most {
            self.rotate(function)?;
        }
        let written = self.file(function).and_then(|mut file| file.write_all(lines));
        if written.is_err() {
            // Part of a line may be there. Opening the file again ends it.
            self.open.remove(function);
            self.measure(function);
            return written;
        }
        let sizes = self.sizes.entry(function.clone()).or_insert(Sizes::NONE);
        sizes.newest += added;
        sizes.written = SystemTime::now();
        self.make_room(function);
        Ok(())
    }

    /// The files of a log as they are now, the newest first. They stay what
    /// they are, whatever is written later.
    pub(super) fn look(&self, function: &FunctionName) -> io::Result<Snapshot> {
        let folder = self.folder_of(function);
        let mut files = Vec::new();
        for name in [NEWEST, OLDER] {
            match File::open(folder.join(name)) {
                Ok(file) => {
                    let length = file.metadata()?.len();
                    files.push((file, length));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Snapshot::new(files))
    }

    fn folder_of(&self, function: &FunctionName) -> PathBuf {
        self.folder.join(function.to_file_name())
    }

    /// The file to write to.
    fn file(&mut self, function: &FunctionName) -> io::Result<&File> {
        if !self.open.contains_key(function) {
            let folder = self.folder_of(function);
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let path = folder.join(NEWEST);
            let file =
                File::options().create(true).read(true).append(true).mode(0o600).open(path)?;
            end_line(&file)?;
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            self.open.insert(function.clone(), file);
            self.measure(function);
        }
        self.open.get(function).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rotate(&mut self, function: &FunctionName) -> io::Result<()> {
        let folder = self.folder_of(function);
        self.open.remove(function);
        fs::rename(folder.join(NEWEST), folder.join(OLDER))?;
        self.measure(function);
        Ok(())
    }

    /// Looks how large a log is.
    fn measure(&mut self, function: &FunctionName) {
        let found = sizes(&self.folder_of(function));
        self.sizes.insert(function.clone(), found);
    }

    /// Removes the files that were written least recently, as long as all take
    /// up too much. What is being written stays.
    fn make_room(&mut self, writing: &FunctionName) {
        let mut all: u64 = self.sizes.values().map(|sizes| sizes.all()).sum();
        while all > self.room {
            let others = self.sizes.iter().filter(|(name, _)| *name != writing);
            let oldest = others.min_by_key(|(_, sizes)| sizes.written);
            let Some((name, sizes)) = oldest.map(|(name, sizes)| (name.clone(), *sizes)) else {
                break;
            };
            self.open.remove(&name);
            let folder = self.folder_of(&name);
            // What cannot be removed is counted no longer; the next server
            // tries again.
            if sizes.older > 0 {
                let _ = fs::remove_file(folder.join(OLDER));
                self.sizes.insert(name, Sizes { older: 0, ..sizes });
                all -= sizes.older;
            } else {
                let _ = fs::remove_dir_all(folder);
                self.sizes.remove(&name);
                all -= sizes.newest;
            }
        }
    }
}

impl Sizes {
    const NONE: Self = Self { newest: 0, older: 0, written: SystemTime::UNIX_EPOCH };
}

/// What is there of each log.
fn find(folder: &Path) -> HashMap<FunctionName, Sizes> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let named = entries.filter_map(|entry| {
        let name = FunctionName::from_file_name(entry.file_name().to_str()?).ok()?;
        Some((name, sizes(&entry.path())))
    });
    named.collect()
}

fn sizes(folder: &Path) -> Sizes {
    let metadata = |name| fs::metadata(folder.join(name)).ok();
    let newest = metadata(NEWEST);
    let written = newest.as_ref().and_then(|file| file.modified().ok());
    Sizes {
        newest: newest.map_or(0, |file| file.len()),
        older: metadata(OLDER).map_or(0, |file| file.len()),
        written: written.unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

/// Ends a line of which a killed server, or a full disk, wrote only a part, so
/// that the next one begins on its own.
fn end_line(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    if last == [b'\n'] { Ok(()) } else { (&*file).write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FunctionName {
        text.parse().unwrap()
    }

    /// The records of a log, oldest first; each is a number in a line of 100 bytes.
    fn numbers(folder: &Path, name: &str) -> Vec<u32> {
        let read = |file| fs::read_to_string(folder.join(name).join(file)).unwrap_or_default();
        let text = read(OLDER) + &read(NEWEST);
        text.lines().map(|line| line.trim().parse().unwrap()).collect()
    }

    fn line(number: u32) -> Vec<u8> {
        format!("{number:>99}\n").into_bytes()
    }

    fn store(folder: &Path, room: u64, most: u64) -> Store {
        Store { most, ..Store::new(folder.to_owned(), room) }
    }

    #[test]
    fn a_log_keeps_its_newest_records_in_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), 1 << 20, 1000);
        for number in 0..95 {
            store.append(&name("a"), &line(number)).unwrap();
        }
        assert_eq!(numbers(folder.path(), "a"), (80..95).collect::<Vec<_>>());
    }

    #[test]
    fn the_log_written_least_recently_makes_room_for_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), 3000, 1000);
        for function in ["old", "kept"] {
            for number in 0..15 {
                store.append(&name(function), &line(number)).unwrap();
            }
        }
        store.append(&name("new"), &line(0)).unwrap();
        assert_eq!(numbers(folder.path(), "old"), (10..15).collect::<Vec<_>>());
        for number in 1..6 {
            store.append(&name("new"), &line(number)).unwrap();
        }
        assert_eq!(numbers(folder.path(), "old"), (10..15).collect::<Vec<_>>());
        for number in 6..15 {
            store.append(&name("new"), &line(number)).unwrap();
        }
        assert!(!folder.path().join("old").exists());
        assert_eq!(numbers(folder.path(), "kept").len(), 15);
        assert_eq!(numbers(folder.path(), "new").len(), 15);
    }

    #[test]
    fn what_a_store_before_it_has_kept_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut before = store(folder.path(), 1 << 20, 1000);
        for number in 0..15 {
            before.append(&name("old"), &line(number)).unwrap();
        }
        drop(before);
        let mut store = store(folder.path(), 1000, 1000);
        store.append(&name("new"), &line(0)).unwrap();
        assert_eq!(numbers(folder.path(), "old"), (10..15).collect::<Vec<_>>());
        for number in 1..10 {
            store.append(&name("new"), &line(number)).unwrap();
        }
        assert!(!folder.path().join("old").exists());
    }

    #[test]
    fn half_a_line_spoils_none_that_follows() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a").join(NEWEST), "half a li").unwrap();
        let mut store = store(folder.path(), 1 << 20, 1000);
        store.append(&name("a"), &line(1)).unwrap();
        let text = fs::read_to_string(folder.path().join("a").join(NEWEST)).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
