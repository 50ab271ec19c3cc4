//! One watch on each folder.
//!
//! The watcher can watch a whole tree with one call, but gives up at the first
//! folder in it that this user may not read. And one function with very many
//! folders would use up the kernel's watches for all of them. So each folder
//! is watched by itself, the outer ones of all functions first.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use notify::{ErrorKind, RecursiveMode, Watcher};

use crate::registry::inbox::{MAX_DEPTH, MAX_FILES};

/// Folders that are watched in one name in `registry_in`. Changes in others
/// are seen when the function is built, and by the look at everything.
const MAX_FOLDERS: usize = 10_000;

/// Whether the kernel had enough watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    Complete,
    Exhausted,
}

/// Watches these folders and every folder in them. One that cannot be watched
/// is left out: the folder around it tells when that may have changed.
pub(super) fn watch(watcher: &mut impl Watcher, folders: Vec<PathBuf>) -> Coverage {
    for folder in every_folder(folders) {
        match watcher.watch(&folder, RecursiveMode::NonRecursive) {
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                return Coverage::Exhausted;
            }
            _ => {}
        }
    }
    Coverage::Complete
}

/// These folders and every folder in them, outer ones first. A folder that is
/// made while this goes on is found if the one around it is watched before it
/// is asked for the next.
pub(super) fn every_folder(folders: Vec<PathBuf>) -> impl Iterator<Item = PathBuf> {
    let mut found = vec![1; folders.len()];
    let mut ahead: VecDeque<_> =
        folders.into_iter().enumerate().map(|(top, folder)| (top, 0, folder)).collect();
    let mut last: Option<(usize, usize, PathBuf)> = None;
    std::iter::from_fn(move || {
        // What is in a folder is asked only now that it may be watched.
        if let Some((top, depth, folder)) = last.take().filter(|(_, depth, _)| *depth < MAX_DEPTH) {
            for inner in folders_in(&folder) {
                if found[top] < MAX_FOLDERS {
                    found[top] += 1;
                    ahead.push_back((top, depth + 1, inner));
                }
            }
        }
        last = ahead.pop_front();
        last.as_ref().map(|(_, _, folder)| folder.clone())
    })
}

/// The folders directly in one, without links to folders.
pub(super) fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_FILES).flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_folders_come_first_and_no_function_takes_more_than_its_share() {
        let root = tempfile::tempdir().unwrap();
        let path = |path: &str| root.path().join(path);
        for number in 0..MAX_FOLDERS + 5 {
            fs::create_dir_all(path(&format!("greedy/{number}"))).unwrap();
        }
        fs::create_dir_all(path("other/sub/deep")).unwrap();
        std::os::unix::fs::symlink("sub", path("other/link")).unwrap();

        let found: Vec<_> = every_folder(vec![path("greedy"), path("other")]).collect();

        assert_eq!(found[..2], [path("greedy"), path("other")]);
        let greedy = found.iter().filter(|folder| folder.starts_with(path("greedy")));
        assert_eq!(greedy.count(), MAX_FOLDERS);
        let other: Vec<_> = found.iter().filter(|f| f.starts_with(path("other"))).collect();
        assert_eq!(other, [&path("other"), &path("other/sub"), &path("other/sub/deep")]);
    }
}
