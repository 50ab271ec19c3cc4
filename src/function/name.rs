//! What a function is called: `hello`, or `ada/hello` for an owner's function.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest name segment, in bytes. Short enough for a file name with any
/// suffix that the registry adds.
pub const MAX_SEGMENT: usize = 63;

/// Stands between owner and name where a name must be one file name. It cannot
/// occur inside a segment, so the encoding is reversible.
const FILE_SEPARATOR: char = '~';

/// A valid function name: one segment, or an owner and a segment.
///
/// A segment matches `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`, so a name never needs
/// escaping in a path or a URL and can never step out of a folder.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionName(Arc<str>);

/// Why a text is not a function name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing between the slashes.
    #[error("a name cannot be empty")]
    Empty,
    /// More than `owner/name`.
    #[error("`{0}` has more than two segments; expected `name` or `owner/name`")]
    TooDeep(String),
    /// A segment longer than [`MAX_SEGMENT`].
    #[error("`{0}` is longer than {MAX_SEGMENT} characters")]
    TooLong(String),
    /// A segment that does not begin with a letter or digit.
    #[error("`{0}` does not begin with a letter or a digit")]
    BadStart(String),
    /// A character that a name cannot hold.
    #[error("`{name}` holds {character:?}; a name may hold letters, digits, `.`, `_` and `-`")]
    BadCharacter {
        /// The offending segment.
        name: String,
        /// Its first character that is not allowed.
        character: char,
    },
    /// An owner whose folder would be in the way of a function's published file.
    #[error("the owner `{0}` ends in `.js` or `.json`, like a published file; rename the folder")]
    OwnerLooksPublished(String),
}

impl FunctionName {
    /// The name as it stands in a URL: `hello` or `ada/hello`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The owner, for `owner/name`.
    pub fn owner(&self) -> Option<&str> {
        self.0.split_once('/').map(|(owner, _)| owner)
    }

    /// What every name looks like, as a regular expression for those who send
    /// one. It knows nothing of the few names whose owner looks like a file.
    pub const PATTERN: &str =
        "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$";

    /// The name as one file name: `hello` or `ada~hello`.
    pub fn to_file_name(&self) -> String {
        self.0.replace('/', &FILE_SEPARATOR.to_string())
    }

    /// Reads back what [`Self::to_file_name`] wrote.
    pub fn from_file_name(text: &str) -> Result<Self, NameError> {
        text.replace(FILE_SEPARATOR, "/").parse()
    }
}

/// Checks one segment, the name of one folder in `registry_in`.
pub fn check_segment(segment: &str) -> Result<(), NameError> {
    let Some(first) = segment.chars().next() else {
        return Err(NameError::Empty);
    };
    if let Some(character) =
        segment.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'))
    {
        return Err(NameError::BadCharacter { name: segment.to_owned(), character });
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::BadStart(segment.to_owned()));
    }
    if segment.len() > MAX_SEGMENT {
        return Err(NameError::TooLong(segment.to_owned()));
    }
    Ok(())
}

impl FromStr for FunctionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [name] => check_segment(name)?,
            [owner, name] => {
                check_segment(owner)?;
                check_segment(name)?;
                let extension = owner.rsplit('.').next().filter(|rest| rest.len() < owner.len());
                if matches!(extension, Some("js" | "json" | "map")) {
                    return Err(NameError::OwnerLooksPublished(owner.to_owned()));
                }
            }
            _ => return Err(NameError::TooDeep(text.to_owned())),
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for FunctionName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<FunctionName> for String {
    fn from(name: FunctionName) -> Self {
        name.as_str().to_owned()
    }
}

/// Lets a map keyed by name be asked with a slice of a request's path.
impl std::borrow::Borrow<str> for FunctionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_or_two_plain_segments_are_a_name() {
        for name in ["hello", "ada/hello", "a", "0", "hello.v2", "x-y_z", "hello.js"] {
            assert_eq!(name.parse::<FunctionName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_leave_the_folder_or_needs_escaping_is_refused() {
        let long = "a".repeat(64);
        for name in [
            "",
            "/",
            "a/",
            "/a",
            "..",
            "../x",
            ".hidden",
            "_lib",
            "-x",
            "a b",
            "a\nb",
            "a\0b",
            "ä",
            "a/b/c",
            "a//b",
            "a%2fb",
            "a~b",
            "hello.js/x",
            "hello.json/x",
            &long,
        ] {
            assert!(name.parse::<FunctionName>().is_err(), "{name:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn the_pattern_tells_names_from_others(
            text in prop_oneof!["[a-z._~/ä-]{0,6}", "[a-z/]{60,70}", ".*"],
        ) {
            let pattern = regex::Regex::new(FunctionName::PATTERN).unwrap();
            match text.parse::<FunctionName>() {
                Err(NameError::OwnerLooksPublished(_)) => {}
                parsed => prop_assert_eq!(pattern.is_match(&text), parsed.is_ok(), "{:?}", text),
            }
        }

        #[test]
        fn a_file_name_reads_back_as_the_same_name(text in "[A-Za-z0-9._~/-]{1,20}") {
            if let Ok(name) = text.parse::<FunctionName>() {
                let file = name.to_file_name();
                prop_assert!(!file.contains('/'));
                prop_assert_eq!(FunctionName::from_file_name(&file).unwrap(), name);
            }
        }
    }
}
