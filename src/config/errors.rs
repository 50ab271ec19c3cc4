//! Mistakes in a configuration, collected.

use std::fmt::{self, Display};
use std::str::FromStr;

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors(Vec<String>);

impl Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl From<Errors> for ConfigErrors {
    fn from(errors: Errors) -> Self {
        Self(errors.0)
    }
}

/// Collects what is wrong. A setting has the name of its flag without dashes;
/// its variable follows from that.
#[derive(Default)]
pub(super) struct Errors(Vec<String>);

impl Errors {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn parse<T: FromStr>(
        &mut self,
        name: &str,
        text: &str,
        expected: &str,
    ) -> Option<T> {
        self.require(name, text, expected, text.parse().ok())
    }

    pub(super) fn above_zero<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr + Default + PartialOrd,
    {
        let value = text.parse().ok().filter(|value| *value > T::default());
        self.require(name, text, "a whole number above 0", value)
    }

    pub(super) fn choose<T: Copy>(
        &mut self,
        name: &str,
        text: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let words: Vec<_> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.require(name, text, &words.join(" or "), found)
    }

    pub(super) fn require<T>(
        &mut self,
        name: &str,
        text: &str,
        expected: &str,
        value: Option<T>,
    ) -> Option<T> {
        let variable = format!("DOZE_{}", name.to_uppercase().replace('-', "_"));
        self.require_as(name, &variable, text, expected, value)
    }

    /// As [`Errors::require`], of a setting whose variable others have named.
    pub(super) fn require_as<T>(
        &mut self,
        name: &str,
        variable: &str,
        text: &str,
        expected: &str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            self.0.push(format!("--{name} ({variable}): expected {expected}, found `{text}`"));
        }
        value
    }
}
