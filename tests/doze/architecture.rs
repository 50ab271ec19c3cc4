//! What ARCHITECTURE.md says is absent, as far as reading the source can tell.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `src/<folder>`, with `src/<folder>.rs` itself.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut open = vec![root.join(folder)];
    let own = root.join(format!("{folder}.rs"));
    files.extend(own.is_file().then_some(own));
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "nothing lies in src/{folder}");
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).expect("a text file")))
        .collect()
}

/// Fails where a line of code, not of comment, holds one of the words.
#[track_caller]
fn assert_absent(folder: &str, except: &[&str], words: &[&str]) {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        if except.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {code}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{words:?} must not be in src/{folder}:\n{}", found.join("\n"));
}

#[test]
fn the_vocabulary_does_no_io_and_knows_no_runtime() {
    assert_absent("function", &[], &["std::fs", "net::Tcp", "std::io", "tokio", "tracing"]);
}

#[test]
fn the_two_services_meet_only_in_the_published_files() {
    assert_absent("registry", &[], &["crate::execution", "super::execution"]);
    assert_absent("execution", &[], &["crate::registry", "super::registry"]);
}

#[test]
fn what_is_below_knows_nothing_of_what_is_above() {
    let above = ["crate::execution", "crate::registry", "crate::cli", "crate::config"];
    for folder in ["function", "sandbox", "http1"] {
        assert_absent(folder, &[], &above);
    }
    assert_absent("sandbox", &[], &["crate::function"]);
    assert_absent("http1", &[], &["crate::function", "crate::sandbox"]);
}

#[test]
fn only_the_configuration_reads_the_environment() {
    assert_absent("", &["config.rs"], &["env::var(", "env::var_os(", "env::vars("]);
}

#[test]
fn only_the_reply_knows_the_status_codes_of_errors() {
    let codes =
        ["BAD_GATEWAY", "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT", "TOO_LARGE", "UNAUTHORIZED"];
    // Readiness is a state of the server and not an error.
    assert_absent("execution", &["reply.rs", "gateway.rs"], &codes);
}

#[test]
fn processes_are_started_by_the_spawner_and_held_by_keepers() {
    assert_absent("execution", &[], &["tokio::process::Command", "std::process::Command"]);
    assert_absent("registry", &[], &["tokio::process::Command", "std::process::Command"]);
}

#[test]
fn unsafe_code_is_where_the_kernel_is_spoken_to_and_nowhere_else() {
    let words = ["unsafe {", "unsafe fn", "unsafe impl"];
    let files = [
        "sandbox/fork_server.rs",
        "sandbox/attributes.rs",
        "sandbox/schedule.rs",
        "guard/kernel.rs",
    ];
    assert_absent("", &files, &words);
}
