//! The links by which published files are found.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, at};
use crate::function::FunctionName;
use crate::function::published::{BUNDLE, LIVE, RECORD, REVISIONS};
use crate::registry::bundle::make_folder;

/// What there is to be found of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    CodeAndRecord,
    /// There is no code: the function never lived.
    RecordOnly,
}

impl Store {
    /// Points the one link that counts to a revision. The links for people
    /// lead through it and are made before, so that they all come alive
    /// together.
    pub(super) fn show(
        &self,
        name: &FunctionName,
        revision: &str,
        shown: Shown,
    ) -> Result<(), StoreError> {
        self.make_links(name, shown);
        let target = Path::new("..").join(REVISIONS).join(name.to_file_name()).join(revision);
        let made = self.another_temporary();
        let link = self.link(name);
        symlink(target, &made).map_err(at("make the link", &made))?;
        fs::rename(&made, &link).map_err(at("swap the link", &link))
    }

    /// Makes `<name>.js` and `<name>.json` where they are missing. What others
    /// put in their place stays: readers do not depend on them.
    pub(super) fn make_links(&self, name: &FunctionName, shown: Shown) {
        let made = name.owner().map_or(Ok(()), |owner| {
            let folder = self.root.join(owner);
            if folder.is_dir() { Ok(()) } else { make_folder(&folder) }
        });
        let [code, record] = self.links_for_people(name);
        let code = (shown == Shown::CodeAndRecord).then_some(code);
        for (link, target) in code.into_iter().chain([record]) {
            let made = match &made {
                Ok(()) => ensure_link(&link, &target),
                Err(error) => Err(error.kind().into()),
            };
            if let Err(error) = made {
                tracing::warn!(
                    function = %name, path = %link.display(), %error,
                    "something else is in the way of a published link"
                );
            }
        }
    }

    /// Removes `<name>.js` and `<name>.json`, if they are ours, and the
    /// owner's folder, if nothing else is in it.
    pub(super) fn remove_links(&self, name: &FunctionName) {
        for (link, target) in self.links_for_people(name) {
            if fs::read_link(&link).is_ok_and(|found| found == target) {
                let _ = fs::remove_file(link);
            }
        }
        if let Some(owner) = name.owner() {
            let _ = fs::remove_dir(self.root.join(owner));
        }
    }

    fn links_for_people(&self, name: &FunctionName) -> [(PathBuf, PathBuf); 2] {
        let live = Path::new(LIVE).join(name.to_file_name());
        let live = if name.owner().is_some() { Path::new("..").join(live) } else { live };
        let link = |extension: &str| self.root.join(format!("{name}.{extension}"));
        [(link("js"), live.join(BUNDLE)), (link("json"), live.join(RECORD))]
    }
}

fn ensure_link(link: &Path, target: &Path) -> io::Result<()> {
    match symlink(target, link) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(link).is_ok_and(|found| found == target) { Ok(()) } else { Err(error) }
        }
        made => made,
    }
}
