//! A server that is started, found ready, and stopped when it is dropped.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Bench, http};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);

/// A running process; stopped with SIGTERM, and waited for.
pub(crate) struct Server {
    name: String,
    process: Child,
    pub(crate) address: SocketAddr,
    /// Where it is steered, if it is a doze.
    pub(crate) admin: Option<SocketAddr>,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks until a path is answered with 200.
    pub(crate) fn wait_for(&mut self, path: &str) -> Result<(), String> {
        self.wait_until(path, |response| response.status == 200)
    }

    /// Asks until a path is answered as it should be.
    pub(crate) fn wait_until(
        &mut self,
        path: &str,
        good: impl Fn(&http::Response) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::from("nothing listens");
        while Instant::now() < deadline {
            match http::get(self.address, path) {
                Ok(response) if good(&response) => return Ok(()),
                Ok(response) => last = format!("the last status was {}", response.status),
                Err(error) => last = error.to_string(),
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("{} ended early with {status}", self.name));
            }
            thread::sleep(POLL);
        }
        Err(format!("{} did not answer {path}: {last}", self.name))
    }

    /// Waits until it has printed `ready`.
    pub(crate) fn wait_for_word(&mut self) -> Result<(), String> {
        let mut said = [0; 5];
        let read = self.process.stdout.as_mut().map(|stdout| stdout.read_exact(&mut said));
        match read {
            Some(Ok(())) if &said == b"ready" => Ok(()),
            _ => Err(format!("{} did not start", self.name)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut asked = false;
        while Instant::now() < deadline {
            // Once it has been waited for, its number may be another's.
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            if !asked {
                _ = Command::new("kill").arg(self.pid().to_string()).status();
                asked = true;
            }
            thread::sleep(POLL);
        }
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Starts a server that will listen on this address.
pub(crate) fn start(
    bench: &Bench,
    command: &mut Command,
    address: SocketAddr,
) -> Result<Server, String> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let log = bench.work.join(&name).with_extension("log");
    let log = File::options().create(true).append(true).open(log);
    let log = log.map_err(|error| format!("cannot open a log: {error}"))?;
    command.current_dir(&bench.work).stdin(Stdio::null()).stderr(log);
    let process = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    Ok(Server { name, process, address, admin: None })
}

/// An address nobody listens on. Below the ephemeral range, where a client
/// that waits for a server could connect to itself.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    const PORTS: u16 = 11_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs at the same time begin at different places.
    let begin = std::process::id() * 131 % u32::from(PORTS);
    for _ in 0..PORTS {
        let next = begin + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 21_000 + (next % u32::from(PORTS)) as u16;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err("no free port".to_owned())
}
