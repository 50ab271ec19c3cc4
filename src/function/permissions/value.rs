//! What stands after the `=` of a permission flag: hosts, paths, names.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::{Kind, PermissionError};

/// The values after a flag's `=`.
pub(super) fn parse_values(
    flag: &str,
    kind: Kind,
    list: &str,
) -> Result<BTreeSet<String>, PermissionError> {
    list.split(',')
        .map(str::trim)
        .map(|value| match kind {
            _ if value.is_empty() => Err(PermissionError::EmptyValue(flag.to_owned())),
            Kind::Net if !is_host(value) => {
                Err(PermissionError::BadHost { flag: flag.to_owned(), value: value.to_owned() })
            }
            _ if kind.holds_paths() => match normal_path(value) {
                // It would be read back as another path.
                Some(path) if path.trim() != path => {
                    Err(PermissionError::BlankPath { flag: flag.to_owned(), value: path })
                }
                Some(path) => Ok(path),
                None => Err(PermissionError::PathOutside {
                    flag: flag.to_owned(),
                    value: value.to_owned(),
                }),
            },
            _ => Ok(value.to_owned()),
        })
        .collect()
}

/// `host`, `host:port`, `*.host`, an address, or `[v6]:port`. Never a socket
/// path or a URL: those would be another kind of access under this name.
pub(super) fn is_host(value: &str) -> bool {
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
