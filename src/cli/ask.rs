//! Asking the person at the terminal.

use std::io::{Read, Write};

use console::Term;

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
    std::io::stdin().read_line(&mut answer).map_err(unheard)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A value that nobody else should see: typed without being shown, or read
/// from standard input. One line break at its end is not part of it.
pub(super) fn secret(what: &str) -> Result<String, Failure> {
    if output::can_ask() {
        prompt(&format!("{what} (not shown): "))?;
        return Term::stderr().read_secure_line().map_err(unheard);
    }
    let mut value = String::new();
    let mut input = std::io::stdin().lock().take(LONGEST + 1);
    input.read_to_string(&mut value).map_err(unheard)?;
    if value.len() as u64 > LONGEST {
        return Err(Failure::new(format!("the value is longer than {LONGEST} bytes")));
    }
    let line = value.strip_suffix('\n').unwrap_or(&value);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn prompt(text: &str) -> Result<(), Failure> {
    let mut stderr = anstream::stderr();
    Ok(write!(stderr, "{text}").and_then(|()| stderr.flush())?)
}

#[expect(clippy::needless_pass_by_value, reason = "it is made for `map_err`")]
fn unheard(error: std::io::Error) -> Failure {
    Failure::because("the answer cannot be read", &error)
}
