//! A function's folder as one archive, in memory.
//!
//! `node_modules` goes along, since what is imported from there is bundled on
//! the server and nothing is installed there. What begins with `.` stays here:
//! `.git`, `.env` and the like are the author's own. Two exceptions:
//! `.well-known`, which sites serve, and inside `node_modules`, where some
//! installers keep the packages themselves behind such a name.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::super::failure::Failure;

/// A folder, packed.
pub(super) struct Packed {
    /// As tar.gz.
    pub(super) archive: Vec<u8>,
    /// Names that were left out, as paths in the folder.
    pub(super) left_out: Vec<String>,
}

/// Packs a folder.
pub(super) fn pack(folder: &Path) -> Result<Packed, Failure> {
    let mut packing = Packing {
        root: folder,
        tar: Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
        left_out: Vec::new(),
    };
    packing.add_folder(Path::new(""))?;
    let Packing { tar, left_out, .. } = packing;
    let archive = tar.into_inner().and_then(GzEncoder::finish).map_err(|e| failed(folder, &e))?;
    Ok(Packed { archive, left_out })
}

struct Packing<'a> {
    root: &'a Path,
    tar: Builder<GzEncoder<Vec<u8>>>,
    left_out: Vec<String>,
}

impl Packing<'_> {
    /// Adds what lies in a folder below the root, sorted.
    fn add_folder(&mut self, below: &Path) -> Result<(), Failure> {
        let here = self.root.join(below);
        let names = fs::read_dir(&here)
            .and_then(|entries| entries.map(|e| e.map(|e| e.file_name())).collect());
        let mut names: Vec<_> = names.map_err(|error| failed(&here, &error))?;
        names.sort();
        for name in names {
            let path = below.join(&name);
            if stays(below, &name) {
                self.left_out.push(path.display().to_string());
            } else {
                self.add(&path)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let whole = self.root.join(path);
        let added = (|| {
            let metadata = fs::symlink_metadata(&whole)?;
            let kind = metadata.file_type();
            if kind.is_dir() {
                return Ok(true);
            }
            let mut header = Header::new_gnu();
            header.set_mode(0o644 | (metadata.permissions().mode() & 0o111));
            if kind.is_symlink() {
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                self.tar.append_link(&mut header, path, fs::read_link(&whole)?)?;
            } else if kind.is_file() {
                // Read first: its length is told before its content.
                let content = fs::read(&whole)?;
                header.set_size(content.len() as u64);
                self.tar.append_data(&mut header, path, &*content)?;
            } else {
                return Err(io::Error::other("it is neither a file nor a folder"));
            }
            Ok(false)
        })();
        match added {
            Ok(true) => self.add_folder(path),
            Ok(false) => Ok(()),
            Err(error) => Err(failed(&whole, &error)),
        }
    }
}

/// Whether a name is left out.
fn stays(below: &Path, name: &OsStr) -> bool {
    let is_hidden = name.as_encoded_bytes().first() == Some(&b'.');
    let in_packages = below.iter().any(|part| part == "node_modules");
    is_hidden && name != ".well-known" && !in_packages
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::because(format!("`{}` cannot be packed", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;

    use flate2::read::GzDecoder;

    use super::*;

    fn write(root: &Path, path: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }

    #[test]
    fn packages_go_along_and_the_author_s_own_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let taken = [
            "index.ts",
            "lib/a.ts",
            "node_modules/.pnpm/x/index.js",
            "public/.well-known/security.txt",
        ];
        for path in taken.iter().chain(&[".git/HEAD", ".env", "lib/.DS_Store"]) {
            write(folder.path(), path);
        }
        symlink(".pnpm/x", folder.path().join("node_modules/x")).unwrap();

        let packed = pack(folder.path()).unwrap();

        let mut archive = tar::Archive::new(GzDecoder::new(&*packed.archive));
        let mut found = BTreeSet::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            if let Some(link) = entry.link_name().unwrap() {
                assert_eq!((&*path, link.to_str().unwrap()), ("node_modules/x", ".pnpm/x"));
                continue;
            }
            let mut text = String::new();
            io::Read::read_to_string(&mut entry, &mut text).unwrap();
            assert_eq!(path, text);
            found.insert(path);
        }
        assert_eq!(found, taken.iter().map(|path| (*path).to_owned()).collect());
        assert_eq!(packed.left_out, [".env", ".git", "lib/.DS_Store"]);
    }

    #[test]
    fn what_is_no_file_is_told_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(pack(folder.path()).is_err());
    }
}
