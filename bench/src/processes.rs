//! What the kernel counts of a process and all that descend from it.

use std::collections::HashMap;
use std::fs;

/// A process and all that descend from it, itself first.
pub(crate) struct Tree(Vec<Process>);

struct Process {
    pid: u32,
    parent: u32,
    name: String,
    state: char,
    /// Since the machine started.
    started: u64,
}

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
        let mut tree = Vec::new();
        for process in all.filter_map(Process::read) {
            if process.pid == root {
                tree.push(process);
            } else {
                children.entry(process.parent).or_default().push(process);
            }
        }
        let mut next = 0;
        while let Some(parent) = tree.get(next).map(|process| process.pid) {
            tree.extend(children.remove(&parent).into_iter().flatten());
            next += 1;
        }
        Self(tree)
    }

    /// The Deno processes, oldest first.
    pub(crate) fn denos(&self) -> Vec<u32> {
        let mut denos: Vec<_> = self.0.iter().filter(|process| process.name == "deno").collect();
        denos.sort_by_key(|process| (process.started, process.pid));
        denos.iter().map(|process| process.pid).collect()
    }

    pub(crate) fn zombies(&self) -> usize {
        self.0.iter().filter(|process| process.state == 'Z').count()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Processor time that all of them have used, in milliseconds.
    pub(crate) fn processor_milliseconds(&self) -> f64 {
        let threads = self.0.iter().flat_map(|process| {
            fs::read_dir(format!("/proc/{}/task", process.pid)).into_iter().flatten().flatten()
        });
        let nanoseconds = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        nanoseconds.sum::<f64>() / 1e6
    }
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold spaces.
        let (before, after) = stat.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let fields: Vec<_> = after.split_whitespace().collect();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            name,
            state: fields.first()?.chars().next()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

/// Resident memory in MB.
pub(crate) fn resident_megabytes(pid: u32) -> Result<f64, String> {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// Memory in MB, each shared page counted in equal parts for all that share it.
pub(crate) fn proportional_megabytes(pid: u32) -> Result<f64, String> {
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kilobytes(file: &str, field: &str) -> Result<f64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    let figure = text.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    let kilobytes = figure.and_then(|figure| figure.parse::<f64>().ok());
    kilobytes.map(|kilobytes| kilobytes / 1024.0).ok_or(format!("no {field} in {file}"))
}

/// Open descriptors of one process, and how many of them are sockets.
pub(crate) fn descriptors(pid: u32) -> (usize, usize) {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets: Vec<_> = entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let sockets = targets.iter().filter(|target| target.to_string_lossy().starts_with("socket:"));
    (targets.len(), sockets.count())
}
