//! A registry with folders of its own, and a way to wait for what it publishes.

use std::fmt::Debug;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use doze::function::Published;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Later than anything takes on a busy machine, and earlier than the safety
/// scan, which would find what the events should have told.
pub(crate) const LATE: Duration = Duration::from_secs(20);

pub(crate) struct Bed {
    root: TempDir,
    running: Option<Child>,
    /// Flags besides the folders.
    pub(crate) flags: Vec<&'static str>,
    /// Whether modes of files bind the registry, as they bind a plain user.
    pub(crate) plain: bool,
    /// An ERROR in the log that the test is about.
    pub(crate) expected_error: Option<&'static str>,
}

impl Bed {
    /// Folders without a registry.
    pub(crate) fn stopped() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        Self { root, running: None, flags: Vec::new(), plain: false, expected_error: None }
    }

    /// A running registry.
    pub(crate) fn started() -> Self {
        let mut bed = Self::stopped();
        bed.start();
        bed
    }

    /// A running registry without file events.
    pub(crate) fn polling() -> Self {
        let mut bed = Self::stopped();
        bed.flags = vec!["--watch", "poll"];
        bed.start();
        bed
    }

    pub(crate) fn start(&mut self) {
        let flags = self.flags.clone();
        self.running = Some(self.command(&flags).spawn().unwrap());
    }

    /// Runs a registry that cannot start, and returns what it says.
    pub(crate) fn refusal(&self, flags: &[&str]) -> String {
        let ended = self.command(flags).stderr(Stdio::piped()).output().unwrap();
        assert!(!ended.status.success());
        let said = String::from_utf8(ended.stderr).unwrap();
        said.lines().last().unwrap_or_default().to_owned()
    }

    /// The program; a flag that is given twice counts the second time.
    fn command(&self, flags: &[&str]) -> Command {
        let mut flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime-shim");
        for (flag, folder) in [
            ("--registry-in", self.path("in")),
            ("--registry", self.path("registry")),
            ("--runtime", runtime),
            ("--data", self.path("data")),
            ("--admin", "127.0.0.1:0".into()),
        ] {
            if !flags.iter().any(|given| given == flag) {
                flags.extend([flag.to_owned(), folder.to_str().unwrap().to_owned()]);
            }
        }
        let log = File::options().create(true).append(true).open(self.path("log")).unwrap();
        let program = env!("CARGO_BIN_EXE_doze");
        let mut command = if self.plain && nix::unistd::geteuid().is_root() {
            // Without these two capabilities root asks for permission as well.
            let mut command = Command::new("setpriv");
            command.arg("--bounding-set=-dac_override,-dac_read_search");
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("registry").args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Ends the registry as a supervisor would, and checks that it ends well.
    pub(crate) fn stop(&mut self) {
        let status = self.end();
        assert!(status.success(), "the registry ended with {status}\n{}", self.log());
        assert!(!self.path("registry/.tmp-registry").exists(), "temporary files stay");
    }

    fn end(&mut self) -> ExitStatus {
        let mut registry = self.running.take().expect("the registry runs");
        let pid = Pid::from_raw(registry.id().try_into().unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = registry.try_wait().unwrap() {
                return status;
            }
            if start.elapsed() > LATE {
                registry.kill().unwrap();
                return registry.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What the registry has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A path below the test's own folder, which holds `in` and `registry`.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Writes a file below `in`, with the folders around it.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path("in").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Writes a function that says a word.
    pub(crate) fn write_function(&self, name: &str, word: &str) -> &Self {
        self.write(&format!("{name}/index.ts"), &says(word))
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_dir_all(self.path("in").join(path)).unwrap();
    }

    /// The published record, if there is one.
    pub(crate) fn record(&self, name: &str) -> Option<Published> {
        let text = fs::read(self.path(&format!("registry/{name}.json"))).ok()?;
        Some(serde_json::from_slice(&text).expect("a record is never half written"))
    }

    /// The published code, if there is any.
    pub(crate) fn code(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(&format!("registry/{name}.js"))).ok()
    }

    pub(crate) fn revision(&self, name: &str) -> Option<String> {
        Some(self.record(name)?.release()?.revision.to_string())
    }

    /// Waits until something holds, and fails with the last state if it never
    /// does.
    pub(crate) async fn wait<T: Debug>(
        &self,
        what: &str,
        look: impl Fn() -> T,
        holds: impl Fn(&T) -> bool,
    ) -> T {
        let start = Instant::now();
        loop {
            let state = look();
            if holds(&state) {
                return state;
            }
            assert!(
                start.elapsed() < LATE,
                "not in time: {what}\nlast state: {state:#?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a function is live and its code holds a word.
    pub(crate) async fn says(&self, name: &str, word: &str) -> Published {
        let look = || (self.record(name), self.code(name));
        let holds = |(record, code): &(Option<Published>, Option<String>)| {
            record.as_ref().is_some_and(|record| record.state_name() == "live")
                && code.as_ref().is_some_and(|code| code.contains(&format!("{word:?}")))
        };
        self.wait(&format!("{name} says {word}"), look, holds).await.0.unwrap()
    }

    /// Waits until a function has problems, and returns its record with them
    /// as text.
    pub(crate) async fn fails(&self, name: &str) -> (Published, String) {
        let troubled = |record: &Option<Published>| {
            record.as_ref().is_some_and(|record| !record.problems.is_empty())
        };
        let record =
            self.wait(&format!("{name} has problems"), || self.record(name), troubled).await;
        let record = record.unwrap();
        let text = record.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        (record, text.join("\n"))
    }

    /// Waits until a function is gone without a trace.
    pub(crate) async fn is_gone(&self, name: &str) {
        let file_name = name.replace('/', "~");
        let paths = [
            format!("registry/{name}.js"),
            format!("registry/{name}.json"),
            format!("registry/.live/{file_name}"),
            format!("registry/.revisions/{file_name}"),
        ];
        let look = || {
            let left = paths.iter().filter(|path| self.path(path).symlink_metadata().is_ok());
            left.cloned().collect::<Vec<_>>()
        };
        self.wait(&format!("{name} is gone"), look, Vec::is_empty).await;
    }
}

/// Nothing is left running, and nothing went wrong unnoticed.
impl Drop for Bed {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.end();
        }
        let log = self.log();
        let expected = |line: &str| self.expected_error.is_some_and(|text| line.contains(text));
        let unexpected = log
            .lines()
            .find(|line| (line.contains("ERROR") || line.contains("panicked")) && !expected(line));
        if let Some(line) = unexpected.filter(|_| !std::thread::panicking()) {
            panic!("the registry reported what nobody expected: {line}\n{log}");
        }
    }
}

/// A function that says a word.
pub(crate) fn says(word: &str) -> String {
    format!(
        "import {{ createHandler }} from \"doze\";\nexport default createHandler(() => {word:?});\n"
    )
}

/// Copies a folder file by file, with a pause after each, as a slow disk does.
pub(crate) async fn copy_slowly(from: &Path, to: &Path, pause: Duration) {
    fs::create_dir_all(to).unwrap();
    let mut names: Vec<_> = fs::read_dir(from).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            Box::pin(copy_slowly(&path, &target, pause)).await;
        } else {
            fs::copy(&path, &target).unwrap();
            tokio::time::sleep(pause).await;
        }
    }
}
