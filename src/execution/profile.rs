//! What a process is fixed to when it boots, before it knows its function.
//!
//! Deno's permissions can be narrowed later but never widened, and V8's heap
//! limit cannot be changed at all. So two functions can share spares exactly
//! when their profiles are equal, which for most functions they are.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::deno_cache;
use crate::function::Permissions;
use crate::function::permissions::{Access, Kind, Scope};
use crate::function::published::Release;
use crate::sandbox::{Cage, FileRules, GroupLimits, Layer, Needs, Network, ResourceLimits};

/// Where the shim connects to the keeper, in an instance's folder.
pub const CONTROL_SOCKET: &str = "control.sock";
/// Where the shim serves, in an instance's folder.
pub const HTTP_SOCKET: &str = "http.sock";

/// MiB that a process may have besides its V8 heap: Deno's own, its threads'
/// stacks, compiled code, and buffers, which V8 keeps outside its heap.
pub const OVERHEAD_MB: u64 = 128;
/// MiB that a process may map for writing besides its V8 heap. This bounds
/// memory where there are no control groups, and bounds it less tightly: an
/// idle Deno maps 560 MiB and uses 45, each worker maps 520 and uses 6.
pub const MAPPED_MB: u64 = 4096;
/// Processes and threads. Deno has a dozen, and one for each worker.
pub const TASKS: u64 = 96;
/// Open descriptors.
pub const OPEN_FILES: u64 = 4096;
/// MiB that a process may write to its files and to Deno's cache together.
pub const SCRATCH_MB: u64 = 64;

/// Where one process finds what is its own.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its folder, with its sockets.
    pub folder: &'a Path,
    /// The files that it may reach, if it may reach any.
    pub files: &'a Path,
    /// The shim.
    pub shim: &'a Path,
}

/// What a process is fixed to when it boots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Profile {
    /// The function's permissions.
    permissions: Permissions,
    /// V8 heap limit.
    memory_mb: NonZeroU32,
    /// The files it may read or write.
    pub files: Files,
    /// Whether a spare has loaded `node:vm`, which makes it half as large again.
    pub uses_vm: bool,
}

/// Where the files are that a process may reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Files {
    /// It reaches none, so any function without files may use it.
    None,
    /// It reads the published files of one revision, where they lie.
    Published(PathBuf),
    /// It writes, so it gets a copy of the published files that lives and ends
    /// with the process.
    Copied(PathBuf),
}

impl Profile {
    /// The profile that a release needs. `files` is where its files were published.
    pub fn of(release: &Release, files: PathBuf) -> Self {
        let permissions = release.manifest.permissions.clone();
        let names = |kind| !permissions.paths(kind).is_empty();
        let files = if names(Kind::Write) {
            Files::Copied(files)
        } else if names(Kind::Read) {
            Files::Published(files)
        } else {
            Files::None
        };
        let (memory_mb, uses_vm) = (release.manifest.memory_mb, release.uses_vm);
        Self { permissions, memory_mb, files, uses_vm }
    }

    /// The profile of a function that asks for nothing.
    pub fn bare() -> Self {
        let memory_mb = NonZeroU32::new(128).unwrap_or(NonZeroU32::MIN);
        Self { permissions: Permissions::default(), memory_mb, files: Files::None, uses_vm: false }
    }

    /// Whether a process of one is one of the other too, up to what it loads
    /// once it listens.
    pub fn boots_like(&self, other: &Self) -> bool {
        let Self { permissions, memory_mb, files, uses_vm: _ } = self;
        (permissions, memory_mb, files) == (&other.permissions, &other.memory_mb, &other.files)
    }

    /// What a process with this profile needs of the machine.
    pub fn needs(&self, place: &Place<'_>, deno: &Path) -> Needs {
        let mut files = FileRules {
            read: vec![deno.to_owned(), place.shim.to_owned()],
            sockets: vec![place.folder.to_owned()],
            scratch: vec![place.folder.join(deno_cache::FOLDER)],
            ..FileRules::default()
        };
        match &self.files {
            Files::None => {}
            Files::Published(_) => files.read.push(place.files.to_owned()),
            Files::Copied(_) => files.scratch.push(place.files.to_owned()),
        }
        let allows = |kind| !self.permissions.of(kind).allow.is_nothing();
        let programs = allows(Kind::Run) || allows(Kind::Ffi);
        let heap_mb = u64::from(self.memory_mb.get());
        Needs {
            files,
            network: self.network(),
            serves: true,
            programs,
            limits: ResourceLimits {
                open_files: OPEN_FILES,
                file_size: SCRATCH_MB << 20,
                data: Some((heap_mb + MAPPED_MB) << 20),
                tasks: TASKS,
                scratch: SCRATCH_MB << 20,
            },
            group: GroupLimits {
                memory: (heap_mb + OVERHEAD_MB) << 20,
                tasks: TASKS,
                cpu_percent: 100,
            },
            ..Needs::default()
        }
    }

    /// Nothing without permission. With it, the ports that it names, if it
    /// names one wherever it names a host.
    fn network(&self) -> Network {
        let Access { allow, deny } = self.permissions.of(Kind::Net);
        match (allow, deny) {
            (Scope::Nothing, _) | (_, Scope::Everything) => Network::None,
            (Scope::Everything, _) => Network::Outgoing { ports: None },
            (Scope::Only(hosts), _) => {
                Network::Outgoing { ports: hosts.iter().map(|host| port(host)).collect() }
            }
        }
    }

    /// The command line of Deno.
    pub fn arguments(&self, place: &Place<'_>, cage: &Cage) -> Vec<OsString> {
        let permissions = cage.has(Layer::Permissions);
        self.arguments_with(place, permissions.then(|| cage.denied_hosts()))
    }

    /// The same with these hosts denied. Without a list of them there are no
    /// permissions to be kept at all.
    pub fn arguments_with(
        &self,
        place: &Place<'_>,
        denied_hosts: Option<&[String]>,
    ) -> Vec<OsString> {
        let Place { folder, files, shim } = *place;
        let mut arguments: Vec<OsString> = [
            "run",
            "--quiet",
            "--no-prompt",
            "--no-config",
            "--no-lock",
            "--no-npm",
            "--no-remote",
            "--unstable-no-legacy-abort",
        ]
        .into_iter()
        .map(OsString::from)
        .collect();
        arguments.push(format!("--v8-flags=--max-old-space-size={}", self.memory_mb).into());
        match denied_hosts {
            Some(denied) => {
                let flags = |kind: &Kind| self.flags(*kind, folder, files, denied);
                arguments.extend(Kind::ALL.iter().flat_map(flags));
            }
            None => arguments.push("--allow-all".into()),
        }
        arguments.push(shim.into());
        arguments.push(folder.into());
        arguments
    }

    fn flags(
        &self,
        kind: Kind,
        folder: &Path,
        files: &Path,
        denied_hosts: &[String],
    ) -> Vec<OsString> {
        let Access { allow, deny } = self.permissions.of(kind);
        // What the shim itself needs: the process's own two sockets. All of
        // its environment is its own, so reading that reveals nothing.
        let sockets = [folder.join(CONTROL_SOCKET), folder.join(HTTP_SOCKET)];
        let own: Vec<String> = match kind {
            Kind::Net => sockets.iter().map(|path| format!("unix:{}", escape(path))).collect(),
            Kind::Read | Kind::Write => sockets.iter().map(|path| escape(path)).collect(),
            _ => Vec::new(),
        };
        let value = |value: &String| match kind {
            Kind::Read | Kind::Write => escape(&files.join(value)),
            _ => value.clone(),
        };
        // `None` is the bare flag, which allows everything of this kind.
        let allowed: Option<Vec<String>> = match (kind, allow, deny) {
            (Kind::Env, ..) => None,
            (_, _, Scope::Everything) | (_, Scope::Nothing, _) => Some(own),
            // Every file means every file of the function.
            (Kind::Read | Kind::Write, Scope::Everything, _) => {
                Some([own, vec![escape(files)]].concat())
            }
            (_, Scope::Everything, _) => None,
            (_, Scope::Only(values), _) => Some([own, values.iter().map(value).collect()].concat()),
        };
        // Denying everything is what leaving out the permission does as well.
        let mut denied: Vec<_> = match deny {
            Scope::Only(values) => values.iter().map(value).collect(),
            Scope::Nothing | Scope::Everything => Vec::new(),
        };
        if kind == Kind::Net && !allow.is_nothing() && *deny != Scope::Everything {
            denied.extend_from_slice(denied_hosts);
        }
        let mut flags = Vec::new();
        match allowed {
            None => flags.push(format!("--allow-{kind}").into()),
            Some(values) if values.is_empty() => {}
            Some(values) => flags.push(format!("--allow-{kind}={}", values.join(",")).into()),
        }
        if !denied.is_empty() {
            flags.push(format!("--deny-{kind}={}", denied.join(",")).into());
        }
        flags
    }
}

/// The port of a host as it stands in a permission.
fn port(host: &str) -> Option<u16> {
    let (host, port) = host.rsplit_once(':')?;
    // An address of version 6 without a port has colons too.
    if host.contains(':') && !host.ends_with(']') { None } else { port.parse().ok() }
}

/// A path as a value in a flag, where a comma would begin the next value.
fn escape(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::permissions::OperatorAllows;

    fn arguments(flags: &[&str]) -> Vec<String> {
        let profile = Profile {
            permissions: Permissions::parse(flags, &OperatorAllows::default()).unwrap(),
            memory_mb: NonZeroU32::new(64).unwrap(),
            files: Files::None,
            uses_vm: false,
        };
        let place =
            Place { folder: Path::new("/i"), files: Path::new("/f"), shim: Path::new("/shim.js") };
        let arguments = profile.arguments_with(&place, Some(&[]));
        let text = arguments.iter().map(|a| a.to_str().unwrap().to_owned());
        text.filter(|a| a.contains("allow-") || a.contains("deny-")).collect()
    }

    const ENV: &str = "--allow-env";
    const NET: &str = "--allow-net=unix:/i/control.sock,unix:/i/http.sock";
    const READ: &str = "--allow-read=/i/control.sock,/i/http.sock";
    const WRITE: &str = "--allow-write=/i/control.sock,/i/http.sock";

    #[test]
    fn a_process_gets_its_own_sockets_and_what_its_author_named() {
        let with = |value: &str, to: &str| format!("{to},{value}");
        for (flags, expected) in [
            (vec![], [ENV.to_owned(), NET.to_owned(), READ.to_owned(), WRITE.to_owned()].to_vec()),
            (
                vec!["--allow-net=a.example:443", "--allow-read=./data"],
                vec![ENV.into(), with("a.example:443", NET), with("/f/data", READ), WRITE.into()],
            ),
            (
                vec!["--allow-net", "--deny-net=10.0.0.1", "--allow-read"],
                vec![
                    ENV.into(),
                    "--allow-net".into(),
                    "--deny-net=10.0.0.1".into(),
                    with("/f", READ),
                    WRITE.into(),
                ],
            ),
            (
                vec!["--allow-net=a.example", "--deny-net", "--allow-sys=hostname"],
                vec![
                    ENV.into(),
                    NET.into(),
                    READ.into(),
                    WRITE.into(),
                    "--allow-sys=hostname".into(),
                ],
            ),
        ] {
            assert_eq!(arguments(&flags), expected, "{flags:?}");
        }
    }
}
