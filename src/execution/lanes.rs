//! The threads that accept connections and carry requests.
//!
//! Each lane is one thread with a poller of its own, and a connection stays on
//! the lane that accepted it, with its connections to instances. All lanes
//! accept from one listener, so the port belongs to one server: a second one
//! that shared it unnoticed would answer half of the requests.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{self, Connection, Draining};
use super::gateway::Gateway;
use super::http2;
use super::link;
use super::usage::{Load, Usage};
use crate::http1::stream::Incoming;
use crate::sandbox::schedule;

/// A client that says nothing at all for so long is not served.
const FIRST_BYTES: Duration = Duration::from_secs(75);
/// Connections of one lane. Each costs a descriptor, and two where it proxies.
const MAX_CONNECTIONS: usize = 16 * 1024;

thread_local! {
    /// How much of a processor this lane uses.
    static USAGE: RefCell<Usage> = RefCell::new(Usage::new(Instant::now(), Duration::ZERO, false));
}

/// The threads that carry requests.
#[derive(Debug)]
pub struct Lanes {
    draining: watch::Sender<bool>,
    end: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// How many lanes this machine gets.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

impl Lanes {
    /// Starts to serve on `listener`.
    pub fn start(listener: &StdListener, gateway: &Arc<Gateway>) -> io::Result<Self> {
        let (draining, _) = watch::channel(false);
        let (end, _) = watch::channel(false);
        let mut threads = Vec::new();
        for lane in 0..count() {
            let listener = listener.try_clone()?;
            let gateway = Arc::clone(gateway);
            let (draining, ended) = (draining.subscribe(), end.subscribe());
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().on_thread_park(look_at_usage).build()?;
            let thread = std::thread::Builder::new().name(format!("doze-lane-{lane}"));
            threads.push(thread.spawn(move || {
                link::enter_lane(lane);
                if let Err(error) = runtime.block_on(run(listener, gateway, draining, ended)) {
                    tracing::error!(lane, %error, "a lane cannot accept connections");
                }
            })?);
        }
        Ok(Self { draining, end, threads })
    }

    /// Accepts no more connections, and ends those that are idle.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Ends every connection, and waits for the threads.
    pub fn end(self) {
        self.end.send_replace(true);
        for thread in self.threads {
            // A lane that panicked has said so already.
            let _ = thread.join();
        }
    }

    /// Waits until every connection has ended by itself.
    pub async fn drained(&self) {
        while !self.threads.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A lane that is busy takes the processor from nobody when it wakes, as busy
/// functions do not (docs/adr/0013).
fn look_at_usage() {
    USAGE.with_borrow_mut(|usage| {
        let now = Instant::now();
        if now < usage.look_at() {
            return;
        }
        let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
        if let Some(load) = usage.look(now, used.unwrap_or_default()) {
            // Where that is not allowed, it is as fast as it was.
            let _ = schedule::set_preempts(Pid::from_raw(0), load == Load::Light);
        }
    });
}

async fn run(
    listener: StdListener,
    gateway: Arc<Gateway>,
    draining: Draining,
    mut ended: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    let mut drain = draining.clone();
    let accepting = async {
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
                continue;
            }
            match listener.accept().await {
                Ok((stream, peer)) => {
                    connections.spawn(serve(Arc::clone(&gateway), stream, peer, draining.clone()));
                }
                // Out of descriptors, most likely: the others go on.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = connection::drained(&mut drain) => {}
    }
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = connection::drained(&mut ended) => {}
    }
    Ok(())
}

async fn serve(gateway: Arc<Gateway>, mut stream: TcpStream, peer: SocketAddr, draining: Draining) {
    // Small responses must not wait for the acknowledgement of the last one.
    let _ = stream.set_nodelay(true);
    let mut incoming = Incoming::from(BytesMut::new());
    let is_http2 = async {
        loop {
            let ahead = &incoming.bytes;
            let seen = ahead.len().min(http2::PREFACE.len());
            if ahead[..seen] != http2::PREFACE[..seen] {
                return Some(false);
            }
            if seen == http2::PREFACE.len() {
                return Some(true);
            }
            if !incoming.read(&mut stream).await.is_ok_and(|read| read > 0) {
                return None;
            }
        }
    };
    let mut drain = draining.clone();
    let is_http2 = tokio::select! {
        known = timeout(FIRST_BYTES, is_http2) => known.ok().flatten(),
        () = connection::drained(&mut drain) => None,
    };
    let ahead = incoming.bytes;
    match is_http2 {
        Some(true) => http2::serve(gateway, stream, ahead, peer, draining).await,
        Some(false) => Connection::new(gateway, stream, ahead, peer, draining).serve().await,
        None => {}
    }
}
