//! What is published: reads `registry` and follows its changes.
//!
//! The registry swaps one link per function in one flat folder, so that folder
//! is all there is to watch. An event says only where to look again; what
//! counts is what is found there.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::function::FunctionName;
use crate::function::published::{LIVE, Published, RECORD};

/// Everything is looked at again this often, in case an event was lost.
const SAFETY_SCAN: Duration = Duration::from_secs(30);
/// How often everything is looked at where the volume delivers no events.
const POLL: Duration = Duration::from_secs(1);
/// How often a registry that does not exist yet is looked for.
const MISSING: Duration = Duration::from_millis(100);
/// Events that come this close together are looked at together.
const GATHER: Duration = Duration::from_millis(2);

/// A change of one function.
#[derive(Debug)]
pub enum Change {
    /// It was published, or published anew.
    Published(Box<Published>),
    /// It is published no longer.
    Removed(FunctionName),
}

/// Follows a `registry` folder.
#[derive(Debug)]
pub struct Catalog {
    live: PathBuf,
    known: HashMap<OsString, Known>,
    looks: mpsc::UnboundedReceiver<Look>,
    watch: Watch,
    sender: mpsc::UnboundedSender<Look>,
}

#[derive(Debug)]
struct Known {
    mark: Mark,
    name: Option<FunctionName>,
}

/// What changes with every swap of a link.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    changed: (i64, i64),
}

#[derive(Debug)]
enum Look {
    At(OsString),
    Everywhere,
}

/// How changes are noticed between two safety scans.
#[derive(Debug)]
enum Watch {
    Native(Option<notify::RecommendedWatcher>),
    Poll,
}

impl Catalog {
    /// The catalog of a registry that may not exist yet.
    pub fn new(registry: &Path, poll: bool) -> Self {
        let (sender, looks) = mpsc::unbounded_channel();
        let watch = if poll { Watch::Poll } else { Watch::Native(None) };
        Self { live: registry.join(LIVE), known: HashMap::new(), looks, watch, sender }
    }

    /// Reads everything, and returns what differs from what was read before.
    pub fn scan(&mut self) -> Vec<Change> {
        // Watched before it is read, so that nothing falls between the two.
        self.watch();
        let entries = match std::fs::read_dir(&self.live) {
            Ok(entries) => entries,
            Err(error) => {
                // It may be on its way: mounted late, or made anew. What is
                // served goes on being served until it can be read again.
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(folder = %self.live.display(), %error, "cannot read the registry");
                }
                return Vec::new();
            }
        };
        let found: BTreeSet<OsString> =
            entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        let gone: Vec<_> =
            self.known.keys().filter(|file| !found.contains(*file)).cloned().collect();
        found.into_iter().chain(gone).filter_map(|file| self.look(&file)).collect()
    }

    /// Waits until something changed. May be cancelled.
    pub async fn changed(&mut self) -> Vec<Change> {
        let pause = match self.watch {
            Watch::Native(Some(_)) => SAFETY_SCAN,
            // Not there yet: cheap to ask for, and somebody may be waiting.
            Watch::Native(None) => MISSING,
            Watch::Poll => POLL,
        };
        let mut files = BTreeSet::new();
        match tokio::time::timeout(pause, self.looks.recv()).await {
            Ok(Some(Look::At(file))) => files.insert(file),
            _ => return self.scan(),
        };
        tokio::time::sleep(GATHER).await;
        while let Ok(look) = self.looks.try_recv() {
            match look {
                Look::At(file) => files.insert(file),
                Look::Everywhere => return self.scan(),
            };
        }
        files.iter().filter_map(|file| self.look(file)).collect()
    }

    /// Looks at one link.
    fn look(&mut self, file: &OsString) -> Option<Change> {
        let link = self.live.join(file);
        // A link on its way has a name that is no function's.
        let name = file.to_str().and_then(|text| FunctionName::from_file_name(text).ok())?;
        let Ok(metadata) = std::fs::symlink_metadata(&link) else {
            let removed = self.known.remove(file)?.name?;
            return Some(Change::Removed(removed));
        };
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let mark = Mark { inode: metadata.ino(), changed };
        if self.known.get(file).is_some_and(|known| known.mark == mark) {
            return None;
        }
        let read = std::fs::read(link.join(RECORD))
            .and_then(|text| serde_json::from_slice::<Published>(&text).map_err(io::Error::from));
        let was = self.known.insert(file.clone(), Known { mark, name: Some(name.clone()) });
        match read {
            Ok(published) if published.name == name => Some(Change::Published(Box::new(published))),
            Ok(published) => {
                tracing::error!(
                    function = %name, found = %published.name,
                    "a published record names another function"
                );
                None
            }
            Err(error) => {
                // Swapped again meanwhile, or damaged: the next look decides.
                tracing::warn!(function = %name, %error, "cannot read a published record");
                match was {
                    Some(was) => self.known.insert(file.clone(), was),
                    None => self.known.remove(file),
                };
                None
            }
        }
    }

    fn watch(&mut self) {
        let Watch::Native(watcher) = &mut self.watch else { return };
        // Watched anew each time: a folder that was removed and made again
        // takes its watch with it, silently.
        *watcher = match watch(&self.live, self.sender.clone()) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::debug!(folder = %self.live.display(), %error, "cannot watch the registry yet");
                None
            }
        };
    }
}

fn watch(
    live: &Path,
    sender: mpsc::UnboundedSender<Look>,
) -> notify::Result<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let looks = match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) if !event.need_rescan() && !event.paths.is_empty() => event
                .paths
                .iter()
                .map(|path| path.file_name().map_or(Look::Everywhere, |f| Look::At(f.to_owned())))
                .collect(),
            _ => vec![Look::Everywhere],
        };
        for look in looks {
            // Nobody listens any more when the server ends.
            let _ = sender.send(look);
        }
    })?;
    watcher.watch(live, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
