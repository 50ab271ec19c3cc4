//! The published files, laid out as `function::published` says.
//!
//! A publish is made complete under another name and then shown by one rename
//! of one link. Readers watch the folder of those links only, so every publish
//! ends with such a rename, even if nothing but the problems has changed.

mod links;
mod rollback;
mod sweep;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;

use super::bundle::{Bundle, make_folder, write_file};
use super::fingerprint::Fingerprint;
use crate::function::published::{
    BUNDLE, LIVE, PublishedState, RECORD, REVISIONS, Release, revision_folder,
};
use crate::function::{FunctionName, Problem, Published, RevisionId};
use crate::private_file::FileError;

/// Revisions kept of each function, the live one included.
const KEPT_REVISIONS: usize = 10;
/// Stands in the place of a revision where there is none.
const BROKEN: &str = "broken";
/// Where everything is made before it is shown.
const TEMPORARY: &str = ".tmp-registry";
/// Held by the one registry that publishes here.
const LOCK: &str = ".lock";

pub(super) use rollback::RollbackError;

/// The published files cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Two registries would undo each other's work.
    #[error("another registry publishes to `{}`; stop it first", .0.display())]
    Held(PathBuf),
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| FileError::at(doing, path)(error).into()
}

/// Why a bundle was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The folder looked new.
    Seen,
    /// The operator wants what lies in the folder, also if it was rolled back.
    Ordered,
}

/// What a publish changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Another revision is live now.
    Revision,
    /// The same would run as before; only the record is new.
    Record,
    /// The folder builds to what was rolled back, so what is live stays.
    Held,
}

/// The only writer of `registry`.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    count: AtomicU64,
    _lock: Flock<File>,
}

impl Store {
    /// Takes the folder for this process, makes what is missing, and clears
    /// away what an interrupted one left behind.
    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(root).map_err(at("make the folder", root))?;
        let root = root.canonicalize().map_err(at("find the folder", root))?;
        let path = root.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(at("open the lock", &path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| StoreError::Held(root.clone()))?;
        let store = Self { root, count: AtomicU64::new(0), _lock: lock };
        store.sweep()?;
        Ok(store)
    }

    /// A folder on the same file system, empty at the start, removed at the end.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join(TEMPORARY)
    }

    /// Every published function with the fingerprint of its source; an empty
    /// one, which no source has, where the published files are damaged.
    pub(super) fn read(&self) -> Result<BTreeMap<FunctionName, Fingerprint>, StoreError> {
        #[derive(Deserialize)]
        struct Record {
            name: FunctionName,
            fingerprint: String,
            state: String,
        }
        let mut published = BTreeMap::new();
        for (name, link) in self.live_links()? {
            let record = fs::read(link.join(RECORD)).ok();
            let record = record.and_then(|text| serde_json::from_slice::<Record>(&text).ok());
            let sound = record.filter(|record| {
                record.name == name && (record.state == BROKEN || link.join(BUNDLE).is_file())
            });
            if sound.is_none() {
                tracing::warn!(function = %name, "the published files are damaged and will be made again");
            }
            let fingerprint = sound.map(|record| record.fingerprint).unwrap_or_default();
            published.insert(name, fingerprint.into());
        }
        Ok(published)
    }

    /// The published record of one function.
    pub(super) fn record(&self, name: &FunctionName) -> Option<Published> {
        let text = fs::read(self.link(name).join(RECORD)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Makes a bundle the live revision, unless it was rolled back and nobody
    /// ordered it anew.
    pub(super) fn publish(&self, bundle: Bundle, cause: Cause) -> Result<Change, StoreError> {
        let name = bundle.name().clone();
        let fingerprint = bundle.fingerprint().as_str().to_owned();
        if cause == Cause::Seen && self.hold(&bundle)? {
            return Ok(Change::Held);
        }
        let (mut release, staging) = bundle.into_parts();
        let revision = release.revision.clone();
        let folder = revision_folder(&self.root, &name, &revision);
        let was_live = self.live_revision(&name);
        let kept = self.has_code(&name, &revision);
        if kept && let Some(built_at) = built_at(&folder) {
            release.built_at = built_at;
        }
        let record = Published {
            name: name.clone(),
            state: PublishedState::Live(release),
            problems: Vec::new(),
            checked_at: Timestamp::now(),
            fingerprint,
            rolled_back_from: None,
        };
        if kept {
            // The same content has the same revision: nothing but the record
            // differs, and readers of that folder see one or the other.
            self.replace_record(&folder, &record)?;
        } else {
            self.discard(&folder);
            let made = staging.revision();
            write_record(&made.join(RECORD), &record)?;
            self.make_revisions_of(&name)?;
            fs::rename(&made, &folder).map_err(at("put in place", &folder))?;
        }
        self.show(&name, revision.as_str(), links::Shown::CodeAndRecord)?;
        self.discard(&self.revisions_of(&name).join(BROKEN));
        self.prune(&name, &revision);
        let same = was_live.as_deref() == Some(revision.as_str());
        Ok(if same { Change::Record } else { Change::Revision })
    }

    /// Publishes what is wrong with the newest source. What runs, runs on.
    pub(super) fn publish_problems(
        &self,
        name: &FunctionName,
        problems: Vec<Problem>,
        fingerprint: &Fingerprint,
    ) -> Result<Published, StoreError> {
        let was = self.record(name);
        let rolled_back_from = was.as_ref().and_then(|was| was.rolled_back_from.clone());
        let release = was.and_then(into_release);
        let release = release.filter(|release| self.has_code(name, &release.revision));
        let record = Published {
            name: name.clone(),
            problems,
            checked_at: Timestamp::now(),
            fingerprint: fingerprint.as_str().to_owned(),
            state: release.map_or(PublishedState::Broken, PublishedState::Stale),
            rolled_back_from,
        };
        if let PublishedState::Stale(release) = &record.state {
            self.show_kept(&release.revision, &record)?;
        } else {
            let folder = self.revisions_of(name).join(BROKEN);
            if folder.is_dir() {
                self.replace_record(&folder, &record)?;
            } else {
                let made = self.another_temporary();
                make_folder(&made).map_err(at("make the folder", &made))?;
                write_record(&made.join(RECORD), &record)?;
                self.make_revisions_of(name)?;
                fs::rename(&made, &folder).map_err(at("put in place", &folder))?;
            }
            self.show(name, BROKEN, links::Shown::RecordOnly)?;
        }
        Ok(record)
    }

    /// Removes a function. First from sight, so that no reader finds half of it.
    pub(super) fn remove(&self, name: &FunctionName) -> Result<(), StoreError> {
        let link = self.link(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at("remove", &link)(error));
            }
            _ => {}
        }
        self.remove_links(name);
        self.discard(&self.revisions_of(name));
        Ok(())
    }

    /// Gives a kept revision a new record, and makes it the live one.
    fn show_kept(&self, revision: &RevisionId, record: &Published) -> Result<(), StoreError> {
        let folder = revision_folder(&self.root, &record.name, revision);
        self.replace_record(&folder, record)?;
        self.show(&record.name, revision.as_str(), links::Shown::CodeAndRecord)
    }

    fn has_code(&self, name: &FunctionName, revision: &RevisionId) -> bool {
        revision_folder(&self.root, name, revision).join(BUNDLE).is_file()
    }

    /// The revision that the live link names, or `broken`.
    fn live_revision(&self, name: &FunctionName) -> Option<String> {
        let target = fs::read_link(self.link(name)).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    fn link(&self, name: &FunctionName) -> PathBuf {
        self.root.join(LIVE).join(name.to_file_name())
    }

    fn revisions_of(&self, name: &FunctionName) -> PathBuf {
        self.root.join(REVISIONS).join(name.to_file_name())
    }

    fn make_revisions_of(&self, name: &FunctionName) -> Result<(), StoreError> {
        let folder = self.revisions_of(name);
        if folder.is_dir() {
            return Ok(());
        }
        make_folder(&folder).map_err(at("make the folder", &folder))
    }

    /// A path at which nothing lies, on the same file system.
    pub(super) fn another_temporary(&self) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.temporary().join(format!("store-{number}"))
    }

    fn replace_record(&self, folder: &Path, record: &Published) -> Result<(), StoreError> {
        let made = self.another_temporary();
        write_record(&made, record)?;
        let target = folder.join(RECORD);
        fs::rename(&made, &target).map_err(at("replace", &target))
    }

    /// Removes a folder from its place at once, and its files after that.
    fn discard(&self, folder: &Path) {
        let aside = self.another_temporary();
        let removed = match fs::rename(folder, &aside) {
            Ok(()) => fs::remove_dir_all(&aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(folder = %folder.display(), %error, "an old folder cannot be removed");
        }
    }

    /// Keeps the newest revisions. Each record in a revision's folder was
    /// written when it last became live, which sets the folder's date.
    fn prune(&self, name: &FunctionName, live: &RevisionId) {
        let entries = fs::read_dir(self.revisions_of(name)).into_iter().flatten().flatten();
        let old = entries.filter(|entry| entry.file_name() != live.as_str());
        let mut old: Vec<_> = old
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        old.sort_by(|a, b| b.cmp(a));
        for (_, folder) in old.into_iter().skip(KEPT_REVISIONS - 1) {
            self.discard(&folder);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.temporary());
    }
}

fn into_release(record: Published) -> Option<Release> {
    match record.state {
        PublishedState::Live(release) | PublishedState::Stale(release) => Some(release),
        PublishedState::Broken => None,
    }
}

fn built_at(folder: &Path) -> Option<Timestamp> {
    let record: Published = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
    into_release(record).map(|release| release.built_at)
}

fn write_record(path: &Path, record: &Published) -> Result<(), StoreError> {
    let failed = at("write the record", path);
    let mut text = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    write_file(path, &text).map_err(at("write the record", path))
}

#[cfg(test)]
mod tests;
