//! What esbuild prints when a build fails, as data.
//!
//! ```text
//! ✘ [ERROR] Could not resolve "left-pad"
//!
//!     index.ts:1:20:
//!       1 │ import pad from "left-pad";
//!         ╵                 ~~~~~~~~~~
//! ```

/// One error.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) place: Option<Place>,
}

/// Where an error is, as esbuild counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Relative to the folder that esbuild ran in.
    pub(super) file: String,
    /// From 1.
    pub(super) line: u32,
    /// In bytes, from 0.
    pub(super) column: u32,
}

/// Reads every error. Notes and warnings are left out.
pub(super) fn parse(printed: &str) -> Vec<Message> {
    parse_kind(printed, "✘ [ERROR] ")
}

/// What the bundler would rather have had otherwise.
pub(super) fn warnings(printed: &str) -> Vec<Message> {
    parse_kind(printed, "▲ [WARNING] ")
}

fn parse_kind(printed: &str, mark: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut lines = printed.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(text) = line.strip_prefix(mark) else { continue };
        let mut text = text.to_owned();
        while let Some(more) = lines.next_if(|line| !line.is_empty()) {
            text.push('\n');
            text.push_str(more);
        }
        // The place follows at once, after one empty line; what comes later
        // belongs to a note.
        lines.next_if(|line| line.is_empty());
        let place = lines.peek().and_then(|line| parse_place(line));
        messages.push(Message { text, place });
    }
    messages
}

fn parse_place(line: &str) -> Option<Place> {
    let place = line.strip_prefix("    ")?.strip_suffix(':')?;
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Place { file: file.to_owned(), line: line.parse().ok()?, column: column.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_read_with_its_place_and_notes_are_not() {
        let printed = r#"▲ [WARNING] Something harmless

    w.ts:1:2:
      1 │ x
        ╵ ^

✘ [ERROR] Cannot assign to "x" because it is a constant

    a:b/index.ts:8:34:
      8 │ const x = 1; x = 2;
        ╵              ^

  The symbol "x" was declared a constant here:

    index.ts:8:27:
      8 │ const x = 1; x = 2;
        ╵       ^

✘ [ERROR] Invalid alias name: "x"

✘ [ERROR] Expected ";"

    index.ts:1:0:
      1 │ ?

3 errors
"#;
        let place = |file: &str, line, column| Some(Place { file: file.to_owned(), line, column });
        let messages = parse(printed);
        let found: Vec<_> = messages.iter().map(|m| (m.text.as_str(), &m.place)).collect();
        assert_eq!(
            found,
            [
                ("Cannot assign to \"x\" because it is a constant", &place("a:b/index.ts", 8, 34)),
                ("Invalid alias name: \"x\"", &None),
                ("Expected \";\"", &place("index.ts", 1, 0)),
            ]
        );
    }
}
