//! Control groups: limits on all that a process and what it starts use up.
//!
//! Version 2 where a group of our own has been delegated to us, version 1
//! where that is what is there and writable. Groups lie below the server's own
//! group, and their path carries the server's process id and start time, so
//! that the next server can tell what a killed one left.

mod mounted;
mod own;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Layer, Layers, Priority};
use mounted::Mounted;
use own::Own;

/// Period of the processor quota, in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// How often it is tried to remove a group, a millisecond apart.
const REMOVE_ATTEMPTS: u32 = 10;

/// What a group allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupLimits {
    /// Bytes of memory: anonymous, files, kernel.
    pub memory: u64,
    /// Processes and threads.
    pub tasks: u64,
    /// Processors, in hundredths.
    pub cpu_percent: u64,
}

impl Default for GroupLimits {
    fn default() -> Self {
        Self { memory: 1 << 30, tasks: 64, cpu_percent: 100 }
    }
}

/// Where groups are made.
#[derive(Debug)]
pub(super) struct Cgroups {
    hierarchies: Vec<Hierarchy>,
    next: AtomicU64,
}

/// One mounted tree of groups, and what it limits here.
#[derive(Debug)]
struct Hierarchy {
    version: Version,
    layers: Layers,
    own: Own,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Cgroups {
    /// Finds and prepares what there is, and removes what killed servers left.
    /// Names a reason for each layer that cannot be had.
    pub(super) fn prepare(wanted: Layers) -> (Option<Self>, Vec<(Layer, String)>) {
        let controllers = [(Layer::Memory, "memory"), (Layer::Tasks, "pids"), (Layer::Cpu, "cpu")];
        let mounts = Mounted::all();
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        let mut missing = Vec::new();
        for (layer, controller) in controllers {
            if !wanted.has(layer) {
                continue;
            }
            let Some(mounted) = mounts.iter().find(|mounted| mounted.has(controller)) else {
                missing
                    .push((layer, format!("no control group has the controller `{controller}`")));
                continue;
            };
            match Hierarchy::of(mounted, &mut hierarchies).and_then(|hierarchy| {
                hierarchy.own.hand_down(controller)?;
                hierarchy.layers = hierarchy.layers.with(layer);
                Ok(())
            }) {
                Ok(()) => {}
                Err(error) => {
                    let place = mounted.folder.display();
                    missing.push((layer, format!("`{place}` is not ours to use: {error}")));
                }
            }
        }
        // What is of no use is left as it was.
        hierarchies.retain(|hierarchy| match hierarchy.try_out() {
            _ if hierarchy.layers == Layers::NONE => false,
            Ok(()) => true,
            Err(error) => {
                let why = format!("a group cannot be limited: {error}");
                missing.extend(hierarchy.layers.iter().map(|layer| (layer, why.clone())));
                false
            }
        });
        let cgroups =
            (!hierarchies.is_empty()).then(|| Self { hierarchies, next: AtomicU64::new(1) });
        (cgroups, missing)
    }

    /// The layers that these groups make.
    pub(super) fn layers(&self) -> Layers {
        self.hierarchies.iter().flat_map(|hierarchy| hierarchy.layers.iter()).collect()
    }

    /// Does without the groups that none of these layers needs.
    pub(super) fn keep(mut self, in_force: Layers) -> Option<Self> {
        let needed = |hierarchy: &Hierarchy| hierarchy.layers.iter().any(|l| in_force.has(l));
        self.hierarchies.retain(needed);
        (!self.hierarchies.is_empty()).then_some(self)
    }

    /// A group for one process, which limits nothing yet.
    pub(super) fn make(&self) -> io::Result<Group> {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let mut group = Group::default();
        for hierarchy in &self.hierarchies {
            group.parts.push(hierarchy.make(&name)?);
        }
        Ok(group)
    }
}

/// Settings that some kernels do not have.
const OPTIONAL: [&str; 3] = ["memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group"];

impl Hierarchy {
    /// The one that is mounted there, among those that are in use or new.
    fn of<'a>(mounted: &Mounted, all: &'a mut Vec<Self>) -> io::Result<&'a mut Self> {
        let index = match all.iter().position(|hierarchy| hierarchy.own.is_in(mounted)) {
            Some(index) => index,
            None => {
                let own = Own::make(mounted)?;
                all.push(Self { version: mounted.version, layers: Layers::NONE, own });
                all.len() - 1
            }
        };
        Ok(&mut all[index])
    }

    fn make(&self, name: &str) -> io::Result<Part> {
        let folder = self.own.group(name);
        fs::create_dir(&folder)?;
        Ok(Part { folder, version: self.version, layers: self.layers })
    }

    fn try_out(&self) -> io::Result<()> {
        let part = self.make("try")?;
        let result = part.limit(GroupLimits::default());
        drop(Group { parts: vec![part], priority: Mutex::default() });
        result
    }
}

impl Part {
    fn set_priority(&self, priority: Priority) -> io::Result<()> {
        let idle = match priority {
            Priority::Normal => "0",
            Priority::Low => "1",
        };
        match fs::write(self.folder.join("cpu.idle"), idle) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        // Before Linux 5.15: the least that there is.
        let (file, share) = match (self.version, priority) {
            (Version::One, Priority::Low) => ("cpu.shares", "2"),
            (Version::One, Priority::Normal) => ("cpu.shares", "1024"),
            (Version::Two, Priority::Low) => ("cpu.weight", "1"),
            (Version::Two, Priority::Normal) => ("cpu.weight", "100"),
        };
        fs::write(self.folder.join(file), share)
    }

    fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        for (file, value) in self.settings(limits) {
            match fs::write(self.folder.join(file), &value) {
                // Not every kernel counts swap, or kills by groups.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && OPTIONAL.contains(&file) => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn settings(&self, limits: GroupLimits) -> Vec<(&'static str, String)> {
        let GroupLimits { memory, tasks, cpu_percent } = limits;
        let quota = cpu_percent * CPU_PERIOD / 100;
        let mut settings = Vec::new();
        for layer in self.layers.iter() {
            match (layer, self.version) {
                (Layer::Memory, Version::One) => {
                    settings.push(("memory.limit_in_bytes", memory.to_string()));
                    settings.push(("memory.memsw.limit_in_bytes", memory.to_string()));
                }
                (Layer::Memory, Version::Two) => {
                    settings.push(("memory.max", memory.to_string()));
                    settings.push(("memory.swap.max", "0".to_owned()));
                    // Half a function is worse than none.
                    settings.push(("memory.oom.group", "1".to_owned()));
                }
                (Layer::Tasks, _) => settings.push(("pids.max", tasks.to_string())),
                (Layer::Cpu, Version::One) => {
                    settings.push(("cpu.cfs_period_us", CPU_PERIOD.to_string()));
                    settings.push(("cpu.cfs_quota_us", quota.to_string()));
                }
                (Layer::Cpu, Version::Two) => {
                    settings.push(("cpu.max", format!("{quota} {CPU_PERIOD}")));
                }
                _ => {}
            }
        }
        settings
    }
}

/// One process's groups, of normal priority at first. They are removed when this
/// is dropped, which must be after the process has been waited for.
#[derive(Debug, Default)]
pub(super) struct Group {
    parts: Vec<Part>,
    priority: Mutex<Priority>,
}

#[derive(Debug)]
struct Part {
    folder: PathBuf,
    version: Version,
    layers: Layers,
}

impl Group {
    /// From here on it allows this much.
    pub(super) fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| part.limit(limits))
    }

    /// The files by which a process enters, and the layers that this makes.
    pub(super) fn entrances(&self) -> Vec<(Layers, PathBuf)> {
        let entrance = |part: &Part| match part.version {
            Version::One => (part.layers, part.folder.join("tasks")),
            Version::Two => (part.layers, part.folder.join("cgroup.procs")),
        };
        self.parts.iter().map(entrance).collect()
    }

    /// From here on it has this priority; low is what nobody else wants of
    /// the processors.
    pub(super) fn set_priority(&self, priority: Priority) -> io::Result<()> {
        let limited = self.parts.iter().find(|part| part.layers.has(Layer::Cpu));
        let Some(part) = limited else { return Ok(()) };
        let mut now = self.priority.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != priority {
            part.set_priority(priority)?;
            *now = priority;
        }
        Ok(())
    }

    /// The limits at which the kernel has killed or refused something in it:
    /// of memory, of processes and threads.
    pub(super) fn reached(&self) -> Layers {
        let reached = |part: &Part, layer| {
            let (file, event) = match (layer, part.version) {
                (Layer::Memory, Version::One) => ("memory.oom_control", "oom_kill "),
                (Layer::Memory, Version::Two) => ("memory.events", "oom_kill "),
                (Layer::Tasks, _) => ("pids.events", "max "),
                _ => return false,
            };
            let text = fs::read_to_string(part.folder.join(file)).unwrap_or_default();
            let count = text.lines().find_map(|line| line.strip_prefix(event));
            count.is_some_and(|count| count.trim() != "0")
        };
        let parts = self.parts.iter();
        parts.flat_map(|part| part.layers.iter().filter(|layer| reached(part, *layer))).collect()
    }

    /// Kills everything in it, also what has left its process group.
    pub(super) fn kill(&self) {
        let Some(part) = self.parts.first() else { return };
        if part.version == Version::Two && fs::write(part.folder.join("cgroup.kill"), "1").is_ok() {
            return;
        }
        // Where that is limited nothing can be started any more, so that one
        // look finds all.
        for part in &self.parts {
            let _ = fs::write(part.folder.join("pids.max"), "0");
        }
        let members = fs::read_to_string(part.folder.join("cgroup.procs")).unwrap_or_default();
        for member in members.lines().filter_map(|line| line.parse().ok()).filter(|id| *id > 0) {
            // It may just have ended by itself.
            let _ = kill(Pid::from_raw(member), Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for part in &self.parts {
            remove(&part.folder);
        }
    }
}

fn remove(folder: &Path) {
    for attempt in 1.. {
        match fs::remove_dir(folder) {
            // What has been killed is in it until its parent has waited for it.
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && attempt < REMOVE_ATTEMPTS =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %error, "cannot remove a control group");
                return;
            }
            _ => return,
        }
    }
}
