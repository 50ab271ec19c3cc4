//! What this machine offers to a server, asked of the kernel and not of doze.
//!
//! A test of a layer runs as every user who can have it here, and says of whom
//! it was not tried. [`what_the_machine_offers_is_in_force_and_nothing_else`]
//! sees to it that this is never a layer which only doze has lost.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use landlock::{Access, AccessFs, AccessNet, CompatLevel, Compatible, RulesetAttr, Scope};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::thread::{CapabilitySet, capabilities};

use super::layers::ALL;
use crate::harness::{PLAIN_USER, TestBed};

/// Who runs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    Root,
    PlainUser,
}

/// The users that a server can be run as here.
pub(super) fn users() -> Vec<As> {
    if nix::unistd::Uid::effective().is_root() {
        vec![As::Root, As::PlainUser]
    } else {
        vec![As::PlainUser]
    }
}

/// Those of them who can have these layers.
pub(super) fn users_with(layers: &[&str]) -> Vec<As> {
    let mut users = users();
    users.retain(|user| {
        let lacking = layers.iter().find(|layer| !offers(layer, *user));
        if let Some(layer) = lacking {
            eprintln!("not tried as {user:?}, who cannot have {layer} on this machine");
        }
        lacking.is_none()
    });
    users
}

/// A bed whose servers that user runs.
pub(super) fn bed_of(user: As) -> TestBed {
    if user == As::PlainUser { TestBed::new().by_plain_user() } else { TestBed::new() }
}

/// Whether a server of that user can have a layer here.
fn offers(layer: &str, user: As) -> bool {
    let root = user == As::Root;
    let rules = || landlock::Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    match layer {
        "own-user" => root && may_change_users(),
        "user-namespace" => !root && unshares(user, &[], &["true"]),
        "mount-namespace" => {
            unshares(user, &["--mount"], &["mount", "-t", "tmpfs", "none", "/mnt"])
        }
        "pid-namespace" => unshares(user, &["--pid", "--fork"], &["true"]),
        "network-namespace" => unshares(user, &["--net"], &["true"]),
        "ipc-namespace" => unshares(user, &["--ipc", "--uts"], &["hostname", "other"]),
        "landlock-files" => rules().handle_access(AccessFs::from_all(landlock::ABI::V1)).is_ok(),
        "landlock-ports" => rules().handle_access(AccessNet::BindTcp).is_ok(),
        "landlock-scopes" => rules().scope(Scope::Signal).is_ok(),
        "address-guard" => takes_a_descriptor(root && may_change_users()),
        "cgroup-memory" => makes_groups(user, "memory"),
        "cgroup-pids" => makes_groups(user, "pids"),
        "cgroup-cpu" => makes_groups(user, "cpu"),
        _ => true,
    }
}

fn may_change_users() -> bool {
    let needed = CapabilitySet::SETUID
        | CapabilitySet::SETGID
        | CapabilitySet::CHOWN
        | CapabilitySet::DAC_OVERRIDE;
    capabilities(None).is_ok_and(|own| own.effective.contains(needed))
}

/// A program that is run as that user and says nothing.
fn program(user: As, name: &str) -> Command {
    let mut command = Command::new(name);
    if user == As::PlainUser && users().contains(&As::Root) {
        command.uid(PLAIN_USER).gid(PLAIN_USER);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn unshares(user: As, namespaces: &[&str], then: &[&str]) -> bool {
    let base: &[&str] = if user == As::Root { &[] } else { &["--user", "--map-root-user"] };
    let mut command = program(user, "unshare");
    command.args(base).args(namespaces).args(then);
    command.status().expect("`unshare` is there").success()
}

/// Whether a descriptor of a child can be had, which the guard answers with.
fn takes_a_descriptor(of_another_user: bool) -> bool {
    let user = if of_another_user { As::PlainUser } else { As::Root };
    let mut child = program(user, "sleep").arg("60").spawn().expect("`sleep` is there");
    let taken = take_a_descriptor(&child);
    child.kill().and_then(|()| child.wait()).expect("a child can be ended");
    taken.is_ok()
}

fn take_a_descriptor(child: &Child) -> rustix::io::Result<()> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    pidfd_getfd(pidfd, 0, PidfdGetfdFlags::empty()).map(drop)
}

/// Whether that user can make a group with this controller below the tests' own.
/// In version 2 only the first of all groups has others beside its processes.
fn makes_groups(user: As, controller: &str) -> bool {
    let groups = fs::read_to_string("/proc/self/cgroup").expect("the kernel has control groups");
    groups.lines().any(|line| {
        let [_, names, path] = line.splitn(3, ':').collect::<Vec<_>>()[..] else { return false };
        let below = path.trim_start_matches('/');
        let folder = Path::new("/sys/fs/cgroup").join(names).join(below);
        let has = if names.is_empty() {
            let has = fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default();
            has.split_whitespace().any(|name| name == controller)
                && !folder.join("cgroup.type").exists()
        } else {
            names.split(',').any(|name| name == controller)
        };
        let group = folder.join(format!("probe-{}-{controller}", std::process::id()));
        let made = has && program(user, "mkdir").arg(&group).status().is_ok_and(|s| s.success());
        // Another test may be asking the same.
        let _ = fs::remove_dir(&group);
        made
    })
}

#[tokio::test]
async fn what_the_machine_offers_is_in_force_and_nothing_else() {
    for user in users() {
        let bed = bed_of(user).up().await;
        let ready = bed.get("/_/ready").await.json();
        let in_force =
            |layer: &str| ready["isolation"].as_array().unwrap().iter().any(|name| name == layer);
        for layer in ALL {
            assert_eq!(in_force(layer), offers(layer, user), "{user:?} {layer}: {ready:#}");
        }
        for missing in ready["isolationMissing"].as_array().unwrap() {
            assert!(missing["why"].as_str().is_some_and(|why| !why.is_empty()), "{missing}");
        }
    }
}
