//! Zip archives.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use memchr::memmem;
use nix::libc::{S_IFDIR, S_IFLNK, S_IFMT, S_IFREG};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::writer::{Writer, too_many};
use super::{ArchiveError, MAX_ENTRIES, NOT_WRITTEN, not_taken, path_of, unreadable};

/// How each entry of an archive's list begins.
const LISTED: &[u8] = b"PK\x01\x02";

/// Unpacks everything, or one folder, which is looked for in the folder that
/// holds everything if there is one.
pub(super) fn unpack(
    bytes: &[u8],
    folder: Option<&Path>,
    writer: &mut Writer,
) -> Result<(), ArchiveError> {
    // Before the list is read, all of which is kept in memory.
    if memmem::find_iter(bytes, LISTED).nth(MAX_ENTRIES).is_some() {
        return Err(too_many());
    }
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(None, &error))?;
    let wanted = folder.map(|folder| common(&mut archive).map(|common| common.join(folder)));
    let wanted = wanted.transpose()?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| {
            let error: Box<dyn std::error::Error> = error.into();
            unreadable(Some(&format!("number {}", index + 1)), &*error)
        })?;
        let name = name_of(&entry)?;
        if name.starts_with(NOT_WRITTEN) {
            continue;
        }
        let inner = match &wanted {
            None => name.clone(),
            Some(wanted) => match path_of(&name)?.strip_prefix(wanted) {
                Ok(inner) => inner.to_string_lossy().into_owned(),
                Err(_) => continue,
            },
        };
        if entry.is_dir() {
            writer.folder(&inner)?;
        } else {
            check_kind(&entry, &name)?;
            writer.file(&inner, &mut entry)?;
        }
    }
    Ok(())
}

/// The folder that holds everything; the archive itself where there is none.
fn common(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<PathBuf, ArchiveError> {
    let mut first: Option<PathBuf> = None;
    for name in archive.file_names() {
        let name = name.map_err(|error| unreadable(None, &error))?;
        if name.starts_with(NOT_WRITTEN) {
            continue;
        }
        let path = path_of(&name)?;
        let top = path.components().next().map(|top| PathBuf::from(top.as_os_str()));
        let in_folder = name.ends_with('/') || path.components().count() > 1;
        match (top, &first) {
            (Some(top), None) if in_folder => first = Some(top),
            (Some(top), Some(first)) if in_folder && top == *first => {}
            _ => return Ok(PathBuf::new()),
        }
    }
    Ok(first.unwrap_or_default())
}

fn name_of(entry: &ZipFile<'_, Cursor<&[u8]>>) -> Result<String, ArchiveError> {
    let name = entry.name().map_err(|error| unreadable(None, &error))?;
    Ok(name.into_owned())
}

fn check_kind(entry: &ZipFile<'_, Cursor<&[u8]>>, name: &str) -> Result<(), ArchiveError> {
    match entry.unix_mode().unwrap_or(0) & S_IFMT {
        0 | S_IFREG => Ok(()),
        S_IFLNK => Err(not_taken(name, "a symbolic link")),
        // Such a name ends in a slash.
        S_IFDIR => Err(not_taken(name, "a folder that is called a file")),
        _ => Err(not_taken(name, "a device, a pipe or a socket")),
    }
}
