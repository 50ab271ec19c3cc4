//! What the operator can ask of the running server, and order it to do.
//!
//! The admin API sees the server through this and nothing else.

mod secrets;
mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use std::{fs, io};

use bytes::Bytes;
use http::{Request, Response};

use super::activity::{Meter, MinuteCounts};
use super::fleet::Fleet;
use super::gateway::Gateway;
use super::instance::InstanceId;
use super::invocation::{self, Bundle, RunBody};
use super::journal::reading::{Following, Snapshot};
use super::life::StopReason;
use super::pool::Pool;
use super::status::{FunctionStatus, InstanceStatus, RevisionStatus, ServerStatus, Usage};
use crate::function::FunctionName;
use crate::function::published::{BUNDLE, Published, RECORD, REVISIONS};

/// The operator's side of a running server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: PathBuf,
    address: SocketAddr,
    begun: Instant,
    gateway: Arc<Gateway>,
    fleet: Arc<Fleet>,
}

impl Handle {
    pub(super) fn new(
        registry: PathBuf,
        address: SocketAddr,
        gateway: Arc<Gateway>,
        fleet: Arc<Fleet>,
    ) -> Self {
        Self(Arc::new(Inner { registry, address, begun: Instant::now(), gateway, fleet }))
    }

    /// Every published function, by name.
    pub fn functions(&self) -> Vec<FunctionStatus> {
        let mut functions: Vec<_> =
            self.0.gateway.router.all().values().map(|pool| pool.status()).collect();
        functions.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        functions
    }

    /// One published function.
    pub fn function(&self, name: &FunctionName) -> Option<FunctionStatus> {
        self.pool(name).map(|pool| pool.status())
    }

    /// The last hour of a function, oldest first; `None` where no such function
    /// is published.
    pub fn activity(&self, name: &FunctionName) -> Option<Vec<MinuteCounts>> {
        self.pool(name).map(|pool| pool.activity().minutes())
    }

    fn pool(&self, name: &FunctionName) -> Option<Arc<Pool>> {
        self.0.gateway.router.all().get(name).cloned()
    }

    /// Every process, oldest first. Those of removed functions are among them
    /// until they have ended.
    pub fn instances(&self) -> Vec<InstanceStatus> {
        let mut instances = self.0.fleet.spares();
        let pools = self.0.fleet.active_pools();
        instances.extend(pools.iter().flat_map(|pool| pool.status().instances));
        instances.sort_unstable_by_key(|instance| instance.id);
        instances
    }

    /// Ends a process once its requests are done. Says whether there is one.
    pub fn retire(&self, id: InstanceId) -> bool {
        let fleet = &self.0.fleet;
        // A spare may become an instance in between, and never the other way.
        fleet.discard_spare(id)
            || fleet.active_pools().iter().any(|pool| pool.retire(id, StopReason::Retired))
    }

    /// What is counted of all functions together.
    pub(super) fn meter(&self) -> &Meter {
        &self.0.fleet.meter
    }

    /// The server itself.
    pub fn server(&self) -> ServerStatus {
        let Inner { address, begun, gateway, fleet, .. } = &*self.0;
        let isolation = gateway.isolation.clone();
        ServerStatus {
            uptime: begun.elapsed(),
            gateway: *address,
            in_force: isolation.in_force,
            missing: isolation.missing,
            settings: fleet.settings.clone(),
            processes: fleet.processes(),
            usage: Usage::of(std::process::id()),
        }
    }

    /// The kept revisions of a function, those built last first; `None` where
    /// no such function is published.
    pub fn revisions(&self, name: &FunctionName) -> Option<Vec<RevisionStatus>> {
        let FunctionStatus { deployment: live, standing, .. } = self.function(name)?;
        let folder = self.0.registry.join(REVISIONS).join(name.to_file_name());
        // What is swept away meanwhile is a revision no longer.
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut revisions: Vec<_> = entries
            .filter_map(|entry| {
                let record = fs::read(entry.path().join(RECORD)).ok()?;
                let record: Published = serde_json::from_slice(&record).ok()?;
                let release = record.release()?;
                Some(RevisionStatus {
                    revision: release.revision.clone(),
                    built_at: release.built_at,
                    live: live.as_ref().is_some_and(|live| *live.revision() == release.revision),
                    rolled_back_from: standing.rolled_back_from.as_ref() == Some(&release.revision),
                    bytes: fs::metadata(entry.path().join(BUNDLE)).ok()?.len(),
                })
            })
            .collect();
        revisions.sort_unstable_by(|a, b| {
            b.built_at.cmp(&a.built_at).then_with(|| a.revision.cmp(&b.revision))
        });
        Some(revisions)
    }

    /// A function's log as it is on disk, and what comes after exactly that.
    /// `None` where there is neither a function of that name nor a log of one.
    pub async fn log(&self, name: &FunctionName) -> io::Result<Option<(Snapshot, Following)>> {
        // What runs once is known while it runs. Asked first: it may end now,
        // and then the log has a record of that.
        let known = self.pool(name).is_some()
            || self.0.fleet.active_pools().iter().any(|pool| pool.name == *name);
        let (snapshot, following) = self.0.fleet.journal.read(name).await?;
        let known = known || !snapshot.is_empty();
        Ok(known.then_some((snapshot, following)))
    }

    /// Runs a bundle once, in a process that ends with its response.
    pub async fn invoke(
        &self,
        bundle: Bundle,
        request: Request<Bytes>,
    ) -> io::Result<Response<RunBody>> {
        invocation::invoke(&self.0.fleet, bundle, request).await
    }
}
