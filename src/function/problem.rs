//! One thing that is wrong with a function, told so that its author can mend it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A problem, with the place it is at where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, relative to the function's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What was expected, what was found, and what to do.
    pub text: String,
}

impl Problem {
    /// A problem of the function as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { file: None, line: None, column: None, text: text.into() }
    }

    /// A problem of one file.
    pub fn in_file(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..Self::new(text) }
    }

    /// The same problem at a line and column, both counted from 1.
    #[must_use]
    pub fn at(self, line: u32, column: u32) -> Self {
        Self { line: Some(line), column: Some(column), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:{}:", self.column.unwrap_or(1))?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.text)
    }
}
