//! Symbolic links on the way to a function's folder.
//!
//! A change behind a link, or of a link behind a link (`hello -> current`,
//! `current -> releases/2`), happens outside `registry_in`, so those places
//! have to be watched on their own.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many as the kernel follows.
const MAX_LINKS: usize = 40;

/// Where a linked folder really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) struct Link {
    /// The name in `registry_in` that leads there.
    pub(in crate::registry) top: OsString,
    /// The real folder.
    pub(in crate::registry) target: PathBuf,
    /// Every link on the way, as a path without links in its parents.
    pub(in crate::registry) hops: Vec<PathBuf>,
}

/// Follows an absolute path link by link: where it ends, whether or not
/// anything is there, and every link on the way.
pub(in crate::registry) fn trace(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let mut at = PathBuf::from("/");
    let mut links = Vec::new();
    let mut ahead: Vec<OsString> = parts(path).collect();
    while let Some(part) = ahead.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(&part);
        if links.len() == MAX_LINKS {
            continue;
        }
        if let Ok(target) = fs::read_link(&at) {
            links.push(at.clone());
            if target.is_absolute() {
                at = PathBuf::from("/");
            } else {
                at.pop();
            }
            ahead.extend(parts(&target));
        }
    }
    (at, links)
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    let wanted = |part: &Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir);
    path.components().rev().filter(wanted).map(|part| part.as_os_str().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_found_with_the_real_end() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("releases/2/hello")).unwrap();
        symlink("2", root.join("releases/current")).unwrap();
        symlink(root.join("releases/x/../current/hello"), root.join("hello")).unwrap();

        let (end, links) = trace(&root.join("hello"));

        assert_eq!(end, root.join("releases/2/hello"));
        assert_eq!(links, [root.join("hello"), root.join("releases/current")]);
    }

    #[test]
    fn a_circle_of_links_ends() {
        let root = tempfile::tempdir().unwrap();
        symlink("b", root.path().join("a")).unwrap();
        symlink("a", root.path().join("b")).unwrap();
        assert_eq!(trace(&root.path().join("a")).1.len(), MAX_LINKS);
    }
}
