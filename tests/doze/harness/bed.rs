//! Folders, the servers on them, and the way to a request.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::SemaphorePermit;

use super::function::FunctionFolder;
use super::log::{Log, Record};
use super::places;
use super::process::Process;
use super::server::runtime_folder;
use super::{Admin, Program, RawConnection, Request, Server, until, until_asked};

/// `nobody`.
pub(crate) const PLAIN_USER: u32 = 65534;

/// What a test lies on. Made by [`TestBed::start`], or by [`TestBed::new`] and
/// what follows it.
pub(crate) struct TestBed {
    folder: TempDir,
    flags: Vec<(String, String)>,
    env: Vec<(String, String)>,
    alone: bool,
    user: Option<u32>,
    /// Running servers; the one with the gateway is the last.
    servers: Vec<Server>,
    address: String,
    /// Given back when the bed is dropped.
    place: Option<SemaphorePermit<'static>>,
}

impl TestBed {
    /// One `doze up` with defaults.
    pub(crate) async fn start() -> Self {
        Self::new().up().await
    }

    /// Folders without a server. `registry` is not made: a server must cope.
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("doze-test-").expect("a temporary folder");
        fs::create_dir(folder.path().join("registry_in")).expect("a new folder");
        Self {
            folder,
            flags: Vec::new(),
            env: Vec::new(),
            alone: false,
            user: None,
            servers: Vec::new(),
            address: String::new(),
            place: None,
        }
    }

    /// Passes a flag to every server.
    #[expect(clippy::needless_pass_by_value, reason = "it takes text and numbers alike")]
    pub(crate) fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.flags.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a variable for every server.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The server's default for X.
    pub(crate) fn idle_seconds(self, seconds: f64) -> Self {
        self.flag("--idle-seconds", seconds)
    }

    /// Runs the servers as a plain user. Where the tests have no right to
    /// change users, they are one themselves.
    pub(crate) fn by_plain_user(mut self) -> Self {
        if nix::unistd::Uid::effective().is_root() {
            self.user = Some(PLAIN_USER);
            for folder in [self.path(""), self.path("registry_in")] {
                std::os::unix::fs::chown(folder, Some(PLAIN_USER), Some(PLAIN_USER))
                    .expect("root may give folders away");
            }
        }
        self
    }

    /// Waits until no other bed is there, for what is measured or heavy.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Starts `doze up`.
    pub(crate) async fn up(self) -> Self {
        self.with_server("up").await.listening().await
    }

    /// Starts one more server on the same folders.
    pub(crate) async fn with_server(mut self, verb: &str) -> Self {
        if self.place.is_none() {
            self.place = Some(places::take(self.alone).await);
        }
        self.servers.push(self.program(verb).start(self.folder.path()));
        self
    }

    /// Waits until the newest server's gateway listens.
    pub(crate) async fn listening(mut self) -> Self {
        self.address = self.server().address().await;
        self
    }

    /// Starts `doze registry` beside the server that is there.
    pub(crate) async fn with_registry(mut self) -> Self {
        // The gateway's server stays the last, which is the one that is asked.
        let gateway = self.servers.pop().expect("a gateway was started");
        let mut both = self.with_server("registry").await;
        both.servers.push(gateway);
        both
    }

    /// Stops the server, and fails if it did not end well.
    pub(crate) fn stop(&mut self) {
        let servers = std::mem::take(&mut self.servers);
        end_well(servers, self.folder.path());
    }

    /// Starts the server again in the same folders.
    pub(crate) async fn restart(&mut self) {
        self.start_again("up", &[]).await;
    }

    /// Starts another one in the same folders, with these variables as well.
    pub(crate) async fn start_again(&mut self, verb: &str, env: &[(&str, &str)]) {
        let program = self.program(verb);
        let program = env.iter().fold(program, |program, (name, value)| program.env(name, *value));
        let mut server = program.start(self.folder.path());
        self.address = server.address().await;
        self.servers = vec![server];
    }

    fn program(&self, verb: &str) -> Program {
        let path = |name: &str| self.path(name).display().to_string();
        let mut program = Program::doze(verb)
            .user(self.user)
            .flag("--registry-in", path("registry_in"))
            .flag("--registry", path("registry"))
            .flag("--data", path("data"))
            .flag("--runtime", runtime_folder().display())
            .flag("--log-format", "json")
            .flag("--log", "info,doze=debug")
            .flag("--listen", "127.0.0.1:0")
            .flag("--admin", "127.0.0.1:0")
            // Instances have their sockets there, which makes them known as
            // this bed's even when their server is gone.
            .env("TMPDIR", path(""));
        for (name, value) in &self.flags {
            program = program.flag(name, value);
        }
        self.env.iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    /// The server that has the gateway.
    pub(crate) fn server(&mut self) -> &mut Server {
        self.servers.last_mut().expect("a server was started")
    }

    /// The process id of the server that has the gateway.
    pub(crate) fn server_pid(&self) -> u32 {
        self.shown_server().pid()
    }

    fn shown_server(&self) -> &Server {
        self.servers.last().expect("a server was started")
    }

    /// The admin API of the server that has the gateway.
    pub(crate) async fn admin(&mut self) -> Admin {
        let address = self.server().admin_address().await;
        self.admin_at(address)
    }

    /// The admin API of the registry that runs beside the gateway's server.
    pub(crate) async fn registry_admin(&mut self) -> Admin {
        let registry = self.servers.first_mut().expect("a server was started");
        let address = registry.admin_address().await;
        self.admin_at(address)
    }

    fn admin_at(&self, address: String) -> Admin {
        let token = fs::read_to_string(self.path("data/admin-token"));
        Admin::new(address, token.expect("a server has made its token").trim().to_owned())
    }

    /// Announces an ERROR that the test causes on purpose.
    pub(crate) fn expect_error(&mut self, text: &str) {
        self.server().expect_error(text);
    }

    /// A path below the bed's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The gateway's `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The log of the server that has the gateway.
    pub(crate) fn log(&self) -> &Log {
        &self.shown_server().log
    }

    /// Waits until the log has a record that fits.
    pub(crate) async fn logged(&self, what: &str, fits: impl Fn(&Record) -> bool) -> Record {
        until(&format!("the log has {what}"), || {
            self.log().find(&fits).ok_or_else(|| self.log().tail(5))
        })
        .await
    }

    /// Waits until a function has printed that text.
    pub(crate) async fn printed(&self, function: &str, text: &str) -> Record {
        let fits = |record: &Record| record.names(function) && record.holds(text);
        self.logged(&format!("`{text}` of `{function}`"), fits).await
    }

    /// A function folder to drop, to change or to remove.
    pub(crate) fn function(&self, name: &str) -> FunctionFolder<'_> {
        FunctionFolder::new(self, name)
    }

    /// What is published about a function; null where nothing is.
    pub(crate) fn published(&self, name: &str) -> Value {
        let text = fs::read(self.path("registry").join(format!("{name}.json")));
        text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Value::Null)
    }

    /// Waits until the gateway's server serves that revision.
    pub(crate) async fn followed(&self, name: &str, revision: &str) {
        let fits = |record: &Record| {
            record.message() == "revision found" && record.names(name) && record.holds(revision)
        };
        self.logged(&format!("`{name}` at {revision}"), fits).await;
        self.known(name).await;
    }

    /// Waits until the gateway has heard of a function, whatever its state.
    pub(crate) async fn known(&self, name: &str) {
        // A body that is too large is refused before anything is started for
        // it, but not before the function is found.
        let head =
            format!("POST /{name} HTTP/1.1\r\nhost: t\r\ncontent-length: {}\r\n\r\n", u32::MAX);
        until_asked(&format!("the gateway knows `{name}`"), async || {
            let mut connection = self.raw().await;
            connection.send(&head).await.expect("the connection is open");
            let response = connection.response(false).await;
            if response.status == 404 { Err(format!("{response:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// A GET, sent when it is awaited.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A POST, sent when it is awaited.
    pub(crate) fn post(&self, path: &str, body: impl Into<bytes::Bytes>) -> Request {
        self.request("POST", path).body(body)
    }

    /// Any request, sent when it is awaited.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.address, method, path)
    }

    /// Waits until a GET is answered with that text. A new revision serves
    /// once its first instance has started, and not before.
    pub(crate) async fn answers(&self, path: &str, text: &str) {
        until_asked(&format!("{path} answers `{text}`"), async || {
            let response = self.get(path).await;
            if response.status == 200 && response.text() == text {
                return Ok(());
            }
            Err(format!("{response:?}"))
        })
        .await;
    }

    /// A connection on which anything can be said.
    pub(crate) async fn raw(&self) -> RawConnection {
        RawConnection::open(&self.address).await
    }

    /// Instances and spares that run.
    pub(crate) fn instances(&self) -> Vec<Process> {
        self.processes(Process::is_instance)
    }

    /// What of that kind the server has started and runs.
    pub(crate) fn processes(&self, kind: impl Fn(&Process) -> bool) -> Vec<Process> {
        let all = self.shown_server().processes();
        all.into_iter().filter(|process| process.is_alive() && kind(process)).collect()
    }

    /// The one process of that kind.
    pub(crate) fn only(&self, kind: impl Fn(&Process) -> bool) -> Process {
        let found = self.processes(kind);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().expect("one was found")
    }

    /// The same, as soon as it is there: a program shows its arguments a little
    /// after whoever started it was told that it runs.
    pub(crate) async fn appears(&self, kind: impl Fn(&Process) -> bool) -> Process {
        until("the process is there", || {
            let all = self.shown_server().processes();
            all.iter().find(|process| kind(process)).cloned().ok_or_else(|| format!("{all:?}"))
        })
        .await
    }

    /// The instance that calls itself by that number.
    pub(crate) fn instance(&self, number: u32) -> Process {
        self.only(|process| process.is_instance() && process.own_number() == Some(number))
    }

    /// Waits until nothing is left of a process.
    pub(crate) async fn gone(&self, process: &Process) {
        until("the process is gone", || {
            if process.is_gone() { Ok(()) } else { Err(format!("{process:?}")) }
        })
        .await;
    }
}

impl Drop for TestBed {
    fn drop(&mut self) {
        let servers = std::mem::take(&mut self.servers);
        if std::thread::panicking() {
            for server in servers {
                eprintln!("the server's log ends with:\n{}", server.log.tail(30));
            }
            return;
        }
        end_well(servers, self.folder.path());
    }
}

/// Stops servers, and fails if one of them did not end well.
fn end_well(servers: Vec<Server>, folder: &Path) {
    let mut complaints = Vec::new();
    for server in servers {
        let log = server.log.clone();
        let found = server.stop();
        if !found.is_empty() {
            complaints.push(format!("{}\nits log:\n{}", found.join("\n"), log.tail(30)));
        }
    }
    complaints.extend(Process::of_folder(folder).iter().map(|left| format!("left over: {left:?}")));
    assert!(complaints.is_empty(), "the server did not end well: {}", complaints.join("\n"));
}
