//! Each layer alone: everything else is switched off, Deno's own permissions
//! too, so that the code below is as free as native code. What it tries must
//! succeed without any layer and fail with this one.
//!
//! - [`files`]: what it reaches of the file system
//! - [`network`]: whom it reaches, and who reaches it
//! - [`processes`]: what it may do to others, and with which rights
//! - [`limits`]: what it may use up

mod files;
mod limits;
mod network;
mod processes;

use serde_json::Value;

use super::machine::{As, bed_of, users, users_with};
use super::{ATTEMPT, attempt};
use crate::functions::{IDENTITY, identity};
use crate::harness::{Process, Program, TestBed, runtime_folder};

/// Every layer that can be left out.
pub(super) const ALL: [&str; 18] = [
    "deno-permissions",
    "no-new-privileges",
    "no-capabilities",
    "resource-limits",
    "own-user",
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "network-namespace",
    "ipc-namespace",
    "landlock-files",
    "landlock-ports",
    "landlock-scopes",
    "seccomp",
    "address-guard",
    "cgroup-memory",
    "cgroup-pids",
    "cgroup-cpu",
];
/// Nobody but root gets a namespace without this one.
const NAMESPACES: [&str; 4] =
    ["mount-namespace", "pid-namespace", "network-namespace", "ipc-namespace"];

/// Those layers, with what they need themselves.
pub(super) fn with_base<'a>(layers: &[&'a str], user: As) -> Vec<&'a str> {
    let mut kept = layers.to_vec();
    if user == As::PlainUser && layers.iter().any(|layer| NAMESPACES.contains(layer)) {
        kept.push("user-namespace");
    }
    kept
}

/// What `DOZE_SANDBOX_WITHOUT` is to say, to leave just those.
pub(super) fn all_but(kept: &[&str]) -> String {
    ALL.into_iter().filter(|layer| !kept.contains(layer)).collect::<Vec<_>>().join(",")
}

/// A server with those layers and no others, and a function without
/// permissions called `free`.
async fn only(layers: &[&str], user: As) -> TestBed {
    let kept = with_base(layers, user);
    let bed = bed_of(user).env("DOZE_SANDBOX_WITHOUT", &all_but(&kept)).up().await;
    let in_force = bed.get("/_/ready").await.json();
    for layer in &kept {
        let named = |value: &Value| value.as_str() == Some(layer);
        let list = in_force["isolation"].as_array().expect("a list of layers");
        assert!(list.iter().any(named), "{layer} should be in force: {in_force:#}");
    }
    bed.function("free").source(ATTEMPT).drop_in().await;
    bed
}

/// Fails unless the code succeeds without any layer, and fails with this one.
async fn stops(layer: &str, user: As, code: &str, error: &str) {
    let none = only(&[], user).await;
    let free = attempt(&none, "free", code).await;
    assert!(free.get("value").is_some(), "{user:?}: it should succeed without {layer}: {free}");
    drop(none);
    let alone = only(&[layer], user).await;
    let kept = attempt(&alone, "free", code).await;
    let said = kept["error"].as_str().unwrap_or_default();
    assert!(said.contains(error), "{user:?}: {layer} alone should stop it: {kept}");
}

async fn instance_of(bed: &TestBed) -> Process {
    bed.function("identity").source(IDENTITY).drop_in().await;
    bed.instance(identity(bed.get("/identity").await).pid)
}

/// Calls the kernel itself, as native code would; `value` is `-errno` where
/// that fails.
const NATIVE: &str = "
    const libc = Deno.dlopen('libc.so.6', {
      syscall: { parameters: Array(7).fill('i64'), result: 'i64' },
      __errno_location: { parameters: [], result: 'pointer' },
    }).symbols;
    const call = (...words) => {
      while (words.length < 7) words.push(0);
      const result = Number(libc.syscall(...words.map((word) => BigInt(word))));
      if (result >= 0) return result;
      return -new Deno.UnsafePointerView(libc.__errno_location()).getInt32();
    };
";

#[tokio::test]
async fn strict_starts_with_the_minimum_and_names_what_is_missing_of_it() {
    let kernel = ["landlock-files", "landlock-scopes", "seccomp", "address-guard"];
    for user in users_with(&[&NAMESPACES[..], &kernel].concat()) {
        let bed = bed_of(user).flag("--sandbox", "strict").up().await;
        bed.function("hello").source(IDENTITY).drop_in().await;
        bed.get("/hello").await.ok();
    }
    let bed = TestBed::new();
    let output = Program::doze("up")
        .flag("--listen", "127.0.0.1:0")
        .flag("--admin", "127.0.0.1:0")
        .flag("--runtime", runtime_folder().display())
        .flag("--sandbox", "strict")
        .env("DOZE_SANDBOX_WITHOUT", "seccomp,landlock-files")
        .output(&bed.path(""))
        .await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (_, lacking) = said.split_once("demands; not in force:").expect("it says why");
    assert!(lacking.lines().any(|line| line.trim().starts_with("seccomp")), "{said}");
    assert!(lacking.lines().any(|line| line.trim().starts_with("landlock-files")), "{said}");
}
