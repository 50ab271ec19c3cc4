//! What a function may do, read from `deno run` permission flags.
//!
//! Parsed once into sets, so that two authors who write the same permissions
//! in another order get the same spare processes, and so that a path can never
//! reach Deno without having been checked.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

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

    fn short_flag(letter: &str) -> Option<Self> {
        Some(match letter {
            "-E" => Self::Env,
            "-N" => Self::Net,
            "-R" => Self::Read,
            "-W" => Self::Write,
            "-S" => Self::Sys,
            _ => return None,
        })
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

/// Why a text is not a permission that a function can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Not a permission flag of `deno run`.
    #[error(
        "`{0}` is not a permission flag; expected `--allow-KIND`, `--allow-KIND=VALUE,…` or \
         `--deny-KIND…` with KIND one of net, read, write, env, sys"
    )]
    NotAFlag(String),
    /// A flag that lifts the sandbox.
    #[error(
        "`{0}` is refused, because it would let the function leave its sandbox; \
         name what it needs, for example `--allow-net=api.example.com`"
    )]
    AllowAll(String),
    /// A flag that needs the operator's word.
    #[error(
        "`{flag}` is refused; only the operator can allow it, by starting doze with \
         `--allow-permissions {kind}`"
    )]
    NeedsOperator {
        /// The flag as written.
        flag: String,
        /// What the operator would have to name.
        kind: Kind,
    },
    /// Code is bundled when it is published.
    #[error(
        "`{0}` is refused: a function is bundled when it is published and imports nothing later"
    )]
    Import(String),
    /// A `=` without a value, or an empty value between commas.
    #[error("`{0}` has an empty value; leave out the `=` to mean everything")]
    EmptyValue(String),
    /// Not a host that can stand in `--allow-net`.
    #[error(
        "`{value}` in `{flag}` is not a host; expected `host`, `host:port`, `1.2.3.4:80` or `[::1]:80`"
    )]
    BadHost {
        /// The flag as written.
        flag: String,
        /// The part that is not a host.
        value: String,
    },
    /// A path that is absolute or has a `..`.
    #[error(
        "`{value}` in `{flag}` leaves the function's folder; paths are relative to it, \
         for example `./data`"
    )]
    PathOutside {
        /// The flag as written.
        flag: String,
        /// The path.
        value: String,
    },
    /// A character that no value may hold.
    #[error("a value in `{0}` holds a control character")]
    ControlCharacter(String),
}

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

fn parse_values(flag: &str, kind: Kind, list: &str) -> Result<BTreeSet<String>, PermissionError> {
    list.split(',')
        .map(str::trim)
        .map(|value| match kind {
            _ if value.is_empty() => Err(PermissionError::EmptyValue(flag.to_owned())),
            Kind::Net if !is_host(value) => {
                Err(PermissionError::BadHost { flag: flag.to_owned(), value: value.to_owned() })
            }
            _ if kind.holds_paths() => normal_path(value).ok_or_else(|| {
                PermissionError::PathOutside { flag: flag.to_owned(), value: value.to_owned() }
            }),
            _ => Ok(value.to_owned()),
        })
        .collect()
}

/// `host`, `host:port`, `*.host`, an address, or `[v6]:port`. Never a socket
/// path or a URL: those would be another kind of access under this name.
fn is_host(value: &str) -> bool {
    let (host, port) = if let Some(rest) = value.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        match rest.strip_prefix(':') {
            Some(port) => ("v6", Some(port)),
            None if rest.is_empty() => ("v6", None),
            None => return false,
        }
    } else if value.parse::<std::net::Ipv6Addr>().is_ok() {
        ("v6", None)
    } else {
        match value.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (value, None),
        }
    };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let host_is_plain = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'/'));
    // A slash is allowed only as an IPv4 prefix length, `10.0.0.0/8`.
    let slash_is_prefix = match host.split_once('/') {
        None => true,
        Some((address, bits)) => {
            address.parse::<std::net::Ipv4Addr>().is_ok()
                && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
        }
    };
    host_is_plain && slash_is_prefix && port.is_none_or(|p| p.parse::<u16>().is_ok_and(|p| p > 0))
}

/// `./data//x/` → `data/x`, `./` → `.`; `None` where the path is absolute or steps up.
fn normal_path(value: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(value).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
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
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Vec<String>, String> {
        Permissions::parse(flags, &OperatorAllows::default())
            .map(|p| p.to_flags())
            .map_err(|e| e.iter().map(|(_, e)| e.to_string()).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn the_same_permissions_in_another_order_are_equal() {
        let one = parse(&["--allow-net=b.example,a.example:443", "--allow-read=./data/"]).unwrap();
        let two = parse(&["-R=data", "--allow-net=a.example:443", "-N=b.example"]).unwrap();
        assert_eq!(one, two);
        assert_eq!(one, ["--allow-net=a.example:443,b.example", "--allow-read=data"]);
    }

    #[test]
    fn everything_swallows_single_values() {
        assert_eq!(parse(&["--allow-net=a.example", "--allow-net"]).unwrap(), ["--allow-net"]);
        assert_eq!(parse(&["--allow-net", "--deny-net=a.example"]).unwrap().len(), 2);
    }

    #[test]
    fn each_refusal_names_the_flag_and_what_to_do() {
        for (flag, expected) in [
            ("--allow-all", "name what it needs"),
            ("-A", "name what it needs"),
            ("--allow-run", "--allow-permissions run"),
            ("--allow-run=git", "--allow-permissions run"),
            ("--allow-ffi", "--allow-permissions ffi"),
            ("--allow-import", "imports nothing later"),
            ("--allow-nett", "not a permission flag"),
            ("allow-net", "not a permission flag"),
            ("", "not a permission flag"),
            ("--v8-flags=--x", "not a permission flag"),
            ("--allow-net=", "empty value"),
            ("--allow-net=a,,b", "empty value"),
            ("--allow-net=https://a.example", "not a host"),
            ("--allow-net=unix:/run/x.sock", "not a host"),
            ("--allow-net=a.example:99999", "not a host"),
            ("--allow-net=a b", "not a host"),
            ("--allow-read=/etc", "leaves the function's folder"),
            ("--allow-read=../other", "leaves the function's folder"),
            ("--allow-read=data/../../x", "leaves the function's folder"),
            ("--allow-write=/tmp", "leaves the function's folder"),
            ("--allow-net=a\nb", "control character"),
        ] {
            let error = parse(&[flag]).expect_err(flag);
            assert!(error.contains(expected), "{flag}: {error}");
        }
    }

    #[test]
    fn every_bad_flag_is_reported_at_once() {
        let errors = Permissions::parse(&["-A", "-N", "--x"], &OperatorAllows::default());
        assert_eq!(errors.unwrap_err().iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn hosts_addresses_and_ports_are_hosts() {
        for host in [
            "a",
            "a.b:1",
            "*.a.b",
            "1.2.3.4",
            "1.2.3.4:5",
            "[::1]",
            "[::1]:80",
            "::1",
            "10.0.0.0/8",
        ] {
            assert!(is_host(host), "{host} was refused");
        }
    }

    #[test]
    fn flags_read_back_from_a_published_file() {
        let flags = ["--allow-read=.", "--allow-net=a.example", "--deny-env=SECRET"];
        let permissions = Permissions::parse(&flags, &OperatorAllows::default()).unwrap();
        let json = serde_json::to_string(&permissions).unwrap();
        assert_eq!(serde_json::from_str::<Permissions>(&json).unwrap(), permissions);
    }

    #[test]
    fn what_the_operator_names_is_allowed_and_nothing_else() {
        let operator: OperatorAllows = "run".parse().unwrap();
        let permissions = Permissions::parse(&["--allow-run=git"], &operator).unwrap();
        assert_eq!(permissions.beyond(&operator), None);
        assert_eq!(permissions.beyond(&OperatorAllows::default()), Some(Kind::Run));
        assert!(Permissions::parse(&["--allow-ffi"], &operator).is_err());
        assert!("all".parse::<OperatorAllows>().is_err());
    }
}
