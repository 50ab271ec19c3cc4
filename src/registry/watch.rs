//! Where something may have changed: "look again there", never which file, and
//! never what happened to it.
//!
//! Native events come from a watch on each folder below `registry_in`, and
//! from watches behind symbolic links. They are a hint for speed. What they
//! miss (a network file system, a full queue, a folder that cannot be read) is
//! found by looking at everything from time to time.

mod cover;
mod events;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{INotifyWatcher, RecursiveMode, Watcher};

use super::config::{RegistryConfig, WatchMode};
use super::inbox::{Link, trace};
use super::schedule::Place;
use cover::Coverage;
use events::Events;

/// Looking at everything takes at most one part in this many of the time while
/// events tell of changes, and of the other while nothing else does.
const SAFETY_SHARE: u32 = 1000;
const POLL_SHARE: u32 = 20;
/// Where the kernel had too few watches, there may be enough after this long:
/// whoever used them up may be gone.
const BEFORE_RETRY: Duration = Duration::from_mins(1);

/// Tells where to look again.
#[derive(Debug)]
pub(super) struct Watch {
    root: PathBuf,
    mode: WatchMode,
    safety_scan: Duration,
    events: Arc<Events>,
    native: Option<Native>,
    /// Whether it was told that there are no events, so that it is told once.
    complained: bool,
}

#[derive(Debug)]
struct Native {
    watcher: INotifyWatcher,
    /// What `registry_in` was when it was watched: a folder that replaces it
    /// is another one, and its watch is dead without a word.
    identity: (u64, u64),
    /// Its real path.
    root: PathBuf,
    linked: Vec<Link>,
    /// When the kernel had no more watches for this user, so that there are
    /// changes without events.
    exhausted: Option<Instant>,
}

impl Watch {
    /// Watches nothing yet; [`Self::renew`] does.
    pub(super) fn new(root: PathBuf, mode: WatchMode, safety_scan: Duration) -> Self {
        Self { root, mode, safety_scan, events: Arc::default(), native: None, complained: false }
    }

    /// Waits until something may have changed, and says where. May be
    /// cancelled; nothing is lost.
    pub(super) async fn changed(&self) -> Vec<Place> {
        self.events.take().await
    }

    /// Watches `registry_in` as it is now, if it is not the one that is
    /// watched already. To be called before every look at everything, so that
    /// no change falls between the watch and the look.
    pub(super) fn renew(&mut self, identity: Option<(u64, u64)>) {
        if self.mode != WatchMode::Native {
            return;
        }
        if let Some(native) = &self.native
            && Some(native.identity) == identity
            && native.exhausted.is_none_or(|since| since.elapsed() < BEFORE_RETRY)
        {
            return;
        }
        self.native = None;
        let Some(identity) = identity else { return };
        match Native::start(&self.root, identity, &self.events) {
            Ok(native) => self.native = Some(native),
            Err(error) => return self.complain(&error),
        }
        self.tell_exhaustion();
        if self.is_complete() {
            self.complained = false;
        }
    }

    fn is_complete(&self) -> bool {
        self.native.as_ref().is_some_and(|native| native.exhausted.is_none())
    }

    fn tell_exhaustion(&mut self) {
        if self.native.is_some() && !self.is_complete() {
            self.complain(&io::Error::other("no more watches for this user"));
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if !self.complained {
            tracing::warn!(%error, "too few file events; looking at an interval as well");
        }
        self.complained = true;
    }

    /// Watches the folders inside a function's folder, as many as there are now.
    /// To be called before a build, after which the folder is looked at again.
    pub(super) fn renew_below(&mut self, folder: &Path) {
        let Some(native) = &mut self.native else { return };
        // By its real path, as everything is watched: two paths to one folder
        // are one watch to the kernel, and events name the path of the last.
        // A folder that is gone again will be seen to be gone.
        if let Ok(real) = folder.canonicalize() {
            native.cover(vec![real]);
        }
        self.tell_exhaustion();
    }

    /// Watches behind these links, and no longer behind others.
    pub(super) fn follow(&mut self, links: &[Link]) {
        let Some(native) = &mut self.native else { return };
        if native.linked == links {
            return;
        }
        native.follow(links);
        self.events.set_links(links);
        self.tell_exhaustion();
    }

    /// How long to wait before everything is looked at again, after a look
    /// that took this long.
    pub(super) fn interval(&self, took: Duration) -> Duration {
        match self.mode {
            WatchMode::Native if self.is_complete() => self.safety_scan.max(took * SAFETY_SHARE),
            WatchMode::Native => RegistryConfig::POLL.max(took * POLL_SHARE),
            WatchMode::Poll(interval) => interval.max(took * POLL_SHARE),
        }
    }
}

impl Native {
    fn start(root: &Path, identity: (u64, u64), events: &Arc<Events>) -> io::Result<Self> {
        let (real, hops) = trace(root);
        events.set_root(&real, &hops);
        let config = notify::Config::default().with_follow_symlinks(false);
        let handler = Arc::clone(events);
        let handler = move |event| handler.note(event);
        let mut watcher = INotifyWatcher::new(handler, config).map_err(plain)?;
        watcher.watch(&real, RecursiveMode::NonRecursive).map_err(plain)?;
        for path in hops.iter().chain(std::iter::once(&real)) {
            // Its parent tells when the folder or the link is replaced; where
            // it cannot be watched, the next look at everything tells.
            if let Some(parent) = path.parent() {
                let _ = watcher.watch(parent, RecursiveMode::NonRecursive);
            }
        }
        let tops = cover::folders_in(&real).into_iter();
        let tops = tops.filter(|top| top.file_name().is_some_and(is_of_interest)).collect();
        let mut native =
            Self { watcher, identity, root: real, linked: Vec::new(), exhausted: None };
        native.cover(tops);
        Ok(native)
    }

    /// Watches these folders with everything in them.
    fn cover(&mut self, folders: Vec<PathBuf>) {
        if cover::watch(&mut self.watcher, folders) == Coverage::Exhausted {
            self.exhausted.get_or_insert_with(Instant::now);
        }
    }

    fn follow(&mut self, links: &[Link]) {
        let gone = |target: &Path| !links.iter().any(|link| link.target == target);
        for link in &self.linked {
            if gone(&link.target) && !link.target.starts_with(&self.root) {
                for folder in cover::every_folder(vec![link.target.clone()]) {
                    let _ = self.watcher.unwatch(&folder);
                }
            }
        }
        // What cannot be watched is found by looking at everything.
        self.cover(links.iter().map(|link| link.target.clone()).collect());
        for link in links {
            let parents = link.hops.iter().filter_map(|hop| hop.parent());
            for parent in parents.filter(|parent| !parent.starts_with(&self.root)) {
                let _ = self.watcher.watch(parent, RecursiveMode::NonRecursive);
            }
        }
        self.linked = links.to_vec();
    }
}

fn plain(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    }
}

/// A name in `registry_in` that is anybody's business.
fn is_of_interest(top: &OsStr) -> bool {
    !top.as_encoded_bytes().starts_with(b"_") && !top.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests;
