//! Where something may have changed: "look again there", never which file, and
//! never what happened to it.
//!
//! Native events come from one watch on `registry_in` with everything below
//! it, and from watches behind symbolic links. They are a hint for speed. What
//! they miss (a directory made and filled too quickly, a network file system,
//! a full queue) is found by looking at everything from time to time.

mod events;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{INotifyWatcher, RecursiveMode, Watcher};

use super::config::{RegistryConfig, WatchMode};
use super::inbox::{Link, trace};
use super::schedule::Place;
use events::Events;

/// Looking at everything takes at most one part in this many of the time while
/// events tell of changes, and of the other while nothing else does.
const SAFETY_SHARE: u32 = 1000;
const POLL_SHARE: u32 = 20;

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
        if self.events.are_exhausted() {
            self.native = None;
            return self.complain(&io::Error::other("no more watches for this user"));
        }
        if self.native.as_ref().map(|native| native.identity) == identity {
            return;
        }
        self.native = None;
        let Some(identity) = identity else { return };
        match Native::start(&self.root, identity, &self.events) {
            Ok(native) => {
                self.native = Some(native);
                self.complained = false;
            }
            Err(error) => self.complain(&error),
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if !self.complained {
            tracing::warn!(%error, "no file events; looking at an interval instead");
        }
        self.complained = true;
    }

    /// Watches one function's folder once more. Directories that are made in
    /// quick succession may have got no watch of their own.
    pub(super) fn renew_below(&mut self, folder: &Path) {
        let Some(native) = &mut self.native else { return };
        // By its real path, as everything is watched: two paths to one folder
        // are one watch to the kernel, and events name the path of the last.
        // A folder that is gone again will be seen to be gone.
        if let Ok(real) = folder.canonicalize() {
            let _ = native.watcher.watch(&real, RecursiveMode::Recursive);
        }
    }

    /// Watches behind these links, and no longer behind others.
    pub(super) fn follow(&mut self, links: &[Link]) {
        let Some(native) = &mut self.native else { return };
        if native.linked == links {
            return;
        }
        native.follow(links);
        self.events.set_links(links);
    }

    /// How long to wait before everything is looked at again, after a look
    /// that took this long.
    pub(super) fn interval(&self, took: Duration) -> Duration {
        match (self.mode, &self.native) {
            (WatchMode::Native, Some(_)) => self.safety_scan.max(took * SAFETY_SHARE),
            (WatchMode::Native, None) => RegistryConfig::POLL.max(took * POLL_SHARE),
            (WatchMode::Poll(interval), _) => interval.max(took * POLL_SHARE),
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
        watcher.watch(&real, RecursiveMode::Recursive).map_err(plain)?;
        for path in hops.iter().chain(std::iter::once(&real)) {
            // Its parent tells when the folder or the link is replaced; where
            // it cannot be watched, the next look at everything tells.
            if let Some(parent) = path.parent() {
                let _ = watcher.watch(parent, RecursiveMode::NonRecursive);
            }
        }
        Ok(Self { watcher, identity, root: real, linked: Vec::new() })
    }

    fn follow(&mut self, links: &[Link]) {
        let root = &self.root;
        for link in &self.linked {
            if !links.iter().any(|other| other.target == link.target)
                && !link.target.starts_with(root)
            {
                let _ = self.watcher.unwatch(&link.target);
            }
        }
        for link in links {
            // What cannot be watched is found by looking at everything.
            let _ = self.watcher.watch(&link.target, RecursiveMode::Recursive);
            let parents = link.hops.iter().filter_map(|hop| hop.parent());
            for parent in parents.filter(|parent| !parent.starts_with(root)) {
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
fn is_of_interest(top: &OsString) -> bool {
    !top.as_encoded_bytes().starts_with(b"_") && !top.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests;
