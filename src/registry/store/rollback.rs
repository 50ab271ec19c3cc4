//! Going back to a revision that was live before.

use std::fs;

use jiff::Timestamp;

use super::{Store, StoreError, into_release};
use crate::function::published::{Published, PublishedState, RECORD, Release};
use crate::function::{FunctionName, RevisionId};
use crate::registry::bundle::Bundle;

/// Why nothing was rolled back.
#[derive(Debug, thiserror::Error)]
pub(in crate::registry) enum RollbackError {
    /// There is no such revision.
    #[error("{0}")]
    Missing(String),
    /// It runs already.
    #[error("the revision {0} is live already")]
    Live(RevisionId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes a kept revision live again: this one, or the one that was built
    /// before the live one. Its record says what was live instead.
    pub(in crate::registry) fn roll_back(
        &self,
        name: &FunctionName,
        wanted: Option<&RevisionId>,
    ) -> Result<Published, RollbackError> {
        let kept = self.kept(name);
        let was = self.record(name);
        let live = was.as_ref().and_then(Published::release);
        let (Some(was), Some(live)) = (&was, live) else {
            let text = format!("`{name}` has never been live, so there is nothing to go back to");
            return Err(RollbackError::Missing(text));
        };
        let release = match wanted {
            Some(wanted) if *wanted == live.revision => {
                return Err(RollbackError::Live(wanted.clone()));
            }
            Some(wanted) => kept.iter().find(|release| release.revision == *wanted),
            None => kept.iter().find(|release| is_older(release, live)),
        };
        let Some(release) = release.cloned() else {
            let kept: Vec<_> = kept.iter().map(|release| release.revision.as_str()).collect();
            let what = match wanted {
                Some(wanted) => format!("the revision {wanted} of `{name}` is not kept"),
                None => format!("`{name}` has no revision older than the live one"),
            };
            return Err(RollbackError::Missing(format!("{what}; kept are {}", kept.join(", "))));
        };
        // The folder still builds to what was rolled back first.
        let from = was.rolled_back_from.as_ref().unwrap_or(&live.revision);
        let rolled_back_from = (*from != release.revision).then(|| from.clone());
        let revision = release.revision.clone();
        let state = match &was.state {
            PublishedState::Stale(_) => PublishedState::Stale(release),
            PublishedState::Live(_) | PublishedState::Broken => PublishedState::Live(release),
        };
        let record =
            Published { state, rolled_back_from, checked_at: Timestamp::now(), ..was.clone() };
        self.show_kept(&revision, &record)?;
        Ok(record)
    }

    /// Keeps what is live if this bundle was rolled back. Only the record is
    /// new then, so that the same folder is not built again.
    pub(super) fn hold(&self, bundle: &Bundle) -> Result<bool, StoreError> {
        let name = bundle.name();
        let Some(was) = self.record(name) else { return Ok(false) };
        let revision = &bundle.release().revision;
        let (Some(live), Some(from)) = (was.release().cloned(), &was.rolled_back_from) else {
            return Ok(false);
        };
        if from != revision || !self.has_code(name, &live.revision) {
            return Ok(false);
        }
        let revision = live.revision.clone();
        let record = Published {
            state: PublishedState::Live(live),
            problems: Vec::new(),
            checked_at: Timestamp::now(),
            fingerprint: bundle.fingerprint().as_str().to_owned(),
            ..was
        };
        self.show_kept(&revision, &record)?;
        Ok(true)
    }

    /// The kept revisions, the one that was built last first.
    fn kept(&self, name: &FunctionName) -> Vec<Release> {
        let folders = fs::read_dir(self.revisions_of(name)).into_iter().flatten().flatten();
        let mut kept: Vec<_> = folders
            .filter_map(|folder| {
                let record = fs::read(folder.path().join(RECORD)).ok()?;
                let record: Published = serde_json::from_slice(&record).ok()?;
                into_release(record).filter(|release| self.has_code(name, &release.revision))
            })
            .collect();
        kept.sort_by(|a, b| order(b).cmp(&order(a)));
        kept
    }
}

fn is_older(release: &Release, than: &Release) -> bool {
    order(release) < order(than)
}

fn order(release: &Release) -> (Timestamp, &RevisionId) {
    (release.built_at, &release.revision)
}
