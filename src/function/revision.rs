//! Which version of a function: the hash of everything that would run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Hexadecimal digits in a revision. 64 bits: a clash among the few revisions
/// of one function is out of reach, and a person can still read it out.
const DIGITS: usize = 16;

/// The content hash of a bundle, its manifest and its files.
///
/// Two folders that would run the same have the same revision, whatever their
/// dates, comments and layout.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RevisionId(Arc<str>);

/// A text that is not a revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revision; expected {DIGITS} hexadecimal digits")]
pub struct RevisionError(String);

impl RevisionId {
    /// The revision of these parts, in this order. Each part is measured
    /// before it is hashed, so moving a byte between parts changes the result.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut first = [0; DIGITS / 2];
        first.copy_from_slice(&hash.finalize()[..DIGITS / 2]);
        Self(format!("{:016x}", u64::from_be_bytes(first)).into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RevisionId {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        let valid = text.len() == DIGITS
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if valid { Ok(Self(text.into())) } else { Err(RevisionError(text.to_owned())) }
    }
}

impl TryFrom<String> for RevisionId {
    type Error = RevisionError;

    fn try_from(text: String) -> Result<Self, RevisionError> {
        text.parse()
    }
}

impl From<RevisionId> for String {
    fn from(id: RevisionId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_depends_on_every_part_and_on_where_the_parts_end() {
        let of = |parts: &[&str]| RevisionId::of(parts.iter().map(|p| p.as_bytes()));
        assert_eq!(of(&["code", "manifest"]), of(&["code", "manifest"]));
        assert_ne!(of(&["code", "manifest"]), of(&["codem", "anifest"]));
        assert_ne!(of(&["code", "manifest"]), of(&["code", "manifest", ""]));
    }

    #[test]
    fn only_sixteen_lower_case_hexadecimal_digits_read_back() {
        let id = RevisionId::of([b"x".as_slice()]);
        assert_eq!(id.as_str().parse::<RevisionId>().unwrap(), id);
        for text in ["", "abc", "../../etc/passwd", "0123456789ABCDEF", "0123456789abcdef0"] {
            assert!(text.parse::<RevisionId>().is_err(), "{text:?} was accepted");
        }
    }
}
