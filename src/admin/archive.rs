//! From what somebody sent to a folder: an archive unpacked so that nothing in
//! it can reach out of the folder, or fill the disk.
//!
//! Only files and folders are taken, under names that lie inside, and each
//! once. Sizes are counted as they are written and not as they are declared.

mod tar;
mod writer;
mod zip;

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::registry::Draft;
use writer::Writer;

/// Bytes of an archive.
pub(super) const MAX_PACKED: usize = 64 << 20;
/// Bytes of all files in one.
const MAX_UNPACKED: u64 = 512 << 20;
/// Files and folders in one.
const MAX_ENTRIES: usize = 20_000;
/// How many times its own size an archive may unpack to, beyond what any may.
/// Source code packs to a fifth, and long runs of nothing to a thousandth.
const MAX_RATIO: u64 = 100;
const FREE_OF_RATIO: u64 = 16 << 20;
/// Folders inside folders.
const MAX_DEPTH: usize = 100;
/// Characters of an entry's name in a message.
const MAX_SHOWN: usize = 200;
/// What Apple's archiver adds, which nobody wrote.
const NOT_WRITTEN: &str = "__MACOSX";

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It is no archive, or holds what is not taken.
    #[error("{0}")]
    Invalid(String),
    /// It holds too much.
    #[error("{0}")]
    TooLarge(String),
    /// It could not be written.
    #[error("unpack the archive")]
    Write(#[source] io::Error),
}

/// How it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Zip,
    TarGz,
}

/// Unpacks an archive into a draft. Where all of it lies in one folder, that is
/// the function's. Blocks.
pub(super) fn unpack(format: Format, bytes: &[u8], draft: &mut Draft) -> Result<(), ArchiveError> {
    let mut writer = Writer::new(draft, bytes.len());
    match format {
        Format::Zip => zip::unpack(bytes, None, &mut writer)?,
        Format::TarGz => tar::unpack(bytes, &mut writer)?,
    }
    if writer.is_empty() {
        return Err(ArchiveError::Invalid("the archive holds no files".to_owned()));
    }
    if let Some(only) = only_folder(draft.root()).map_err(ArchiveError::Write)? {
        draft.descend(only);
    }
    Ok(())
}

/// Unpacks one folder of a zip into a draft. Blocks.
pub(super) fn unpack_folder(
    bytes: &[u8],
    folder: &str,
    draft: &mut Draft,
) -> Result<(), ArchiveError> {
    let path = path_of(folder)?;
    let mut writer = Writer::new(draft, bytes.len());
    zip::unpack(bytes, Some(&path), &mut writer)?;
    if writer.is_empty() {
        let text = format!("the archive has no folder `{}` with files in it", shown(folder));
        return Err(ArchiveError::Invalid(text));
    }
    Ok(())
}

/// Writes one file into a draft. Blocks.
pub(super) fn lay_out(file: &str, bytes: &[u8], draft: &Draft) -> Result<(), ArchiveError> {
    Writer::new(draft, bytes.len()).file(file, bytes)
}

/// The folder that holds everything, if there is one.
fn only_folder(root: &Path) -> io::Result<Option<PathBuf>> {
    let mut entries = fs::read_dir(root)?.take(2).collect::<io::Result<Vec<_>>>()?;
    match (entries.pop(), entries.pop()) {
        (Some(only), None) if only.file_type()?.is_dir() => Ok(Some(only.path())),
        _ => Ok(None),
    }
}

/// The path that a name in an archive means, if it lies inside.
fn path_of(name: &str) -> Result<PathBuf, ArchiveError> {
    let refuse = |why: &str| {
        Err(ArchiveError::Invalid(format!("the archive's entry `{}` {why}", shown(name))))
    };
    if name.contains('\\') {
        return refuse("has a backslash in its name; separate folders by `/`");
    }
    if name.contains('\0') {
        return refuse("has a zero byte in its name");
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) if part.len() > 255 => return refuse("has too long a name"),
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return refuse("has an absolute path"),
            Component::ParentDir => return refuse("leads out of the archive by `..`"),
        }
    }
    if path.components().count() > MAX_DEPTH {
        return refuse(&format!("is more than {MAX_DEPTH} folders deep"));
    }
    Ok(path)
}

/// The error about an entry that is neither a file nor a folder.
fn not_taken(name: &str, what: &str) -> ArchiveError {
    let name = shown(name);
    ArchiveError::Invalid(format!(
        "the archive's entry `{name}` is {what}; only files and folders are taken"
    ))
}

/// What an archive's reader said about an entry, or about all of it.
fn unreadable(name: Option<&str>, error: &dyn std::error::Error) -> ArchiveError {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    ArchiveError::Invalid(match name {
        Some(name) => format!("the archive's entry `{}` cannot be read: {text}", shown(name)),
        None => format!("the archive cannot be read: {text}"),
    })
}

/// A name as a message has it, on one line.
fn shown(name: &str) -> String {
    let shown: String = name.escape_debug().take(MAX_SHOWN + 1).collect();
    match shown.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// Reads at most so much, and fails beyond it.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(read)
    }
}
