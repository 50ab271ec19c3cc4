//! `registry.json`: what a function's author declares, with defaults applied.
//!
//! The text is read by hand, field by field, so that every mistake is reported
//! at once and each with what was expected.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::permissions::OperatorAllows;
use super::{Permissions, Problem};

/// The manifest's file name, in a function's folder.
pub const FILE: &str = "registry.json";

/// What an author declares. Every field has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// What the function may do.
    pub permissions: Permissions,
    /// Start an instance as soon as the function is published.
    pub warmup_on_start: bool,
    /// How long an unused instance is kept; `None` is the server's default.
    #[serde(with = "seconds::option", skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<Duration>,
    /// How long one invocation may take until its response's head.
    #[serde(with = "seconds")]
    pub timeout_seconds: Duration,
    /// V8 heap limit, MiB.
    pub memory_mb: NonZeroU32,
    /// Requests that one instance serves at once.
    pub concurrency: NonZeroU32,
    /// Instances kept even when idle.
    pub min_instances: u32,
    /// Instances allowed.
    pub max_instances: NonZeroU32,
    /// Variables that the function sees.
    pub env: BTreeMap<String, String>,
    /// Names of secrets that the function sees like variables.
    pub secrets: Vec<String>,
    /// Whether an instance outlives a request.
    pub mode: Mode,
    /// A folder served as files, relative to the function's folder.
    #[serde(rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_folder: Option<String>,
    /// Whether a page that matches no file gets `index.html`.
    pub spa: bool,
    /// Methods that are let through; empty means all.
    pub methods: Vec<String>,
    /// Who may call.
    pub auth: Auth,
}

/// Whether an instance outlives a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// An instance serves requests until it is idle.
    Serve,
    /// A fresh process for every request.
    Oneshot,
}

/// Who may call a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Anybody.
    Public,
    /// Whoever has one of the function's bearer tokens.
    Token,
}

impl Default for Manifest {
    fn default() -> Self {
        let count = |n| NonZeroU32::new(n).expect("defaults are not zero");
        Self {
            permissions: Permissions::default(),
            warmup_on_start: false,
            idle_seconds: None,
            timeout_seconds: Duration::from_secs(30),
            memory_mb: count(128),
            concurrency: count(100),
            min_instances: 0,
            max_instances: count(1),
            env: BTreeMap::new(),
            secrets: Vec::new(),
            mode: Mode::Serve,
            static_folder: None,
            spa: false,
            methods: Vec::new(),
            auth: Auth::Public,
        }
    }
}

/// Every field's name, for the nearest known one.
const FIELDS: [&str; 15] = [
    "permissions",
    "warmupOnStart",
    "idleSeconds",
    "timeoutSeconds",
    "memoryMb",
    "concurrency",
    "minInstances",
    "maxInstances",
    "env",
    "secrets",
    "mode",
    "static",
    "spa",
    "methods",
    "auth",
];

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// A day. Longer than any useful idle or response time, short enough that no
/// deadline arithmetic overflows.
const MAX_SECONDS: f64 = 86_400.0;

impl Manifest {
    /// Reads a manifest and reports every mistake in it.
    pub fn parse(text: &[u8], operator: &OperatorAllows) -> Result<Self, Vec<Problem>> {
        // Editors on some systems begin a file with a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let value: Value = serde_json::from_slice(text).map_err(|error| {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
            let column = u32::try_from(error.column()).unwrap_or(u32::MAX).max(1);
            vec![
                Problem::in_file(FILE, format!("not valid JSON: {}", reason(&error)))
                    .at(line, column),
            ]
        })?;
        let Value::Object(fields) = value else {
            return Err(vec![Problem::in_file(
                FILE,
                format!("expected an object such as {{}}, found {}", kind_of(&value)),
            )]);
        };
        let mut reader = Reader { operator, problems: Vec::new() };
        let mut manifest = Self::default();
        for (name, value) in &fields {
            manifest.read_field(&mut reader, name, value);
        }
        manifest.check_together(&mut reader);
        if reader.problems.is_empty() { Ok(manifest) } else { Err(reader.problems) }
    }

    fn read_field(&mut self, reader: &mut Reader<'_>, name: &str, value: &Value) {
        match name {
            "permissions" => reader.set(&mut self.permissions, |r| r.permissions(value)),
            "warmupOnStart" => reader.set(&mut self.warmup_on_start, |r| r.bool(name, value)),
            "idleSeconds" => {
                reader.set(&mut self.idle_seconds, |r| r.seconds(name, value, 0.0).map(Some));
            }
            "timeoutSeconds" => {
                reader.set(&mut self.timeout_seconds, |r| r.seconds(name, value, 0.001));
            }
            "memoryMb" => reader.set(&mut self.memory_mb, |r| r.count(name, value, 16, 65_536)),
            "concurrency" => reader.set(&mut self.concurrency, |r| r.count(name, value, 1, 10_000)),
            "minInstances" => {
                reader.set(&mut self.min_instances, |r| r.number(name, value, 0, 1_000));
            }
            "maxInstances" => {
                reader.set(&mut self.max_instances, |r| r.count(name, value, 1, 1_000));
            }
            "env" => reader.set(&mut self.env, |r| r.env(value)),
            "secrets" => reader.set(&mut self.secrets, |r| r.secrets(value)),
            "mode" => reader.set(&mut self.mode, |r| {
                r.one_of(name, value, &[("serve", Mode::Serve), ("oneshot", Mode::Oneshot)])
            }),
            "static" => reader.set(&mut self.static_folder, |r| r.folder(name, value).map(Some)),
            "spa" => reader.set(&mut self.spa, |r| r.bool(name, value)),
            "methods" => reader.set(&mut self.methods, |r| r.methods(value)),
            "auth" => reader.set(&mut self.auth, |r| {
                r.one_of(name, value, &[("public", Auth::Public), ("token", Auth::Token)])
            }),
            _ => reader.unknown(name),
        }
    }

    fn check_together(&self, reader: &mut Reader<'_>) {
        if self.min_instances > self.max_instances.get() {
            reader.problem(format!(
                "`minInstances` is {} but `maxInstances` is {}; raise `maxInstances`",
                self.min_instances, self.max_instances
            ));
        }
        if self.mode == Mode::Oneshot && (self.min_instances > 0 || self.warmup_on_start) {
            reader.problem(
                "`mode: \"oneshot\"` starts a fresh process for every request, so `minInstances` \
                 and `warmupOnStart` cannot be set with it",
            );
        }
        if self.spa && self.static_folder.is_none() {
            reader.problem("`spa` needs `static`, the folder that holds `index.html`");
        }
        for name in self.secrets.iter().filter(|name| self.env.contains_key(*name)) {
            reader.problem(format!("`{name}` is both in `env` and in `secrets`; keep one"));
        }
    }
}

/// Turns JSON values into fields and collects what is wrong with them.
struct Reader<'a> {
    operator: &'a OperatorAllows,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(Problem::in_file(FILE, text));
    }

    fn set<T>(&mut self, field: &mut T, read: impl FnOnce(&mut Self) -> Option<T>) {
        if let Some(value) = read(self) {
            *field = value;
        }
    }

    /// Reports that a field is not what it should be.
    fn expected<T>(&mut self, name: &str, expected: &str, value: &Value) -> Option<T> {
        self.problem(format!("`{name}`: expected {expected}, found {}", kind_of(value)));
        None
    }

    fn unknown(&mut self, name: &str) {
        let nearest = FIELDS
            .into_iter()
            .map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let hint = match nearest {
            Some((likeness, known)) if likeness > 0.75 => format!("did you mean `{known}`?"),
            _ => format!("known fields are {}", FIELDS.join(", ")),
        };
        self.problem(format!("`{name}` is not a known field; {hint}"));
    }

    fn bool(&mut self, name: &str, value: &Value) -> Option<bool> {
        value.as_bool().or_else(|| self.expected(name, "true or false", value))
    }

    fn seconds(&mut self, name: &str, value: &Value, least: f64) -> Option<Duration> {
        match value.as_f64() {
            Some(seconds) if (least..=MAX_SECONDS).contains(&seconds) => {
                Some(Duration::from_secs_f64(seconds))
            }
            _ => {
                let from = if least > 0.0 { "more than 0" } else { "0" };
                self.expected(name, &format!("a number of seconds from {from} to 86400"), value)
            }
        }
    }

    fn number(&mut self, name: &str, value: &Value, least: u32, most: u32) -> Option<u32> {
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number.filter(|n| (least..=most).contains(n)) {
            None => self.expected(name, &format!("a whole number from {least} to {most}"), value),
            number => number,
        }
    }

    fn count(&mut self, name: &str, value: &Value, least: u32, most: u32) -> Option<NonZeroU32> {
        self.number(name, value, least, most).and_then(NonZeroU32::new)
    }

    fn one_of<T: Copy>(&mut self, name: &str, value: &Value, known: &[(&str, T)]) -> Option<T> {
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

    fn permissions(&mut self, value: &Value) -> Option<Permissions> {
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

    fn env(&mut self, value: &Value) -> Option<BTreeMap<String, String>> {
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

    fn secrets(&mut self, value: &Value) -> Option<Vec<String>> {
        let names = self.strings("secrets", value)?;
        for name in names.iter().filter(|name| !is_variable_name(name)) {
            self.problem(format!(
                "`secrets`: `{}` is not a name; expected letters, digits and `_`",
                name.escape_debug()
            ));
        }
        Some(names.into_iter().map(str::to_owned).collect())
    }

    fn methods(&mut self, value: &Value) -> Option<Vec<String>> {
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

    fn folder(&mut self, name: &str, value: &Value) -> Option<String> {
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

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A value as a person would name it: the value itself where it is short.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The parser's reason without its position, which the problem carries.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Durations as numbers of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of seconds below a day is exact"
    )]
    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        let seconds = value.as_secs_f64();
        if seconds.fract() == 0.0 {
            to.serialize_u64(seconds as u64)
        } else {
            to.serialize_f64(seconds)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(serde::de::Error::custom)
    }

    pub(super) mod option {
        use super::{Deserialize, Deserializer, Duration, Serializer};

        #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
        pub(in super::super) fn serialize<S: Serializer>(
            value: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            Option::<f64>::deserialize(from)?
                .map(|seconds| {
                    Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
                })
                .transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, Vec<String>> {
        Manifest::parse(text.as_bytes(), &OperatorAllows::default())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_empty_object_is_all_defaults() {
        assert_eq!(parse("{}").unwrap(), Manifest::default());
        assert_eq!(parse("\u{feff}{}").unwrap(), Manifest::default());
    }

    #[test]
    fn every_field_can_be_set() {
        let manifest = parse(
            r#"{"permissions": ["--allow-net=a.example"], "warmupOnStart": true, "idleSeconds": 0,
                "timeoutSeconds": 1.5, "memoryMb": 64, "concurrency": 2, "minInstances": 1,
                "maxInstances": 3, "env": {"A": "b"}, "secrets": ["KEY"], "mode": "serve",
                "static": "./public/", "spa": true, "methods": ["GET"], "auth": "token"}"#,
        )
        .unwrap();
        assert_eq!(manifest.idle_seconds, Some(Duration::ZERO));
        assert_eq!(manifest.timeout_seconds, Duration::from_millis(1500));
        assert_eq!(manifest.static_folder.as_deref(), Some("public"));
        let json = serde_json::to_value(&manifest).unwrap();
        for field in FIELDS {
            assert!(json.get(field).is_some(), "{field} is not in {json}");
        }
        assert_eq!(serde_json::from_value::<Manifest>(json).unwrap(), manifest);
    }

    #[test]
    fn each_mistake_names_the_field_and_what_was_expected() {
        for (text, expected) in [
            ("", "registry.json:1:1: not valid JSON"),
            ("{\n  \"env\": {,}\n}", "registry.json:2:11: not valid JSON"),
            ("[]", "expected an object such as {}, found a list"),
            (r#"{"permission": []}"#, "did you mean `permissions`?"),
            (r#"{"warmUpOnStart": true}"#, "did you mean `warmupOnStart`?"),
            (r#"{"zzz": 1}"#, "known fields are permissions"),
            (r#"{"permissions": "x"}"#, "`permissions`: expected a list of strings, found \"x\""),
            (r#"{"permissions": ["-A"]}"#, "`permissions[0]`: `-A` is refused"),
            (r#"{"warmupOnStart": "yes"}"#, "expected true or false, found \"yes\""),
            (r#"{"idleSeconds": -1}"#, "from 0 to 86400, found `-1`"),
            (r#"{"timeoutSeconds": 0}"#, "from more than 0 to 86400, found `0`"),
            (r#"{"memoryMb": 1.5}"#, "a whole number from 16 to 65536, found `1.5`"),
            (r#"{"concurrency": 0}"#, "a whole number from 1 to 10000, found `0`"),
            (r#"{"maxInstances": null}"#, "found null"),
            (r#"{"minInstances": 2}"#, "raise `maxInstances`"),
            (r#"{"env": {"A B": "x"}}"#, "`A B` is not a variable name"),
            (r#"{"env": {"A": 1}}"#, "`env.A`: expected a string, found `1`"),
            (r#"{"env": []}"#, "an object of strings, found a list"),
            (r#"{"env": {"A": ""}, "secrets": ["A"]}"#, "both in `env` and in `secrets`"),
            (r#"{"mode": "once"}"#, "expected \"serve\" or \"oneshot\", found \"once\""),
            (r#"{"mode": "oneshot", "minInstances": 1}"#, "cannot be set with it"),
            (r#"{"static": "/etc"}"#, "not a sub-folder"),
            (r#"{"static": "../x"}"#, "not a sub-folder"),
            (r#"{"static": "."}"#, "not a sub-folder"),
            (r#"{"spa": true}"#, "`spa` needs `static`"),
            (r#"{"methods": ["get"]}"#, "in capitals"),
            (r#"{"methods": []}"#, "is empty"),
            (r#"{"auth": "basic"}"#, "expected \"public\" or \"token\""),
        ] {
            let problems = parse(text).expect_err(text).join("\n");
            assert!(problems.contains(expected), "{text}\n  gave {problems}\n  not {expected}");
        }
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let problems = parse(r#"{"memoryMb": 1, "permissions": ["-A", "-x"], "zzz": 1}"#);
        assert_eq!(problems.unwrap_err().len(), 4);
    }
}
