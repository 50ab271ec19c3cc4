//! `doze health`: a health check that needs no other program.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nix::fcntl::{Flock, FlockArg};

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Address of a gateway that must be ready
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    gateway: SocketAddr,
    /// A registry's lock file, which a running registry must hold
    #[arg(long, value_name = "FILE", conflicts_with = "gateway")]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &HealthArgs) -> ExitCode {
    let result = match &args.file {
        Some(file) => is_held(file),
        None => is_ready(args.gateway),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doze: not healthy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn is_ready(gateway: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&gateway, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /_/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or("no answer");
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(io::Error::other(format!("the gateway answered `{status}`")))
}

fn is_held(file: &Path) -> io::Result<()> {
    match Flock::lock(File::open(file)?, FlockArg::LockSharedNonblock) {
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(()),
        Err((_, error)) => Err(error.into()),
        Ok(_lock) => Err(io::Error::other(format!("nobody holds `{}`", file.display()))),
    }
}
