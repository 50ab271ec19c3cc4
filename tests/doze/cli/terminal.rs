//! The real program as a shell starts it, with pipes or with a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::Value;

use crate::harness::{TestBed, runtime_folder, within};

/// How long a command line may take.
const LATE: std::time::Duration = std::time::Duration::from_mins(1);

/// A command line.
#[derive(Debug, Clone)]
pub(super) struct CommandLine {
    args: Vec<String>,
    env: Vec<(String, String)>,
    folder: PathBuf,
    input: Vec<u8>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl CommandLine {
    /// `doze` with these arguments, in that folder.
    pub(super) fn new(folder: &Path, args: &[&str]) -> Self {
        let runtime = runtime_folder().display().to_string();
        let this = Self {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            folder: folder.to_owned(),
            input: Vec::new(),
        };
        this.env("PATH", "/usr/bin:/bin").env("DOZE_RUNTIME", &runtime)
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What it reads on its standard input.
    pub(super) fn input(self, text: &str) -> Self {
        Self { input: text.into(), ..self }
    }

    /// The same for the operator of a bed's server.
    pub(super) async fn of(bed: &mut TestBed, args: &[&str]) -> Self {
        let admin = bed.admin().await;
        Self::new(&bed.path(""), args).env("DOZE_SERVER", admin.address())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doze"));
        let env = self.env.iter().map(|(name, value)| (name, value));
        command.args(&self.args).env_clear().envs(env).current_dir(&self.folder);
        command
    }

    /// Runs it to its end, with pipes.
    pub(super) async fn run(&self) -> Outcome {
        let (command, input) = (self.command(), self.input.clone());
        self.ends(move || piped(command, &input)).await
    }

    /// Runs it to its end with a terminal, where a person answers every text
    /// that ends in `question` with `answer`. Both outputs are what is seen.
    pub(super) async fn run_at_terminal(&self, question: &str, answer: &str) -> Outcome {
        let mut command = self.command();
        command.env("TERM", "xterm");
        let (question, answer) = (question.to_owned(), answer.to_owned());
        self.ends(move || at_terminal(command, &question, &answer)).await
    }

    async fn ends(&self, run: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
        let (send, done) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || send.send(run()));
        within(LATE, &format!("doze {:?}", self.args), done).await.expect("the thread answers")
    }
}

fn piped(mut command: Command, input: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be started");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // Who does not read its input has ended by now.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn at_terminal(mut command: Command, question: &str, answer: &str) -> Outcome {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a new terminal");
    grantpt(&person).and_then(|()| unlockpt(&person)).expect("it is ours");
    let path = ptsname(&person, Vec::new()).expect("it has a name");
    let side = || {
        let side = open(&*path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        Stdio::from(side.expect("the terminal is there"))
    };
    command.stdin(side()).stdout(side()).stderr(side());
    let mut child = command.spawn().expect("the program can be started");
    // Holds the program's side open otherwise.
    drop(command);
    let mut person = File::from(person);
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    // The last one to close the other side makes this an error.
    while let Ok(count @ 1..) = person.read(&mut chunk) {
        seen.extend_from_slice(&chunk[..count]);
        if !question.is_empty() && seen.ends_with(question.as_bytes()) {
            person.write_all(answer.as_bytes()).expect("the program listens");
        }
    }
    let code = child.wait().expect("a child can be waited for").code();
    let modes = tcgetattr(&person).expect("it is a terminal").local_modes;
    assert!(modes.contains(LocalModes::ECHO | LocalModes::ISIG), "it was left as {modes:?}");
    let seen = String::from_utf8(seen).expect("text");
    Outcome { code, stdout: seen.clone(), stderr: seen }
}

impl Outcome {
    /// The same, if it did what it should.
    #[track_caller]
    pub(super) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The same, if it failed with that code and said all of these texts.
    #[track_caller]
    pub(super) fn fails(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in {self:?}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
