//! What a function may do, read from `deno run` permission flags.
//!
//! Parsed once into sets, so that two authors who write the same permissions
//! in another order get the same spare processes, and so that a path can never
//! reach Deno without having been checked.

mod error;
mod value;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::PermissionError;
use value::parse_values;

/// How much of one kind of access a flag names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The flag is absent.
    #[default]
    Nothing,
    /// The flag names these values.
    Only(BTreeSet<String>),
    /// The flag stands alone.
    Everything,
}

impl Scope {
    fn add(&mut self, values: Option<BTreeSet<String>>) {
        match (&mut *self, values) {
            (Self::Everything, _) => {}
            (_, None) => *self = Self::Everything,
            (Self::Nothing, Some(new)) => *self = Self::Only(new),
            (Self::Only(old), Some(new)) => old.extend(new),
        }
    }

    /// Whether the flag is absent.
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// The flag as text; `None` where it is absent.
    fn flag(&self, verb: &str, kind: Kind) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Everything => Some(format!("--{verb}-{kind}")),
            Self::Only(values) => {
                let values: Vec<_> = values.iter().map(String::as_str).collect();
                Some(format!("--{verb}-{kind}={}", values.join(",")))
            }
        }
    }
}

/// What is allowed of one kind of access, and what of that is denied again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// `--allow-…`
    pub allow: Scope,
    /// `--deny-…`
    pub deny: Scope,
}

/// A kind of access that Deno checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Environment variables. A function sees only its manifest's `env`.
    Env,
    /// Network hosts.
    Net,
    /// Files to read, inside the function's folder.
    Read,
    /// Files to write, inside the instance's own copy of that folder.
    Write,
    /// Facts about the machine.
    Sys,
    /// Other programs. Only where the operator allows it.
    Run,
    /// Native libraries. Only where the operator allows it.
    Ffi,
}

impl Kind {
    /// Every kind, in the order in which flags are written.
    pub const ALL: [Self; 7] =
        [Self::Env, Self::Net, Self::Read, Self::Write, Self::Sys, Self::Run, Self::Ffi];

    fn name(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::Net => "net",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sys => "sys",
            Self::Run => "run",
            Self::Ffi => "ffi",
        }
    }

    /// The flags that Deno has a letter for.
    pub(super) const SHORT_FLAGS: [(&'static str, Self); 5] = [
        ("-E", Self::Env),
        ("-N", Self::Net),
        ("-R", Self::Read),
        ("-W", Self::Write),
        ("-S", Self::Sys),
    ];

    fn short_flag(flag: &str) -> Option<Self> {
        Self::SHORT_FLAGS.into_iter().find(|(short, _)| *short == flag).map(|(_, kind)| kind)
    }

    /// Whether this kind leaves the sandbox, so that an author's word is not
    /// enough.
    pub fn needs_operator(self) -> bool {
        matches!(self, Self::Run | Self::Ffi)
    }

    fn holds_paths(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which kinds beyond the harmless ones the operator allows by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorAllows(BTreeSet<Kind>);

impl std::str::FromStr for OperatorAllows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        kinds
            .map(|word| match word {
                "run" => Ok(Kind::Run),
                "ffi" => Ok(Kind::Ffi),
                _ => Err(format!("`{word}` is not a permission; expected `run` or `ffi`")),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for OperatorAllows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|kind| kind.name()).collect();
        f.write_str(&words.join(","))
    }
}

/// The permissions of one function. The default allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Permissions([Access; 7]);

impl Permissions {
    /// Reads permission flags, and reports every one that cannot stand.
    pub fn parse<S: AsRef<str>>(
        flags: &[S],
        operator: &OperatorAllows,
    ) -> Result<Self, Vec<(usize, PermissionError)>> {
        let mut permissions = Self::default();
        let mut errors = Vec::new();
        for (index, flag) in flags.iter().enumerate() {
            if let Err(error) = permissions.add(flag.as_ref(), operator) {
                errors.push((index, error));
            }
        }
        if errors.is_empty() { Ok(permissions) } else { Err(errors) }
    }

    fn add(&mut self, flag: &str, operator: &OperatorAllows) -> Result<(), PermissionError> {
        let owned = || flag.to_owned();
        if flag.chars().any(char::is_control) {
            return Err(PermissionError::ControlCharacter(flag.escape_debug().to_string()));
        }
        let (name, values) = match flag.split_once('=') {
            Some((name, values)) => (name, Some(values)),
            None => (flag, None),
        };
        let (allow, kind) = match name {
            "-A" | "--allow-all" => return Err(PermissionError::AllowAll(owned())),
            "-I" | "--allow-import" | "--deny-import" => {
                return Err(PermissionError::Import(owned()));
            }
            _ => parse_flag_name(name).ok_or_else(|| PermissionError::NotAFlag(owned()))?,
        };
        if allow && kind.needs_operator() && !operator.0.contains(&kind) {
            return Err(PermissionError::NeedsOperator { flag: owned(), kind });
        }
        let values = values.map(|list| parse_values(flag, kind, list)).transpose()?;
        let access = &mut self.0[kind as usize];
        if allow {
            access.allow.add(values);
        } else {
            access.deny.add(values);
        }
        Ok(())
    }

    /// What stands for one kind of access.
    pub fn of(&self, kind: Kind) -> &Access {
        &self.0[kind as usize]
    }

    /// The same permissions as flags, sorted, each kind at most once.
    pub fn to_flags(&self) -> Vec<String> {
        let flags = Kind::ALL.into_iter().flat_map(|kind| {
            let access = self.of(kind);
            [access.allow.flag("allow", kind), access.deny.flag("deny", kind)]
        });
        flags.flatten().collect()
    }

    /// The paths below the function's folder that it may read or write,
    /// without a leading `./`; `.` is the folder itself.
    pub fn paths(&self, kind: Kind) -> Vec<&Path> {
        match &self.of(kind).allow {
            Scope::Nothing => Vec::new(),
            Scope::Everything => vec![Path::new(".")],
            Scope::Only(values) => values.iter().map(Path::new).collect(),
        }
    }
}

fn parse_flag_name(name: &str) -> Option<(bool, Kind)> {
    if let Some(kind) = Kind::short_flag(name) {
        return Some((true, kind));
    }
    let (allow, kind) = match name.strip_prefix("--allow-") {
        Some(kind) => (true, kind),
        None => (false, name.strip_prefix("--deny-")?),
    };
    Some((allow, Kind::ALL.into_iter().find(|k| k.name() == kind)?))
}

impl From<Permissions> for Vec<String> {
    fn from(permissions: Permissions) -> Self {
        permissions.to_flags()
    }
}

/// Reads flags back from a published file. What the registry let pass, with
/// the operator's word or without, stands; execution asks its own operator
/// again through [`Permissions::beyond`].
impl TryFrom<Vec<String>> for Permissions {
    type Error = PermissionError;

    fn try_from(flags: Vec<String>) -> Result<Self, PermissionError> {
        let everything = OperatorAllows([Kind::Run, Kind::Ffi].into());
        Self::parse(&flags, &everything).map_err(|mut errors| errors.remove(0).1)
    }
}

impl Permissions {
    /// The first kind that is allowed here and that the operator did not allow.
    pub fn beyond(&self, operator: &OperatorAllows) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| {
            kind.needs_operator()
                && !self.of(*kind).allow.is_nothing()
                && !operator.0.contains(kind)
        })
    }
}

#[cfg(test)]
mod tests;
