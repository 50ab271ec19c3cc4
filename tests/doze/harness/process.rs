//! Instances as the kernel sees them.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process, told from a later one with the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    started: u64,
    parent: u32,
    zombie: bool,
    name: String,
    args: Vec<String>,
}

impl Process {
    /// The process of that number, if there is one.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let args = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let args = String::from_utf8_lossy(&args);
        // The name in parentheses may hold anything, also parentheses.
        let (id_and_name, fields) = stat.rsplit_once(") ")?;
        let (_, name) = id_and_name.split_once(" (")?;
        let fields: Vec<_> = fields.split(' ').collect();
        Some(Self {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
            zombie: matches!(*fields.first()?, "Z" | "X"),
            name: name.to_owned(),
            args: args.split_terminator('\0').map(str::to_owned).collect(),
        })
    }

    fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::read).collect()
    }

    /// Every process below that server, zombies too.
    pub(crate) fn of_server(server: u32) -> Vec<Self> {
        let all = Self::all();
        let below_server = |process: &&Self| {
            let mut parent = process.parent;
            while parent > 1 && parent != server {
                let next = all.iter().find(|other| other.pid == parent);
                parent = next.map_or(0, |other| other.parent);
            }
            parent == server
        };
        all.iter().filter(below_server).cloned().collect()
    }

    /// Instances whose sockets are below that folder, whoever their parent is.
    pub(crate) fn of_folder(folder: &Path) -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|process| process.is_instance() && process.folder().starts_with(folder));
        all
    }

    /// Whether it is an instance or a spare, not a bundler or a process that
    /// is still being confined.
    pub(crate) fn is_instance(&self) -> bool {
        self.args.iter().any(|arg| arg.ends_with("boot.js"))
    }

    /// Whether it is the fork server, and not a clone of it that waits to
    /// become another program.
    pub(crate) fn is_fork_server(&self) -> bool {
        self.has_arg("fork-server") && self.name == "doze"
    }

    /// Whether it is confined and waits to become an instance.
    pub(crate) fn is_prepared(&self) -> bool {
        self.name == "doze-prepared"
    }

    /// Whether it was started with that argument.
    pub(crate) fn has_arg(&self, wanted: &str) -> bool {
        self.args.iter().any(|arg| arg == wanted)
    }

    /// The instance's own folder, its program's last argument.
    pub(crate) fn folder(&self) -> PathBuf {
        self.args.last().map(PathBuf::from).unwrap_or_default()
    }

    /// Whether it still runs. A zombie does not.
    pub(crate) fn is_alive(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.started == self.started && !now.zombie)
    }

    /// Whether nothing is left of it, not even a zombie that nobody waited for.
    pub(crate) fn is_gone(&self) -> bool {
        Self::read(self.pid).is_none_or(|now| now.started != self.started)
    }

    /// Ends it like the kernel would when memory is short.
    pub(crate) fn kill(&self) {
        // It may just have ended by itself.
        let _ = signal(self.pid, Signal::SIGKILL);
    }

    /// Stops it where it is, until it may [`Self::go_on`].
    pub(crate) fn halt(&self) {
        signal(self.pid, Signal::SIGSTOP).expect("it is there");
    }

    pub(crate) fn go_on(&self) {
        signal(self.pid, Signal::SIGCONT).expect("it is there");
    }

    /// Whether others go first where processors are short; `None` where there
    /// are no control groups that tell.
    pub(crate) fn goes_last(&self) -> Option<bool> {
        let groups = self.groups();
        let told = groups.iter().find_map(|group| fs::read_to_string(group.join("cpu.idle")).ok());
        told.map(|told| told == "1\n")
    }

    /// Whether its first thread takes the processor from others when it wakes.
    pub(crate) fn preempts(&self) -> bool {
        preempts(self.pid)
    }

    /// Its number as it sees it itself, in its folder's name. To the kernel
    /// each is the first of its own PID namespace.
    pub(crate) fn own_number(&self) -> Option<u32> {
        self.folder().file_name()?.to_str()?.strip_prefix('i')?.parse().ok()
    }

    /// A field of `/proc/PID/status`.
    pub(crate) fn status(&self, field: &str) -> Option<String> {
        status(self.pid, field)
    }

    /// Process group and session, from `/proc/PID/stat`.
    pub(crate) fn group_and_session(&self) -> Option<(u32, u32)> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    }

    /// The control groups of the server's that it is in, as folders.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string(format!("/proc/{}/cgroup", self.pid)).unwrap_or_default();
        let group = |line: &str| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controller = fields.next()?;
            let path = fields.next()?.trim_start_matches('/');
            let folder = Path::new("/sys/fs/cgroup").join(controller).join(path);
            path.contains("doze-").then_some(folder)
        };
        text.lines().filter_map(group).collect()
    }

    /// The soft limit of that name in `/proc/PID/limits`.
    pub(crate) fn limit(&self, name: &str) -> Option<String> {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.pid)).ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next().map(str::to_owned)
    }
}

/// A field of `/proc/PID/status`.
pub(crate) fn status(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: Signal) -> nix::Result<()> {
    kill(Pid::from_raw(i32::try_from(pid).expect("process ids are small")), signal)
}

/// Whether a thread takes the processor from others when it wakes.
pub(crate) fn preempts(thread: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).expect("it runs");
    // The second field is a name, and the policy is the 41st.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
    let policy = fields.and_then(|mut fields| fields.nth(38)?.parse().ok());
    policy != Some(libc::SCHED_BATCH)
}

/// The threads of a process whose names begin so.
pub(crate) fn threads(pid: u32, name: &str) -> Vec<u32> {
    let all = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let named = all.filter_map(|thread| {
        let thread = thread.ok()?;
        let found = fs::read_to_string(thread.path().join("comm")).ok()?;
        found.starts_with(name).then(|| thread.file_name().to_str()?.parse().ok())?
    });
    named.collect()
}
