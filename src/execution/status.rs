//! What can be told about functions, their processes and the server, as it is
//! at one moment.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::activity::Counts;
use super::fleet::Settings;
use super::instance::{Deployment, InstanceId};
use crate::function::published::Published;
use crate::function::{FunctionName, Problem, RevisionId};
use crate::sandbox::report::Missing;

/// What is published about a function besides what runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// `live`, `stale` or `broken`; empty while nothing is known.
    pub state: &'static str,
    /// Everything that is wrong with the newest source.
    pub problems: Box<[Problem]>,
    /// When the newest source was last looked at.
    pub checked_at: Timestamp,
    /// The revision that was taken back.
    pub rolled_back_from: Option<RevisionId>,
}

impl From<&Published> for Standing {
    fn from(published: &Published) -> Self {
        Self {
            state: published.state_name(),
            problems: published.problems.clone().into(),
            checked_at: published.checked_at,
            rolled_back_from: published.rolled_back_from.clone(),
        }
    }
}

/// One function.
#[derive(Debug, Clone)]
pub struct FunctionStatus {
    /// Its name.
    pub name: FunctionName,
    /// What is published about it.
    pub standing: Arc<Standing>,
    /// What runs; `None` where nothing ever built.
    pub deployment: Option<Arc<Deployment>>,
    /// Its processes.
    pub instances: Vec<InstanceStatus>,
    /// Processes that boot for it, and are nobody's yet.
    pub booting: usize,
    /// Requests that wait for one of them.
    pub waiting: usize,
    /// What was counted.
    pub counts: Counts,
    /// Whether it has series of its own among the metrics.
    pub own_series: bool,
}

impl FunctionStatus {
    /// Requests that are being served or wait.
    pub fn in_flight(&self) -> u64 {
        let served: u64 = self.instances.iter().map(|one| u64::from(one.in_flight)).sum();
        served + self.waiting as u64
    }

    /// Whether nothing has changed and nothing can have: it has no process, and
    /// had none.
    pub fn is_as_quiet_as(&self, before: &Self) -> bool {
        let runs = |status: &Self| status.deployment.as_ref().map(Arc::as_ptr);
        self.instances.is_empty()
            && before.instances.is_empty()
            && (self.booting, self.waiting, &self.counts)
                == (before.booting, before.waiting, &before.counts)
            && Arc::ptr_eq(&self.standing, &before.standing)
            && runs(self) == runs(before)
    }
}

/// One process.
#[derive(Debug, Clone)]
pub struct InstanceStatus {
    /// Which.
    pub id: InstanceId,
    /// What it serves; `None` for a spare.
    pub deployment: Option<Arc<Deployment>>,
    /// Where it is in its life, or `spare`.
    pub state: &'static str,
    /// Its process.
    pub born: Born,
    /// The socket that it serves on.
    pub address: PathBuf,
    /// Since when it serves nothing.
    pub idle_since: Option<Timestamp>,
    /// Requests that it serves.
    pub in_flight: u32,
}

impl InstanceStatus {
    /// What it uses.
    pub fn usage(&self) -> Option<Usage> {
        self.born.pid.and_then(Usage::of)
    }
}

/// Which process it is to the kernel, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Born {
    /// The process id, as the server sees it; `None` if it has ended already.
    pub pid: Option<u32>,
    /// When it was ready to become an instance.
    pub at: Timestamp,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Bytes that are in memory, those included that it shares with others.
    pub memory_bytes: u64,
    /// Processor time so far.
    pub cpu: Duration,
}

impl Usage {
    /// What the kernel says; `None` once it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything, also parentheses.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let (user, system): (u64, u64) =
            (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        Some(Self {
            memory_bytes: pages * rustix::param::page_size() as u64,
            cpu: Duration::from_millis((user + system) * 1000 / ticks),
        })
    }
}

/// The server.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// For how long it runs.
    pub uptime: Duration,
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// Isolation layers in force.
    pub in_force: Vec<&'static str>,
    /// The others.
    pub missing: Vec<Missing>,
    /// What the operator decided.
    pub settings: Settings,
    /// Processes that run or are being started, spares included.
    pub processes: usize,
    /// What the server itself uses.
    pub usage: Option<Usage>,
}

/// One kept revision of a function.
#[derive(Debug, Clone)]
pub struct RevisionStatus {
    /// Which.
    pub revision: RevisionId,
    /// When it was built.
    pub built_at: Timestamp,
    /// Whether it is what runs.
    pub live: bool,
    /// Whether it was taken back.
    pub rolled_back_from: bool,
    /// Bytes of its code.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_a_process_uses_and_nothing_of_one_that_is_not_there() {
        let own = Usage::of(std::process::id()).unwrap();
        // A test program has some megabytes and no terabyte.
        assert!((1 << 20..1 << 40).contains(&own.memory_bytes), "{own:?}");
        assert!(own.cpu < Duration::from_hours(1), "{own:?}");
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
