//! Why a verb did not do what it was asked to, told so that a person knows
//! what to do next.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::output::{self, ACCENT, BAD, BOLD, paint};
use crate::function::Problem;

/// Something was asked in a way that cannot be meant.
const EXIT_USAGE: u8 = 2;

/// Why there is no result. Printed once, at the end.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    text: String,
    /// What an author has to mend, one line each.
    problems: Vec<String>,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    /// Whoever read our output has seen enough, such as `head`.
    Unread,
}

impl Failure {
    /// What failed, as a sentence without its full stop.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, text: text.into(), problems: Vec::new(), hint: None }
    }

    /// The same with the error behind it, and that one's causes.
    pub(super) fn because(text: impl Into<String>, error: &dyn Error) -> Self {
        Self::new(format!("{}: {}", text.into(), super::chain(error)))
    }

    /// The command line itself is wrong.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, ..Self::new(text) }
    }

    /// What to do about it.
    #[must_use]
    pub(super) fn hint(self, text: impl Into<String>) -> Self {
        Self { hint: Some(text.into()), ..self }
    }

    /// What has to be mended, told as compilers do. The folder makes a place
    /// one that an editor finds.
    #[must_use]
    pub(super) fn problems(mut self, problems: &[Problem], folder: Option<&Path>) -> Self {
        self.problems.extend(problems.iter().map(|problem| problem_line(problem, folder)));
        self
    }

    /// Prints it, and gives the code to end with.
    pub(super) fn report(self) -> ExitCode {
        if self.kind == Kind::Unread {
            return ExitCode::SUCCESS;
        }
        let mut text = String::new();
        for problem in &self.problems {
            let _ = writeln!(text, "{problem}");
        }
        let _ = write!(text, "{}: {}", paint(BAD, "error"), output::plain(&self.text));
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\n{}: {hint}", paint(ACCENT, "hint"));
        }
        output::say(text);
        match self.kind {
            Kind::Usage => ExitCode::from(EXIT_USAGE),
            Kind::Failed | Kind::Unread => ExitCode::FAILURE,
        }
    }
}

/// Writing our own output failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let failure = Self::new(format!("the output cannot be written: {error}"));
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { kind: Kind::Unread, ..failure },
            _ => failure,
        }
    }
}

/// `path/index.ts:3:14: what is wrong`.
pub(super) fn problem_line(problem: &Problem, folder: Option<&Path>) -> String {
    let mut place = match (folder, &problem.file) {
        (Some(folder), Some(file)) => folder.join(file).display().to_string(),
        (Some(folder), None) => folder.display().to_string(),
        (None, file) => file.clone().unwrap_or_default(),
    };
    if let (Some(line), true) = (problem.line, problem.file.is_some()) {
        let _ = write!(place, ":{line}:{}", problem.column.unwrap_or(1));
    }
    let text = output::plain(&problem.text);
    if place.is_empty() {
        return text;
    }
    format!("{}: {text}", paint(BOLD, output::plain(&place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(problem: &Problem, folder: Option<&str>) -> String {
        anstream::adapter::strip_str(&problem_line(problem, folder.map(Path::new))).to_string()
    }

    #[test]
    fn a_problem_is_told_as_compilers_do() {
        let at = Problem::in_file("lib/a.ts", "unexpected `)`").at(3, 14);
        assert_eq!(shown(&at, Some("work/hello")), "work/hello/lib/a.ts:3:14: unexpected `)`");
        assert_eq!(shown(&at, None), "lib/a.ts:3:14: unexpected `)`");
        let whole = Problem::new("no entry file");
        assert_eq!(shown(&whole, Some("work/hello")), "work/hello: no entry file");
        assert_eq!(shown(&whole, None), "no entry file");
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let problem = Problem::in_file("a\u{1b}]0;x\u{7}.ts", "say \u{1b}[2Jno\u{8}").at(1, 1);
        assert!(!shown(&problem, None).contains(|c: char| c.is_control()));
    }
}
