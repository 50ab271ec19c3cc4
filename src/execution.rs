//! Folder of published functions in, HTTP out.
//!
//! Read in this order:
//!
//! - a request: [`lanes`] → [`connection`] or [`http2`] → [`gateway`] →
//!   [`router`] → [`pool`] (a [`lease`]) → [`proxy`] → [`exchange`], and back
//!   as a [`reply`]
//! - a process: [`profile`] → [`launch`] → [`keeper`], its states in [`life`],
//!   its address in [`link`], a connection to it a [`socket`], all of them
//!   together in [`fleet`]
//! - a change: [`catalog`] → [`supervisor`] → [`pool`]
//! - what is told about a function: [`journal`]
//! - what the operator gives: [`secrets`] to functions, [`tokens`] to callers
//! - a bundle that runs once: [`invocation`]
//! - the operator's questions and orders: [`handle`], answered as [`status`]
//!   and [`metrics`]; what is counted: [`activity`]
//!
//! Execution knows nothing of the registry service; it reads the published
//! files and never writes them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::Backlog;
use tokio::runtime::Handle as Runtime;

pub mod lanes;
pub mod connection;
pub mod http2;
pub mod request_body;
pub mod inbound;
pub mod gateway;
pub mod router;
pub mod preflight;
pub mod static_files;
pub mod pool;
pub mod lease;
pub mod proxy;
pub mod headers;
pub mod exchange;
pub mod reply;
pub mod access_log;
pub mod tokens;

pub mod fleet;
pub mod profile;
pub mod limit;
pub mod launch;
pub mod deno_cache;
pub mod code_cache;
pub mod run_folder;
pub mod warm_up;
pub mod keeper;
pub mod control;
pub mod life;
pub mod backoff;
pub mod instance;
pub mod secrets;
pub mod link;
pub mod socket;
pub mod alarm;
pub mod output;
pub mod scratch;
pub mod stack;
pub mod usage;

pub mod journal;

pub mod catalog;
pub mod supervisor;

pub mod histogram;
pub mod activity;
pub mod invocation;

pub mod status;
pub mod metrics;
pub mod handle;

pub use handle::Handle;
pub use invocation::Bundle;

use catalog::Catalog;
use fleet::{Fleet, Settings};
use gateway::{Gateway, Limits};
use journal::Journal;
use lanes::Lanes;
use launch::{Launcher, Tools};
use run_folder::RunFolder;
use secrets::Secrets;
use supervisor::Supervisor;
use tokens::Tokens;

use crate::sandbox::Spawner;

/// How long running requests may go on after the server was told to end.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

/// What the execution server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the published functions are.
    pub registry: PathBuf,
    /// Where caches, logs, secrets and tokens are kept.
    pub data: PathBuf,
    /// Bytes that the logs of all functions may take up together.
    pub logs_room: u64,
    /// Whether the server's log has a record of every request.
    pub access_log: bool,
    /// The key of the secrets.
    pub secrets_key: PathBuf,
    /// The gateway's address.
    pub listen: SocketAddr,
    /// The Deno program.
    pub deno: PathBuf,
    /// The built shim.
    pub shim: PathBuf,
    /// Whether the registry's volume delivers no events.
    pub poll: bool,
    /// What a client may send.
    pub limits: Limits,
    /// What the operator decided.
    pub settings: Settings,
}

/// Why the execution server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// The gateway's address cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The runtime shim is not complete.
    #[error("`{}` is missing; run `{by}` in the runtime-shim folder, or name that with `--runtime`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What makes it.
        by: &'static str,
    },
    /// Something that it needs could not be set up.
    #[error("set up {what}")]
    SetUp {
        /// What.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// An address that is bound and on which nothing is accepted yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    config: Config,
}

impl Bound {
    /// Binds the gateway's address, so that a mistake in it is known before
    /// anything is started.
    pub fn new(config: Config) -> Result<Self, ExecutionError> {
        Self::check_tools(&config)?;
        let address = config.listen;
        let listener =
            listen(address).map_err(|source| ExecutionError::Listen { address, source })?;
        Ok(Self { listener, config })
    }

    /// The address that was bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Names what is missing of what was installed beside the server.
    fn check_tools(config: &Config) -> Result<(), ExecutionError> {
        for (path, by) in
            [(&config.deno, "npm ci --ignore-scripts"), (&config.shim, "npm run build")]
        {
            if !path.is_file() {
                return Err(ExecutionError::Missing { path: path.clone(), by });
            }
        }
        Ok(())
    }

    /// Sets everything up, and accepts requests.
    pub fn start(self, spawner: Spawner) -> Result<Running, ExecutionError> {
        let Self { listener, config } = self;
        let set_up = |what| move |source| ExecutionError::SetUp { what, source };
        let run = RunFolder::make().map_err(set_up("the folder for instances"))?;
        let tokens = Tokens::open(&config.data);
        let report = spawner.sandbox().report();
        let gateway = Gateway::new(config.limits, tokens, config.access_log, report);
        let journal = Journal::new(config.data.join("logs"), config.logs_room)
            .map_err(set_up("the thread that writes logs"))?;
        let journal = Arc::new(journal);
        let launcher = Launcher::new(Tools {
            spawner,
            deno: config.deno,
            shim: config.shim,
            run: run.path().to_owned(),
            cache_base: config.data.join("deno"),
            lanes: lanes::count(),
        });
        let runtime = Runtime::current();
        let secrets = Secrets::open(&config.data, config.secrets_key);
        let fleet = Fleet::new(config.settings, journal, secrets, launcher, runtime);
        let supervisor =
            Supervisor::new(config.registry.clone(), Arc::clone(&fleet), Arc::clone(&gateway));
        let catalog = Catalog::new(&config.registry, config.poll);
        let lanes = Lanes::start(&listener, &gateway).map_err(set_up("the threads that serve"))?;
        let address = listener.local_addr().map_err(set_up("the listener"))?;
        tracing::info!(%address, "gateway is listening");
        let handle =
            Handle::new(config.registry, address, Arc::clone(&gateway), Arc::clone(&fleet));
        Ok(Running { run, handle, gateway, fleet, supervisor, catalog, lanes })
    }
}

/// A server that accepts requests.
#[derive(Debug)]
pub struct Running {
    /// Removed with everything in it when this goes.
    run: RunFolder,
    handle: Handle,
    gateway: Arc<Gateway>,
    fleet: Arc<Fleet>,
    supervisor: Supervisor,
    catalog: Catalog,
    lanes: Lanes,
}

impl Running {
    /// What the operator asks and orders.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown`, then drains. No process is left when it returns.
    pub async fn until(self, shutdown: impl Future<Output = ()>) {
        let Self { run, handle: _, gateway, fleet, supervisor, catalog, lanes } = self;
        let spares = tokio::spawn(Arc::clone(&fleet).keep_spares());
        let tokens = tokio::spawn(Arc::clone(&gateway.tokens).keep());
        tokio::select! {
            () = supervisor.follow(catalog) => {}
            () = shutdown => {}
        }

        tracing::info!(grace_seconds = DRAIN_GRACE.as_secs(), "draining");
        supervisor.shut_down();
        lanes.drain();
        // A response may still be on its way to its client when its instance
        // has ended.
        let drained = async { tokio::join!(fleet.ended(), lanes.drained()) };
        if tokio::time::timeout(DRAIN_GRACE, drained).await.is_err() {
            tracing::warn!("requests were still running when the grace period ended");
        }
        fleet.kill().await;
        lanes.end();
        tokens.abort();
        gateway.tokens.flush();
        // It has ended with the fleet; waiting takes what it still holds.
        let _ = spares.await;
        fleet.journal.close().await;
        drop(run);
        tracing::info!("execution stopped");
    }
}

/// As many connections may wait to be accepted as the system allows. The
/// standard library's 128 are fewer than a burst of first requests: beyond
/// them, a client's first packet is dropped and sent again a second later.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    nix::sys::socket::listen(&listener, Backlog::MAXALLOWABLE)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn three_hundred_clients_connect_before_anything_is_accepted() {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(900));
        let connected: io::Result<Vec<_>> = (0..300).map(connect).collect();
        assert_eq!(connected.unwrap().len(), 300);
    }
}
