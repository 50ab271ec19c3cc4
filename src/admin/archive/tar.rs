//! Tar archives, packed by gzip.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::writer::Writer;
use super::{ArchiveError, Bounded, MAX_ENTRIES, NOT_WRITTEN, not_taken, unreadable};

/// What the entries take beside their content: a header, a long name, and what
/// fills the last block of each.
const BESIDE: u64 = 4096;
/// Bytes of a long name, or of what else is said of one entry.
const MAX_EXTENSION: u64 = 64 << 10;

/// Unpacks everything.
///
/// The entries are read one by one as they lie there: the reader would
/// otherwise keep what is said of an entry in memory, however long it is.
pub(super) fn unpack(bytes: &[u8], writer: &mut Writer) -> Result<(), ArchiveError> {
    let left = writer.left() + MAX_ENTRIES as u64 * BESIDE;
    let mut archive = Archive::new(Bounded { inner: MultiGzDecoder::new(bytes), left });
    let entries = archive.entries().map_err(|error| failed(&error, writer))?;
    let mut long_name = None;
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| failed(&error, writer))?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                let said = extension(&mut entry, writer)?;
                long_name = Some(text(&said)?.trim_end_matches('\0').to_owned());
                continue;
            }
            EntryType::XHeader => {
                long_name = said_path(&mut entry, writer)?.or(long_name);
                continue;
            }
            // Of all entries, such as a comment; and where a link leads to.
            EntryType::XGlobalHeader | EntryType::GNULongLink => continue,
            _ => {}
        }
        let name = match long_name.take() {
            Some(name) => name,
            None => {
                let name = entry.path_bytes();
                text(&name)?.to_owned()
            }
        };
        if name.starts_with(NOT_WRITTEN) {
            continue;
        }
        match kind {
            EntryType::Directory => writer.folder(&name)?,
            // As the first archivers had it.
            EntryType::Regular if name.ends_with('/') => writer.folder(&name)?,
            EntryType::Regular | EntryType::Continuous => writer.file(&name, &mut entry)?,
            EntryType::Symlink => return Err(not_taken(&name, "a symbolic link")),
            EntryType::Link => return Err(not_taken(&name, "a hard link")),
            EntryType::Char | EntryType::Block => return Err(not_taken(&name, "a device")),
            EntryType::Fifo => return Err(not_taken(&name, "a pipe (FIFO)")),
            EntryType::GNUSparse => return Err(not_taken(&name, "a sparse file")),
            _ => return Err(not_taken(&name, "of an unknown kind")),
        }
    }
    Ok(())
}

/// The name in a POSIX extension of the next entry.
fn said_path<R: Read>(
    entry: &mut Entry<'_, R>,
    writer: &Writer,
) -> Result<Option<String>, ArchiveError> {
    let said = extension(entry, writer)?;
    let mut path = None;
    for pair in PaxExtensions::new(&said) {
        let pair = pair.map_err(|error| unreadable(None, &error))?;
        match pair.key_bytes() {
            b"path" => path = Some(text(pair.value_bytes())?.to_owned()),
            // Else two readers would see two archives.
            b"size" => return Err(not_taken(path.as_deref().unwrap_or("?"), "of two sizes")),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(not_taken(path.as_deref().unwrap_or("?"), "a sparse file"));
            }
            _ => {}
        }
    }
    Ok(path)
}

/// What is said of the next entry.
fn extension<R: Read>(entry: &mut Entry<'_, R>, writer: &Writer) -> Result<Vec<u8>, ArchiveError> {
    let mut said = Vec::new();
    let read = entry.take(MAX_EXTENSION + 1).read_to_end(&mut said);
    read.map_err(|error| failed(&error, writer))?;
    if said.len() as u64 > MAX_EXTENSION {
        let most = MAX_EXTENSION >> 10;
        let text = format!("the archive says more than {most} KiB about one entry");
        return Err(ArchiveError::TooLarge(text));
    }
    Ok(said)
}

fn text(bytes: &[u8]) -> Result<&str, ArchiveError> {
    std::str::from_utf8(bytes)
        .map_err(|error| unreadable(Some(&bytes.escape_ascii().to_string()), &error))
}

fn failed(error: &io::Error, writer: &Writer) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => writer.too_much("?"),
        _ => unreadable(None, error),
    }
}
