//! What an interrupted registry leaves behind, and how it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::links::Shown;
use super::{Store, StoreError, at};
use crate::function::FunctionName;
use crate::function::published::{BUNDLE, LIVE, REVISIONS};
use crate::registry::bundle::make_folder;

impl Store {
    /// Makes the folders and removes leftovers: temporary files, revisions and
    /// links of functions that are not published.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let temporary = self.temporary();
        match fs::remove_dir_all(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(at("remove", &temporary)(error));
            }
            _ => {}
        }
        for folder in [temporary, self.root.join(LIVE), self.root.join(REVISIONS)] {
            match make_folder(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at("make the folder", &folder)(error));
                }
                _ => {}
            }
        }
        let live = self.live_links()?;
        for (name, link) in &live {
            let has_code = link.join(BUNDLE).exists();
            self.make_links(name, if has_code { Shown::CodeAndRecord } else { Shown::RecordOnly });
        }
        for name in self.revisions()?.difference(&live.keys().cloned().collect()) {
            self.discard(&self.revisions_of(name));
            self.remove_links(name);
        }
        Ok(())
    }

    /// Every link that makes a function live. Names that are not a function's
    /// are not ours.
    pub(super) fn live_links(&self) -> Result<BTreeMap<FunctionName, PathBuf>, StoreError> {
        let folder = self.root.join(LIVE);
        let entries = names_in(&folder)?;
        Ok(entries.into_iter().map(|name| (name.clone(), self.link(&name))).collect())
    }

    fn revisions(&self) -> Result<BTreeSet<FunctionName>, StoreError> {
        names_in(&self.root.join(REVISIONS))
    }
}

fn names_in(folder: &Path) -> Result<BTreeSet<FunctionName>, StoreError> {
    let read = || -> io::Result<BTreeSet<FunctionName>> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            names.extend(name.to_str().and_then(|text| FunctionName::from_file_name(text).ok()));
        }
        Ok(names)
    };
    read().map_err(at("read the folder", folder))
}
