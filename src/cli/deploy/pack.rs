//! A function's folder as one archive, in memory.
//!
//! `node_modules` goes along, since what is imported from there is bundled on
//! the server and nothing is installed there. What begins with `.` stays here:
//! `.git`, `.env` and the like are the author's own. `.well-known` goes, since
//! sites serve it. Links are not sent, but what they lead to.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

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
        real: folder.canonicalize().map_err(|error| failed(folder, &error))?,
        tar: Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
        left_out: Vec::new(),
        open: Vec::new(),
    };
    packing.add_folder(Path::new(""))?;
    let Packing { tar, left_out, .. } = packing;
    let archive = tar.into_inner().and_then(GzEncoder::finish).map_err(|e| failed(folder, &e))?;
    Ok(Packed { archive, left_out })
}

struct Packing<'a> {
    root: &'a Path,
    /// The same without links.
    real: PathBuf,
    tar: Builder<GzEncoder<Vec<u8>>>,
    left_out: Vec<String>,
    /// The folders that are open, without links: a link may lead to one.
    open: Vec<PathBuf>,
}

impl Packing<'_> {
    /// Adds what lies in a folder below the root, sorted.
    fn add_folder(&mut self, below: &Path) -> Result<(), Failure> {
        let here = self.root.join(below);
        let names = (|| {
            let real = here.canonicalize()?;
            if self.open.contains(&real) {
                return Err(io::Error::other("it leads to a folder that it lies in"));
            }
            self.open.push(real);
            let entries = fs::read_dir(&here)?;
            entries.map(|entry| entry.map(|entry| entry.file_name())).collect()
        })();
        let mut names: Vec<_> = names.map_err(|error| failed(&here, &error))?;
        names.sort();
        for name in names {
            let path = below.join(&name);
            match fate(below, &name) {
                Fate::Goes => self.add(&path)?,
                Fate::Stays => self.left_out.push(path.display().to_string()),
                Fate::IsOfNoUse => {}
            }
        }
        self.open.pop();
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let whole = self.root.join(path);
        let added = (|| {
            // What a link leads to goes in its place, if it lies here.
            if whole.is_symlink() && !whole.canonicalize()?.starts_with(&self.real) {
                return Err(io::Error::other("it leads out of the function's folder"));
            }
            let metadata = fs::metadata(&whole)?;
            if metadata.is_file() {
                // Read first: its length is told before its content.
                let content = fs::read(&whole)?;
                let mut header = Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(content.len() as u64);
                self.tar.append_data(&mut header, path, &*content)?;
            } else if !metadata.is_dir() {
                return Err(io::Error::other("it is neither a file nor a folder"));
            }
            Ok(metadata.is_dir())
        })();
        match added {
            Ok(true) => self.add_folder(path),
            Ok(false) => Ok(()),
            Err(error) => Err(failed(&whole, &error)),
        }
    }
}

/// Whether something is packed.
enum Fate {
    Goes,
    Stays,
    /// Stays too, and nobody wonders.
    IsOfNoUse,
}

fn fate(below: &Path, name: &OsStr) -> Fate {
    if name.as_encoded_bytes().first() != Some(&b'.') || name == ".well-known" {
        Fate::Goes
    } else if below.iter().any(|part| part == "node_modules") {
        Fate::IsOfNoUse
    } else {
        Fate::Stays
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::because(format!("`{}` cannot be packed", path.display()), error)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use flate2::read::GzDecoder;

    use super::*;

    fn write(root: &Path, path: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, path).unwrap();
    }

    /// Paths and texts of an archive.
    fn unpack(archive: &[u8]) -> BTreeMap<String, String> {
        let mut archive = tar::Archive::new(GzDecoder::new(archive));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), text)
        });
        entries.collect()
    }

    #[test]
    fn packages_go_along_and_the_author_s_own_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let goes = ["index.ts", "lib/a.ts", "node_modules/x/index.js", "public/.well-known/a.txt"];
        let stays = [".git/HEAD", ".env", "lib/.DS_Store", "node_modules/.bin/x"];
        for path in goes.iter().chain(&stays) {
            write(folder.path(), path);
        }
        let packed = pack(folder.path()).unwrap();
        let expected = goes.iter().map(|path| ((*path).to_owned(), (*path).to_owned()));
        assert_eq!(unpack(&packed.archive), expected.collect());
        assert_eq!(packed.left_out, [".env", ".git", "lib/.DS_Store"]);
    }

    #[test]
    fn what_a_link_leads_to_goes_in_its_place_if_it_lies_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("function");
        write(&root, "lib/a.ts");
        write(folder.path(), "secret");
        symlink("lib", root.join("other")).unwrap();
        let packed = pack(&root).unwrap();
        let paths: Vec<_> = unpack(&packed.archive).into_keys().collect();
        assert_eq!(paths, ["lib/a.ts", "other/a.ts"]);

        for (link, target) in [("out", "../secret"), ("round", "."), ("lost", "nothing")] {
            symlink(target, root.join(link)).unwrap();
            assert!(pack(&root).is_err(), "{link} was packed");
            fs::remove_file(root.join(link)).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(pack(folder.path()).is_err());
    }
}
