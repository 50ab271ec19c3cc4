//! What a program needs of the system around it, besides its own files.

use std::path::{Path, PathBuf};

use super::{Confinement, Network};

/// Libraries, and how they are found.
const LIBRARIES: [&str; 5] = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"];
/// How a name becomes an address.
const NAMES: [&str; 7] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl/certs",
];
/// What other programs are and need.
const PROGRAMS: [&str; 5] = ["/usr", "/bin", "/sbin", "/opt", "/etc/alternatives"];
/// Which of these are links where `/usr` has been merged.
const LINKED: [&str; 4] = ["/lib", "/lib64", "/bin", "/sbin"];
/// What the C library and V8 ask about the machine.
pub(super) const FACTS: [&str; 5] = [
    "/proc/self",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu/online",
];
/// What anything may open. Not those that never end: a bundler would read one
/// of them, through a link, for as long as there is memory.
const DEVICES: [&str; 1] = ["/dev/null"];
/// What other programs may open as well.
const DEVICES_OF_PROGRAMS: [&str; 3] = ["/dev/zero", "/dev/random", "/dev/urandom"];

/// What a process with this plan reads of the system.
pub(super) fn read(plan: &Confinement) -> Vec<PathBuf> {
    let networked = plan.network != Network::None;
    let names = if networked { &NAMES[..] } else { &[] };
    let programs = if plan.programs { &PROGRAMS[..] } else { &[] };
    // A folder before what is in it, which would else be covered.
    [programs, &LIBRARIES, names].into_iter().flatten().map(PathBuf::from).collect()
}

/// The devices that a process with this plan may open.
pub(super) fn devices(plan: &Confinement) -> Vec<PathBuf> {
    let more = if plan.programs { &DEVICES_OF_PROGRAMS[..] } else { &[] };
    [&DEVICES, more].into_iter().flatten().map(PathBuf::from).collect()
}

/// Where the dynamic linker lies, which the kernel runs for every program.
pub(super) const LINKERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/// Whether a path may be a link, to be had as one in another tree.
pub(super) fn is_linked(path: &Path) -> bool {
    LINKED.iter().any(|linked| path == Path::new(linked))
}

/// The folders whose programs may be run.
pub(super) fn programs(plan: &Confinement) -> impl Iterator<Item = &'static str> {
    if plan.programs { &PROGRAMS[..] } else { &[] }.iter().copied()
}
