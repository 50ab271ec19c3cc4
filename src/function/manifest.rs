//! `registry.json`: what a function's author declares, with defaults applied.
//!
//! The text is read by hand, field by field, so that every mistake is reported
//! at once and each with what was expected.

mod fields;
mod reader;
mod schema;
mod seconds;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::permissions::OperatorAllows;
use super::{Permissions, Problem};
use fields::FIELDS;
pub use reader::is_variable_name;
use reader::{Reader, kind_of};
pub use schema::{schema, schema_text};

/// The manifest's file name, in a function's folder.
pub const FILE: &str = "registry.json";
/// The one field that means nothing here, but much to an editor.
const SCHEMA: &str = "$schema";

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

impl Manifest {
    /// Reads a manifest and reports every mistake in it.
    pub fn parse(text: &[u8], operator: &OperatorAllows) -> Result<Self, Vec<Problem>> {
        let value: Value = serde_json::from_slice(without_mark(text)).map_err(|error| {
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
        match FIELDS.iter().find(|field| field.name == name) {
            Some(field) => (field.read)(self, reader, field.name, value),
            None if name == SCHEMA => reader.schema(value),
            None => reader.unknown(name),
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

/// The text without a byte order mark. Editors on some systems begin with one.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The parser's reason without its position, which the problem carries.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
