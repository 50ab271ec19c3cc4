//! Every fuzz target, for a moment: with each input in its corpus, and with
//! many that were made from those. `fuzz/README.md` says how to run them for
//! longer.

use std::fs;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

#[expect(unreachable_pub, reason = "a library of its own elsewhere")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Inputs that are made for each target.
const MADE: u32 = 20_000;
/// Changes that make one of them.
const MOST_EDITS: usize = 6;

/// One change of an input.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>) {
        let at = |index: &Index, input: &Vec<u8>| index.index(input.len() + 1);
        match self {
            Self::Set(index, byte) if !input.is_empty() => {
                let at = index.index(input.len());
                input[at] = *byte;
            }
            Self::Set(_, byte) => input.push(*byte),
            Self::Insert(index, word) => {
                let at = at(index, input);
                input.splice(at..at, word.iter().copied());
            }
            Self::Remove(index, length) => {
                let at = at(index, input);
                let end = (at + length).min(input.len());
                input.drain(at..end);
            }
            Self::Repeat(index, length) => {
                let at = at(index, input);
                let part = input[at..(at + length).min(input.len())].to_vec();
                input.splice(at..at, part);
            }
        }
    }
}

fn edits(words: &[&str]) -> impl Strategy<Value = Vec<Edit>> {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let edit = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), select(words)).prop_map(|(at, word)| Edit::Insert(at, word)),
        (any::<Index>(), 1usize..20).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1usize..40).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ];
    proptest::collection::vec(edit, 1..MOST_EDITS)
}

#[track_caller]
fn fuzz(name: &str, words: &[&str], target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&corpus).expect("a corpus");
    let read = |entry: io::Result<fs::DirEntry>| fs::read(entry?.path());
    let corpus: Vec<Vec<u8>> = entries.map(read).collect::<Result<_, _>>().expect("inputs");
    assert!(corpus.len() >= 3, "there is too little to begin with");
    for input in &corpus {
        target(input);
    }
    let config = Config { cases: MADE, failure_persistence: None, ..Config::default() };
    let made = (select(corpus), edits(words)).prop_map(|(mut input, edits)| {
        for edit in &edits {
            edit.apply(&mut input);
        }
        input
    });
    let result = TestRunner::new(config).run(&made, |input| {
        let shown = input.escape_ascii().to_string();
        let result = std::panic::catch_unwind(|| target(&input));
        prop_assert!(result.is_ok(), "{}", shown);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{name}: {error}");
    }
}

#[test]
fn whatever_a_manifest_says_it_is_refused_with_reasons_or_stands_as_it_was_read() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "null",
        "true",
        "-1",
        "1e999",
        "0.1",
        "\\u0000",
        "\"minInstances\":9",
        "\"static\":\"..\"",
        "\"--allow-read=..\"",
        "\"--allow-run\"",
        "\"spa\":true",
        "\"idleSeconds\":0.001",
        "\"mode\":\"oneshot\"",
        "\u{feff}",
        "\\n",
    ];
    fuzz("manifest", &words, targets::manifest::run);
}

#[test]
fn whatever_is_asked_for_deno_is_told_no_more_than_that() {
    let words = [
        "--allow-", "--deny-", "net", "read", "write", "env", "run", "ffi", "sys", "all", "=", ",",
        "\0", "..", "/", "./", "*", ":80", "[::1]", "unix:", "-A", "-R", "-W=", "\u{85}", " ",
    ];
    fuzz("permissions", &words, targets::permissions::run);
}

#[test]
fn a_path_goes_to_the_longest_name_and_a_name_is_what_the_contract_says() {
    let words = ["/", "_/", "\n", ".", "..", "~", "%2f", ".js", ".json", ".map", "a", "ä", "//"];
    fuzz("routing", &words, targets::routing::run);
}

#[test]
fn requests_are_read_as_others_read_them_wherever_the_bytes_are_cut() {
    let words = [
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        " ",
        "\t",
        ":",
        "Host: a\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "GET / HTTP/1.1\r\n",
        "Connection: close\r\n",
        "HTTP/1.0",
        "0\r\n\r\n",
        "5\r\nabcde\r\n",
        "http://b/",
        "*",
        "Expect: 100-continue\r\n",
        "\0",
        "\u{b}",
        "chunked",
        "identity",
        ", ",
        "+",
        "0",
        "#f",
    ];
    fuzz("head", &words, targets::head::run);
}

#[test]
fn a_body_ends_where_its_framing_says_wherever_the_bytes_are_cut() {
    let words = [
        "\r\n",
        "\n",
        "\r",
        "0\r\n",
        "0\r\n\r\n",
        "1\r\na\r\n",
        "f",
        ";a=b",
        ";",
        "+",
        "0x",
        " ",
        "X-A: b\r\n",
        "Content-Length: 3\r\n",
        "ffffffffffffffff",
        "00000000000000000",
    ];
    fuzz("body", &words, targets::body::run);
}

#[test]
fn a_published_record_is_read_as_it_was_written_and_leads_nowhere_else() {
    let words = [
        "\"",
        "{",
        "}",
        ",",
        ":",
        "null",
        "..",
        "/",
        "\"live\"",
        "\"stale\"",
        "\"broken\"",
        "1e99",
        "\"--allow-read=..\"",
        "\"idleSeconds\":1e300",
        "\"timeoutSeconds\":-1",
        "~",
        "\\u0000",
    ];
    fuzz("published", &words, targets::published::run);
}
