//! Owns the pools: makes the catalog's changes theirs, and ends them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::catalog::{Catalog, Change};
use super::fleet::Fleet;
use super::gateway::Gateway;
use super::instance::Deployment;
use super::life::StopReason;
use super::pool::{Pool, Serves};
use super::status::Standing;
use crate::function::FunctionName;

/// Follows the catalog and keeps one pool per function.
#[derive(Debug)]
pub struct Supervisor {
    registry: PathBuf,
    fleet: Arc<Fleet>,
    gateway: Arc<Gateway>,
}

impl Supervisor {
    /// A supervisor that has not read the registry yet.
    pub fn new(registry: PathBuf, fleet: Arc<Fleet>, gateway: Arc<Gateway>) -> Self {
        Self { registry, fleet, gateway }
    }

    /// Follows the catalog until the task is dropped.
    pub async fn follow(&self, mut catalog: Catalog) {
        let begun = Instant::now();
        self.apply(catalog.scan());
        self.gateway.ready.store(true, Ordering::Release);
        tracing::info!(
            functions = self.gateway.router.all().len(),
            millis = begun.elapsed().as_millis(),
            "registry read"
        );
        loop {
            let changes = catalog.changed().await;
            self.apply(changes);
        }
    }

    fn apply(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let mut pools: HashMap<FunctionName, Arc<Pool>> = (*self.gateway.router.all()).clone();
        let (mut deployed, mut removed) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Published(published) => {
                    let name = published.name.clone();
                    let pool = pools
                        .entry(name.clone())
                        .or_insert_with(|| Pool::new(name.clone(), Arc::clone(&self.fleet)));
                    let standing = Standing::from(&*published);
                    let Some(release) = published.release() else {
                        pool.end(Serves::Broken, StopReason::Removed);
                        pool.note(standing);
                        continue;
                    };
                    let runs = matches!(
                        pool.serves(),
                        Serves::Deployment(old) if *old.revision() == release.revision
                    );
                    if runs {
                        pool.note(standing);
                    } else {
                        let deployment = Deployment::new(name, release.clone(), &self.registry);
                        let deployment = Arc::new(deployment);
                        pool.publish(&deployment, standing);
                        deployed.push(deployment);
                    }
                }
                Change::Removed(name) => {
                    tracing::debug!(function = %name, "removal found");
                    removed.extend(pools.remove(&name));
                }
            }
        }
        // Found no more before it serves no more, so that nobody who finds it
        // is told that it is gone for another reason.
        self.gateway.router.replace(pools);
        for deployment in deployed {
            tracing::debug!(
                function = %deployment.name, revision = %deployment.revision(), "revision found"
            );
        }
        for pool in removed {
            pool.end(Serves::Removed, StopReason::Removed);
        }
    }

    /// Every pool serves nothing any more, and what runs is let finish.
    pub fn shut_down(&self) {
        self.fleet.shut_down();
        for pool in self.gateway.router.all().values() {
            pool.end(Serves::ShuttingDown, StopReason::Shutdown);
        }
    }
}
