//! A server that is started, found ready, and stopped when it is dropped.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::{Bench, http};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);

/// A running process; stopped with SIGTERM, and waited for.
pub(crate) struct Server {
    name: String,
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks until a path is answered with 200.
    pub(crate) fn wait_for(&mut self, path: &str) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::from("nothing listens");
        while Instant::now() < deadline {
            match http::get(self.address, path) {
                Ok(response) if response.status == 200 => return Ok(()),
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

/// The folders of one doze server.
pub(crate) struct Folders {
    pub(crate) registry_in: PathBuf,
    pub(crate) registry: PathBuf,
    data: PathBuf,
}

impl Folders {
    /// Makes new, empty folders.
    pub(crate) fn new(bench: &Bench, name: &str) -> Result<Self, String> {
        let root = bench.work.join(name);
        let folders = Self {
            registry_in: root.join("registry_in"),
            registry: root.join("registry"),
            data: root.join("data"),
        };
        for folder in [&folders.registry_in, &folders.registry, &folders.data] {
            fs::create_dir_all(folder).map_err(|error| format!("cannot make a folder: {error}"))?;
        }
        Ok(folders)
    }

    /// Removes everything; the next server starts from nothing.
    pub(crate) fn remove(self) {
        _ = self.registry_in.parent().map(fs::remove_dir_all);
    }

    /// Writes a function that greets, and its manifest.
    pub(crate) fn add_hello(&self, name: &str, manifest: &str) -> Result<(), String> {
        let code = format!(
            "import {{ createHandler }} from \"doze\";\n\
             export default createHandler((_request) => \"Hello, world\"); // {name}\n"
        );
        self.add(name, manifest, &code)
    }

    /// Writes a function of that code, and its manifest.
    pub(crate) fn add(&self, name: &str, manifest: &str, code: &str) -> Result<(), String> {
        let folder = self.registry_in.join(name);
        fs::create_dir(&folder)
            .and_then(|()| fs::write(folder.join("registry.json"), manifest))
            .and_then(|()| fs::write(folder.join("index.ts"), code))
            .map_err(|error| format!("cannot write {}: {error}", folder.display()))
    }
}

/// Starts `doze VERB`.
pub(crate) fn doze(
    bench: &Bench,
    verb: &str,
    folders: &Folders,
    flags: &[&str],
) -> Result<Server, String> {
    let (address, admin) = (free_address()?, free_address()?);
    let mut command = Command::new(&bench.doze);
    command.arg(verb).arg("--registry").arg(&folders.registry).arg("--data").arg(&folders.data);
    command.arg("--runtime").arg(&bench.runtime);
    if verb != "execution" {
        command.arg("--registry-in").arg(&folders.registry_in);
    }
    command.args(["--listen", &address.to_string(), "--admin", &admin.to_string()]);
    command.args(flags);
    start(bench, &mut command, address)
}

/// Starts plain `deno run`; ready once it has said so.
pub(crate) fn deno(bench: &Bench) -> Result<Server, String> {
    let address = free_address()?;
    let mut command = Command::new(&bench.deno);
    command.args(["run", "--allow-net"]).arg(bench.reference.join("hello.js"));
    command.arg(address.port().to_string());
    command.env("DENO_DIR", bench.work.join("deno")).env("DENO_NO_UPDATE_CHECK", "1");
    command.stdout(Stdio::piped());
    let mut server = start(bench, &mut command, address)?;
    let mut said = [0; 5];
    let read = server.process.stdout.as_mut().map(|stdout| stdout.read_exact(&mut said));
    if !matches!(read, Some(Ok(()))) || &said != b"ready" {
        return Err("deno did not start".to_owned());
    }
    Ok(server)
}

/// Starts nginx in front of another server.
pub(crate) fn nginx(bench: &Bench, upstream: &Server) -> Result<Server, String> {
    let address = free_address()?;
    let prefix = bench.work.join("nginx");
    let config = prefix.join("nginx.conf");
    let told = |error: std::io::Error| format!("cannot set up nginx: {error}");
    fs::create_dir_all(&prefix).map_err(told)?;
    let text = fs::read_to_string(bench.reference.join("nginx.conf"))
        .map_err(told)?
        .replace("UPSTREAM;", &format!("{};", upstream.address))
        .replace("LISTEN;", &format!("{address};"));
    fs::write(&config, text).map_err(told)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&prefix).arg("-c").arg(&config).args(["-e", "stderr"]);
    let mut server = start(bench, &mut command, address)?;
    server.wait_for("/")?;
    Ok(server)
}

fn start(bench: &Bench, command: &mut Command, address: SocketAddr) -> Result<Server, String> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let log = bench.work.join(&name).with_extension("log");
    let log = File::options().create(true).append(true).open(log);
    let log = log.map_err(|error| format!("cannot open a log: {error}"))?;
    command.current_dir(&bench.work).stdin(Stdio::null()).stderr(log);
    let process = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    Ok(Server { name, process, address })
}

/// An address nobody listens on. Below the ephemeral range, where a client
/// that waits for a server could connect to itself.
fn free_address() -> Result<SocketAddr, String> {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if port == 32_000 {
            return Err("no free port".to_owned());
        }
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
}
