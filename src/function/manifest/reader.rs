//! One field of a manifest after the other, each with what was expected of it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::fields::FIELDS;
use super::{FILE, SCHEMA};
use crate::function::permissions::OperatorAllows;
use crate::function::{Permissions, Problem};

pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Turns JSON values into fields and collects what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) operator: &'a OperatorAllows,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::in_file(FILE, text));
    }

    pub(super) fn set<T>(&mut self, field: &mut T, read: impl FnOnce(&mut Self) -> Option<T>) {
        if let Some(value) = read(self) {
            *field = value;
        }
    }

    /// Reports that a field is not what it should be.
    fn expected<T>(&mut self, name: &str, expected: &str, value: &Value) -> Option<T> {
        self.problem(format!("`{name}`: expected {expected}, found {}", kind_of(value)));
        None
    }

    pub(super) fn unknown(&mut self, name: &str) {
        let known: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        let nearest = known
            .iter()
            .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match nearest {
            Some((likeness, known)) if likeness > 0.75 => format!("did you mean `{known}`?"),
            _ => format!("known fields are {}", known.join(", ")),
        };
        let name = name.escape_debug();
        self.problem(format!("`{name}` is not a known field; {hint}"));
    }

    /// The address of a schema means something to editors only.
    pub(super) fn schema(&mut self, value: &Value) {
        if !value.is_string() {
            self.expected::<()>(SCHEMA, "the address of a JSON Schema", value);
        }
    }

    pub(super) fn bool(&mut self, name: &str, value: &Value) -> Option<bool> {
        value.as_bool().or_else(|| self.expected(name, "true or false", value))
    }

    pub(super) fn seconds(
        &mut self,
        name: &str,
        value: &Value,
        range: &RangeInclusive<f64>,
    ) -> Option<Duration> {
        match value.as_f64() {
            Some(seconds) if range.contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
            _ => {
                let from = if *range.start() > 0.0 { "more than 0" } else { "0" };
                let to = range.end();
                self.expected(name, &format!("a number of seconds from {from} to {to}"), value)
            }
        }
    }

    pub(super) fn number(
        &mut self,
        name: &str,
        value: &Value,
        range: &RangeInclusive<u32>,
    ) -> Option<u32> {
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number.filter(|n| range.contains(n)) {
            None => {
                let (least, most) = (range.start(), range.end());
                self.expected(name, &format!("a whole number from {least} to {most}"), value)
            }
            number => number,
        }
    }

    pub(super) fn count(
        &mut self,
        name: &str,
        value: &Value,
        range: &RangeInclusive<u32>,
    ) -> Option<NonZeroU32> {
        self.number(name, value, range).and_then(NonZeroU32::new)
    }

    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        value: &Value,
        known: &[(&str, T)],
    ) -> Option<T> {
        let found = known.iter().find(|(word, _)| value.as_str() == Some(word));
        if found.is_none() {
            let words: Vec<_> = known.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            return self.expected(name, &words.join(" or "), value);
        }
        found.map(|(_, value)| *value)
    }

    fn strings<'v>(&mut self, name: &str, value: &'v Value) -> Option<Vec<&'v str>> {
        let list = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        list.or_else(|| self.expected(name, "a list of strings", value))
    }

    pub(super) fn permissions(&mut self, value: &Value) -> Option<Permissions> {
        let flags = self.strings("permissions", value)?;
        match Permissions::parse(&flags, self.operator) {
            Ok(permissions) => Some(permissions),
            Err(errors) => {
                for (index, error) in errors {
                    self.problem(format!("`permissions[{index}]`: {error}"));
                }
                None
            }
        }
    }

    pub(super) fn env(&mut self, value: &Value) -> Option<BTreeMap<String, String>> {
        let Some(fields) = value.as_object() else {
            return self.expected("env", "an object of strings", value);
        };
        let mut env = BTreeMap::new();
        for (name, value) in fields {
            if !is_variable_name(name) {
                self.problem(format!(
                    "`env`: `{}` is not a variable name; expected letters, digits and `_`",
                    name.escape_debug()
                ));
            } else if let Some(value) = value.as_str().filter(|text| !text.contains('\0')) {
                env.insert(name.clone(), value.to_owned());
            } else {
                self.expected::<()>(&format!("env.{name}"), "a string", value);
            }
        }
        Some(env)
    }

    pub(super) fn secrets(&mut self, value: &Value) -> Option<Vec<String>> {
        let names = self.strings("secrets", value)?;
        for name in names.iter().filter(|name| !is_variable_name(name)) {
            self.problem(format!(
                "`secrets`: `{}` is not a name; expected letters, digits and `_`",
                name.escape_debug()
            ));
        }
        Some(names.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn methods(&mut self, value: &Value) -> Option<Vec<String>> {
        let methods = self.strings("methods", value)?;
        if methods.is_empty() {
            self.problem("`methods` is empty; leave it out to let every method through");
        }
        for method in methods.iter().filter(|method| !METHODS.contains(method)) {
            let known = METHODS.join(", ");
            self.problem(format!(
                "`methods`: `{}` is not a method; expected some of {known}, in capitals",
                method.escape_debug()
            ));
        }
        Some(methods.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn folder(&mut self, name: &str, value: &Value) -> Option<String> {
        let Some(text) = value.as_str() else {
            return self.expected(name, "a folder such as \"public\"", value);
        };
        let path = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        let inside = !path.is_empty()
            && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !path.chars().any(char::is_control);
        if inside {
            return Some(path.to_owned());
        }
        self.problem(format!(
            "`{name}`: `{}` is not a sub-folder of the function's folder; expected one such as \
             \"public\"",
            text.escape_debug()
        ));
        None
    }
}

/// Whether a variable or a secret can have that name.
pub fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A value as a person would name it: the value itself where it is short.
pub(super) fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
