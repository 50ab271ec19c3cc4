//! What Deno derives from the shim, so that a start need not derive it again.
//!
//! Deno keeps this in a folder that it must be able to write, or it does
//! without, which costs a start 8 ms. A folder that all processes write would
//! let one function choose the code that the next one runs. So every process
//! gets a copy of its own, which ends with it, of what one run of Deno made
//! that has never seen a function.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// In an instance's folder.
pub const FOLDER: &str = "deno";
/// How long the process that makes it may take to end.
pub const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A larger file is not worth a copy per start.
const MAX_FILE: u64 = 4 << 20;

/// The files of a cache, by name.
#[derive(Debug, Default)]
pub struct DenoCache(Vec<(OsString, Vec<u8>)>);

impl DenoCache {
    /// Where it is kept for this Deno and this shim.
    pub fn place(base: &Path, deno: &Path, shim: &Path) -> io::Result<PathBuf> {
        let mut hash = Sha256::new();
        let program = fs::metadata(deno)?;
        hash.update(program.len().to_le_bytes());
        hash.update(program.mtime_nsec().to_le_bytes());
        hash.update(program.mtime().to_le_bytes());
        // Deno knows a module by its path.
        hash.update(shim.as_os_str().as_encoded_bytes());
        hash.update(fs::read(shim)?);
        let name = hash.finalize().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Ok(base.join(format!("{name:016x}")))
    }

    /// Reads what a run left, or an earlier server.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() && metadata.len() <= MAX_FILE {
                files.push((entry.file_name(), fs::read(entry.path())?));
            }
        }
        Ok(Self(files))
    }

    /// Keeps it for the next server, all of it or nothing, in place of what
    /// another Deno or shim left.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let base = folder.parent().unwrap_or(folder);
        DirBuilder::new().recursive(true).mode(0o700).create(base)?;
        let new = base.join(format!(".new-{:08x}", rand::random::<u32>()));
        self.write(&new)?;
        fs::rename(&new, folder).inspect_err(|_| {
            // Another server was first. Its cache is as good.
            let _ = fs::remove_dir_all(&new);
        })?;
        for entry in fs::read_dir(base)? {
            let path = entry?.path();
            // A server that uses it has read it, and another is making the new ones.
            let new =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path != folder && !new {
                let _ = fs::remove_dir_all(path);
            }
        }
        Ok(())
    }

    /// Makes a folder with a copy of it.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(folder)?;
        self.0.iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_is_for_one_deno_and_one_shim() {
        let folder = tempfile::tempdir().unwrap();
        let [deno, shim] = ["deno", "shim.js"].map(|name| folder.path().join(name));
        fs::write(&deno, "one").unwrap();
        fs::write(&shim, "one").unwrap();
        let place = || DenoCache::place(folder.path(), &deno, &shim).unwrap();
        let first = place();
        assert_eq!(place(), first);
        fs::write(&shim, "two").unwrap();
        assert_ne!(place(), first);
        fs::write(&shim, "one").unwrap();
        assert_eq!(place(), first);
        fs::write(&deno, "other").unwrap();
        assert_ne!(place(), first);
    }

    #[test]
    fn what_is_saved_reads_back_until_another_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("deno/abc");
        let cache = DenoCache(vec![("code".into(), b"bytes".to_vec())]);
        cache.save(&place).unwrap();
        assert_eq!(DenoCache::read(&place).unwrap().0, cache.0);
        assert!(DenoCache(vec![("code".into(), b"other".to_vec())]).save(&place).is_err());
        assert_eq!(DenoCache::read(&place).unwrap().0, cache.0);
        let count = || fs::read_dir(folder.path().join("deno")).unwrap().count();
        assert_eq!(count(), 1);
        cache.save(&folder.path().join("deno/def")).unwrap();
        assert_eq!(count(), 1, "the older one is of no use any more");
    }
}
