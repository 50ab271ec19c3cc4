//! What follows from the machine: paths, programs, how many processes fit.

use std::path::{Path, PathBuf};

/// MiB of the machine's memory per process, for the default process limit. A
/// process with the default heap limit that uses all of it takes about so much.
const MEMORY_PER_PROCESS: u64 = 192;
/// A machine that small runs few functions, but it runs them.
const FEWEST_PROCESSES: u64 = 8;

/// Functions run in other folders, so every path must be whole.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The name that npm packages have for this machine.
pub(super) fn platform() -> String {
    let processor = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "x64",
        other => other,
    };
    format!("linux-{processor}")
}

/// A program that npm has installed.
pub(super) fn tool(runtime: &Path, scope: &str, package: &str, file: &str) -> PathBuf {
    absolute(runtime).join("node_modules").join(scope).join(package).join(file)
}

/// The bundler.
pub(super) fn esbuild(runtime: &Path) -> PathBuf {
    tool(runtime, "@esbuild", &platform(), "bin/esbuild")
}

/// As many processes as fit into the machine's memory, or into the share of it
/// that a container has.
pub(super) fn default_processes() -> usize {
    let kilobytes = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        total.trim().trim_end_matches(" kB").parse::<u64>().ok()
    });
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u64>().ok()).map(|bytes| bytes >> 10);
    let megabytes = kilobytes.into_iter().chain(limit).min().unwrap_or(0) >> 10;
    usize::try_from((megabytes / MEMORY_PER_PROCESS).max(FEWEST_PROCESSES)).unwrap_or(usize::MAX)
}
