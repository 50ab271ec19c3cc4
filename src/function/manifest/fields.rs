//! The one list of fields: how each is read, and what an editor is told of it.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::reader::{METHODS, Reader};
use super::{Auth, Manifest, Mode};
use crate::function::permissions::Kind;

/// A field of `registry.json`.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// What an editor shows.
    pub(super) about: &'static str,
    /// What the value may be, as JSON Schema.
    pub(super) schema: fn() -> Value,
    /// Takes the value into the manifest, or reports what is wrong with it.
    pub(super) read: fn(&mut Manifest, &mut Reader<'_>, &'static str, &Value),
}

const MEMORY: RangeInclusive<u32> = 16..=65_536;
const CONCURRENCY: RangeInclusive<u32> = 1..=10_000;
const LEAST_INSTANCES: RangeInclusive<u32> = 0..=1_000;
const MOST_INSTANCES: RangeInclusive<u32> = 1..=1_000;
/// To a day: longer than any useful idle or response time, short enough that
/// no deadline arithmetic overflows.
const IDLE: RangeInclusive<f64> = 0.0..=86_400.0;
const TIMEOUT: RangeInclusive<f64> = 0.001..=86_400.0;
const MODES: [(&str, Mode); 2] = [("serve", Mode::Serve), ("oneshot", Mode::Oneshot)];
const AUTHS: [(&str, Auth); 2] = [("public", Auth::Public), ("token", Auth::Token)];

/// Every field, as the README lists them.
pub(super) const FIELDS: [Field; 15] = [
    Field {
        name: "permissions",
        about: "What it may do, as `deno run` flags such as `--allow-net=api.example.com`. \
                Paths stay inside the function's folder.",
        schema: permissions,
        read: |m, r, _, value| r.set(&mut m.permissions, |r| r.permissions(value)),
    },
    Field {
        name: "warmupOnStart",
        about: "Start an instance when the function is published, and after every restart.",
        schema: switch,
        read: |m, r, name, value| r.set(&mut m.warmup_on_start, |r| r.bool(name, value)),
    },
    Field {
        name: "idleSeconds",
        about: "An instance idle this long is killed; 0 means at once. Without it, the server \
                decides.",
        schema: || seconds(&IDLE),
        read: |m, r, name, value| {
            r.set(&mut m.idle_seconds, |r| r.seconds(name, value, &IDLE).map(Some));
        },
    },
    Field {
        name: "timeoutSeconds",
        about: "How long a request may take until its response's head.",
        schema: || seconds(&TIMEOUT),
        read: |m, r, name, value| {
            r.set(&mut m.timeout_seconds, |r| r.seconds(name, value, &TIMEOUT));
        },
    },
    Field {
        name: "memoryMb",
        about: "Limit of the V8 heap in MiB.",
        schema: || whole(&MEMORY),
        read: |m, r, name, value| r.set(&mut m.memory_mb, |r| r.count(name, value, &MEMORY)),
    },
    Field {
        name: "concurrency",
        about: "Requests that one instance serves at once.",
        schema: || whole(&CONCURRENCY),
        read: |m, r, name, value| r.set(&mut m.concurrency, |r| r.count(name, value, &CONCURRENCY)),
    },
    Field {
        name: "minInstances",
        about: "Instances that are kept.",
        schema: || whole(&LEAST_INSTANCES),
        read: |m, r, name, value| {
            r.set(&mut m.min_instances, |r| r.number(name, value, &LEAST_INSTANCES));
        },
    },
    Field {
        name: "maxInstances",
        about: "Instances that are allowed; another one starts when all are at `concurrency`.",
        schema: || whole(&MOST_INSTANCES),
        read: |m, r, name, value| {
            r.set(&mut m.max_instances, |r| r.count(name, value, &MOST_INSTANCES));
        },
    },
    Field {
        name: "env",
        about: "Variables that the function sees; it sees no others.",
        schema: || {
            json!({
                "type": "object",
                "propertyNames": variable_name(),
                "additionalProperties": { "type": "string", "pattern": "^[^\\u0000]*$" },
            })
        },
        read: |m, r, _, value| r.set(&mut m.env, |r| r.env(value)),
    },
    Field {
        name: "secrets",
        about: "Names of secrets that the operator holds, seen like `env`.",
        schema: || json!({ "type": "array", "items": variable_name() }),
        read: |m, r, _, value| r.set(&mut m.secrets, |r| r.secrets(value)),
    },
    Field {
        name: "mode",
        about: "`oneshot`: a fresh process for every request.",
        schema: || one_of(&MODES),
        read: |m, r, name, value| r.set(&mut m.mode, |r| r.one_of(name, value, &MODES)),
    },
    Field {
        name: "static",
        about: "A sub-folder whose files are served for GET and HEAD without a process.",
        schema: sub_folder,
        read: |m, r, name, value| {
            r.set(&mut m.static_folder, |r| r.folder(name, value).map(Some));
        },
    },
    Field {
        name: "spa",
        about: "A page that matches no file gets `index.html` of `static`.",
        schema: switch,
        read: |m, r, name, value| r.set(&mut m.spa, |r| r.bool(name, value)),
    },
    Field {
        name: "methods",
        about: "The methods that are let through; without it, all.",
        schema: || json!({ "type": "array", "minItems": 1, "items": { "enum": METHODS } }),
        read: |m, r, _, value| r.set(&mut m.methods, |r| r.methods(value)),
    },
    Field {
        name: "auth",
        about: "`token`: callers need one of the function's bearer tokens.",
        schema: || one_of(&AUTHS),
        read: |m, r, name, value| r.set(&mut m.auth, |r| r.one_of(name, value, &AUTHS)),
    },
];

/// Parts between slashes, none of them `.` or `..`.
fn sub_folder() -> Value {
    const ANY: &str = r"[^/\u0000-\u001f\u007f-\u009f]";
    const NO_DOT: &str = r"[^/.\u0000-\u001f\u007f-\u009f]";
    let part = format!(r"({NO_DOT}{ANY}*|\.{NO_DOT}{ANY}*|\.\.{ANY}+)");
    json!({ "type": "string", "pattern": format!(r"^(\./)?{part}(/{part})*/*$") })
}

fn switch() -> Value {
    json!({ "type": "boolean" })
}

fn seconds(range: &RangeInclusive<f64>) -> Value {
    json!({ "type": "number", "minimum": range.start(), "maximum": range.end() })
}

fn whole(range: &RangeInclusive<u32>) -> Value {
    json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

fn one_of<T>(known: &[(&str, T)]) -> Value {
    json!({ "enum": known.iter().map(|(word, _)| word).collect::<Vec<_>>() })
}

fn variable_name() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
}

/// Which flags there are. What stands after the `=`, the reader knows better.
fn permissions() -> Value {
    let kinds = Kind::ALL.map(|kind| kind.to_string()).join("|");
    let short = Kind::SHORT_FLAGS.map(|(flag, _)| flag).join("|");
    let pattern = format!(r"^(--(allow|deny)-({kinds})|{short})(=[\s\S]+)?$");
    json!({ "type": "array", "items": { "type": "string", "pattern": pattern } })
}
