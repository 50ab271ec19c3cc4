//! Packing what no archiver would.

use std::io::{Cursor, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A tar, packed by gzip. Names are written as they are given.
pub(crate) struct Tar {
    posix: bool,
    entries: Vec<(String, EntryType, String, Vec<u8>)>,
}

impl Tar {
    /// Long names as GNU tar writes them.
    pub(crate) fn new() -> Self {
        Self { posix: false, entries: Vec::new() }
    }

    /// Long names as POSIX has it.
    pub(crate) fn posix() -> Self {
        Self { posix: true, entries: Vec::new() }
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.kind(name, EntryType::Regular, content)
    }

    pub(crate) fn kind(self, name: &str, kind: EntryType, content: &str) -> Self {
        self.entry(name, kind, "", content)
    }

    pub(crate) fn link(self, name: &str, kind: EntryType, to: &str) -> Self {
        self.entry(name, kind, to, "")
    }

    fn entry(mut self, name: &str, kind: EntryType, to: &str, content: &str) -> Self {
        self.entries.push((name.to_owned(), kind, to.to_owned(), content.into()));
        self
    }

    pub(crate) fn pack(&self) -> Bytes {
        let packed = GzEncoder::new(Vec::new(), Compression::best());
        let mut archive = Builder::new(packed);
        for (name, kind, to, content) in &self.entries {
            if name.len() > 100 {
                let (kind, said) = if self.posix {
                    (EntryType::XHeader, pax("path", name))
                } else {
                    (EntryType::GNULongName, format!("{name}\0"))
                };
                append(&mut archive, "././@LongLink", kind, "", said.as_bytes());
            }
            append(&mut archive, name, *kind, to, content);
        }
        archive.into_inner().expect("memory").finish().expect("memory").into()
    }
}

/// A record of a POSIX extension, which counts its own length.
fn pax(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn append(
    archive: &mut Builder<GzEncoder<Vec<u8>>>,
    name: &str,
    kind: EntryType,
    to: &str,
    content: &[u8],
) {
    let mut header = Header::new_gnu();
    let short = &name.as_bytes()[..name.len().min(100)];
    let fields = header.as_old_mut();
    fields.name[..short.len()].copy_from_slice(short);
    fields.linkname[..to.len().min(100)].copy_from_slice(&to.as_bytes()[..to.len().min(100)]);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, content).expect("memory");
}

/// A zip. Names are written as they are given.
pub(crate) struct Zip {
    writer: ZipWriter<Cursor<Vec<u8>>>,
    modes: Vec<(String, u32)>,
}

impl Zip {
    pub(crate) fn new() -> Self {
        Self { writer: ZipWriter::new(Cursor::default()), modes: Vec::new() }
    }

    pub(crate) fn file(mut self, name: &str, content: &str) -> Self {
        self.writer.start_file(name, SimpleFileOptions::default()).expect("a new name");
        self.writer.write_all(content.as_bytes()).expect("memory");
        self
    }

    pub(crate) fn folder(mut self, name: &str) -> Self {
        self.writer.add_directory(name, SimpleFileOptions::default()).expect("a new name");
        self
    }

    pub(crate) fn symlink(mut self, name: &str, to: &str) -> Self {
        self.writer.add_symlink(name, to, SimpleFileOptions::default()).expect("a new name");
        self
    }

    /// Gives an entry a mode that no writer would.
    pub(crate) fn mode(mut self, name: &str, mode: u32) -> Self {
        self.modes.push((name.to_owned(), mode));
        self
    }

    pub(crate) fn pack(self) -> Bytes {
        let mut bytes = self.writer.finish().expect("memory").into_inner();
        for (name, mode) in self.modes {
            // In the list at the end: the mode eight bytes before the name.
            let at = bytes.windows(name.len()).rposition(|window| window == name.as_bytes());
            let at = at.expect("the entry is there") - 6;
            bytes[at..at + 2].copy_from_slice(&u16::try_from(mode).expect("16 bits").to_le_bytes());
        }
        bytes.into()
    }
}
