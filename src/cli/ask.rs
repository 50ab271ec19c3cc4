//! Asking the person at the terminal.

use std::io::{self, Read, Stdin, Write};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::failure::Failure;
use super::output;

/// Longest value that is read from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// Asks for a yes.
pub(super) fn whether(question: &str) -> Result<bool, Failure> {
    if !output::can_ask() {
        return Err(Failure::usage("nobody is at a terminal to confirm this")
            .hint("pass --yes if it is meant"));
    }
    prompt(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(unheard)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A value that nobody else should see: typed without being shown, or read
/// from standard input. One line break at its end is not part of it.
pub(super) fn secret(what: &str) -> Result<String, Failure> {
    if output::can_ask() {
        return typed(what);
    }
    let mut value = String::new();
    let mut input = io::stdin().lock().take(LONGEST + 1);
    input.read_to_string(&mut value).map_err(unheard)?;
    if value.len() as u64 > LONGEST {
        return Err(Failure::new(format!("the value is longer than {LONGEST} bytes")));
    }
    let line = value.strip_suffix('\n').unwrap_or(&value);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn typed(what: &str) -> Result<String, Failure> {
    // Before it is asked for: what is typed at once is not shown either.
    let unseen = Unseen::begin().map_err(unheard)?;
    prompt(&format!("{what} (not shown): "))?;
    let mut value = Vec::new();
    let mut line = [0; 4096];
    // As the terminal gives it: a line at a time.
    while !value.ends_with(b"\n") {
        match rustix::io::read(&unseen.0, &mut line) {
            Ok(0) => break,
            Ok(count) => value.extend_from_slice(&line[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(unheard(error.into())),
        }
        if value.ends_with(&[INTERRUPT]) {
            break;
        }
    }
    drop(unseen);
    output::say("");
    let typed = value.strip_suffix(b"\n").map(<[u8]>::to_vec).map(String::from_utf8);
    match typed {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) => Err(Failure::new("what was typed is not text")),
        None => Err(Failure::new("nothing was typed to the end")),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Unseen(Stdin, Termios);

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

impl Unseen {
    fn begin() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut unseen = before.clone();
        // Ctrl-C ends the line instead of this program, which would leave the
        // terminal as it is then.
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        unseen.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&stdin, OptionalActions::Now, &unseen)?;
        Ok(Self(stdin, before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.0, OptionalActions::Now, &self.1);
    }
}

fn prompt(text: &str) -> Result<(), Failure> {
    let mut stderr = anstream::stderr();
    Ok(write!(stderr, "{text}").and_then(|()| stderr.flush())?)
}

#[expect(clippy::needless_pass_by_value, reason = "it is made for `map_err`")]
fn unheard(error: io::Error) -> Failure {
    Failure::because("the answer cannot be read", &error)
}
