//! One running `doze`, and what it must not leave behind.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::log::Log;
use super::process::{self, Process};
use super::wait::{OFTEN, until};

/// How long a server may take to end once it was told to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A command line of the real program, with an environment of its own.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// Runs as this user and group.
    user: Option<u32>,
}

impl Program {
    /// `doze VERB`.
    pub(crate) fn doze(verb: &str) -> Self {
        Self { args: vec![verb.to_owned()], env: Vec::new(), user: None }
    }

    pub(crate) fn arg(mut self, text: impl Into<String>) -> Self {
        self.args.push(text.into());
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "it takes text and numbers alike")]
    pub(crate) fn flag(self, name: &str, value: impl ToString) -> Self {
        self.arg(name).arg(value.to_string())
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn user(mut self, user: Option<u32>) -> Self {
        self.user = user;
        self
    }

    fn command(&self, cwd: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doze"));
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(cwd)
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs it to its end, for a command line that should not get far.
    pub(crate) async fn output(&self, cwd: &Path) -> std::process::Output {
        let mut command = tokio::process::Command::from(self.command(cwd));
        let output = command.kill_on_drop(true).output();
        let output = super::within(PATIENCE, &format!("doze {:?}", self.args), output).await;
        output.expect("the program can be started")
    }

    pub(crate) fn start(&self, cwd: &Path) -> Server {
        let mut command = self.command(cwd);
        // What a person would read there is no part of a server's log.
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let log = Log::follow(child.stderr.take().expect("stderr is a pipe"));
        Server { child, log, expected_errors: Vec::new(), ended: None }
    }
}

/// A running server. Stop it before the end; a drop only kills it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) log: Log,
    expected_errors: Vec<String>,
    ended: Option<ExitStatus>,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its gateway listens.
    pub(crate) async fn address(&mut self) -> String {
        self.listening("gateway is listening").await
    }

    /// Where its admin API listens.
    pub(crate) async fn admin_address(&mut self) -> String {
        self.listening("admin is listening").await
    }

    async fn listening(&mut self, message: &str) -> String {
        until(message, || {
            if let Some(record) = self.log.find(|r| r.message() == message) {
                return Ok(record.field("address").expect("it says where").to_owned());
            }
            if let Some(status) = self.ended() {
                panic!("the server ended with {status} before it listened:\n{}", self.log.tail(40));
            }
            Err(self.log.tail(10))
        })
        .await
    }

    /// Announces an ERROR that the test causes on purpose.
    pub(crate) fn expect_error(&mut self, text: &str) {
        self.expected_errors.push(text.to_owned());
    }

    /// Everything that it has started and that is not gone, zombies included.
    pub(crate) fn processes(&self) -> Vec<Process> {
        Process::of_server(self.pid())
    }

    /// Its own memory in KiB: `VmRSS` now or `VmHWM` at most.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let value = process::status(self.pid(), field).expect("the server runs");
        value.trim_end_matches(" kB").parse().expect("a number of kB")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.pid(), signal).expect("the server is still there to get a signal");
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }

    /// Waits for its end without stopping the test's other tasks.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        until("the server has ended", || self.ended().ok_or("it still runs")).await
    }

    /// Kills it like the kernel would, and waits for it alone.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.end().await;
    }

    /// Stops it, and tells everything that it did not do as promised.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut left = Vec::new();
        if self.ended().is_none() {
            left = self.processes();
            self.signal(Signal::SIGTERM);
            match self.wait_for_end() {
                Some(status) if status.success() => {}
                Some(status) => complaints.push(format!("after SIGTERM it ended with {status}")),
                None => complaints.push(format!("it still ran {PATIENCE:?} after SIGTERM")),
            }
        }
        left.retain(Process::is_alive);
        for process in left {
            complaints.push(format!("it left a process behind: {process:?}"));
            process.kill();
        }
        for record in self.log.records() {
            let expected = |text: &String| record.line.contains(text);
            if record.is_alarming() && !self.expected_errors.iter().any(expected) {
                complaints.push(format!("it logged an unexpected error: {}", record.line));
            }
        }
        complaints
    }

    fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            std::thread::sleep(OFTEN);
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a server needs beside its own program, made by `make` before the tests.
pub(crate) fn runtime_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime-shim");
    for (file, command) in [
        ("node_modules/@deno", "npm ci --ignore-scripts"),
        ("node_modules/@esbuild", "npm ci --ignore-scripts"),
        ("dist/boot.js", "npm run build"),
    ] {
        let there = fs::exists(folder.join(file)).unwrap_or(false);
        assert!(there, "runtime-shim/{file} is missing: run `{command}` in runtime-shim first");
    }
    folder
}
