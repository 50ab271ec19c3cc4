//! `doze logs`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::terminal::{CommandLine, Outcome};
use crate::harness::{TestBed, until, until_asked};

const TALKS: &str = r#"
    export default (request) => {
      const text = new URL(request.url).searchParams.get("say");
      if (text === "throw") throw new Error("on purpose");
      console.log(text);
      console.warn(`careful with \u001b[2J${text}`);
      return text;
    };"#;

async fn bed() -> TestBed {
    let bed = TestBed::start().await;
    bed.function("talks").source(TALKS).drop_in().await;
    bed
}

async fn run(bed: &mut TestBed, args: &[&str]) -> Outcome {
    CommandLine::of(bed, &[&["logs", "talks"], args].concat()).await.run().await.ok()
}

/// Waits until the log has that text, and gives what was printed then.
async fn has(bed: &mut TestBed, args: &[&str], text: &str) -> String {
    let line = CommandLine::of(bed, &[&["logs", "talks"], args].concat()).await;
    until_asked(&format!("the log has {text}"), async || {
        let printed = line.run().await.ok().stdout;
        if printed.contains(text) { Ok(printed) } else { Err(printed) }
    })
    .await
}

#[tokio::test]
async fn a_record_is_a_line_with_its_time_level_and_instance() {
    let mut bed = bed().await;
    bed.get("/talks?say=hello").await.ok();
    let line = CommandLine::of(&mut bed, &["logs", "talks"]).await;
    // Each of the two comes by a pipe of its own.
    let (printed, line) = until_asked("both lines are there", async || {
        let printed = line.run().await.ok().stdout;
        let (warned, said): (Vec<_>, Vec<_>) = printed
            .lines()
            .filter(|line| line.ends_with("hello"))
            .partition(|l| l.contains("careful"));
        match said.first().map(|said| (*said).to_owned()) {
            Some(said) if !warned.is_empty() => Ok((printed, said)),
            _ => Err(printed),
        }
    })
    .await;
    let form = regex::Regex::new(r"^[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{3} info  i\d+ hello$");
    assert!(form.expect("a pattern").is_match(&line), "{line}");
    // What a function says cannot steer whoever reads it.
    assert!(printed.contains("careful with hello") && !printed.contains('\u{1b}'), "{printed:?}");
    assert!(printed.contains(" warn "), "{printed}");
}

#[tokio::test]
async fn an_error_has_its_stack_below() {
    let mut bed = bed().await;
    bed.get("/talks?say=throw").await.error(500, "function_error");
    let printed = has(&mut bed, &["--level", "error"], "on purpose").await;
    assert!(printed.contains("index.ts:4:"), "{printed}");
    assert_eq!(printed.matches("on purpose").count(), 1, "{printed}");
}

#[tokio::test]
async fn one_asks_for_the_newest_for_a_level_and_for_a_time() {
    let mut bed = bed().await;
    for text in ["one", "two", "three"] {
        bed.get(&format!("/talks?say={text}")).await.ok();
    }
    has(&mut bed, &[], "careful with three").await;
    let last = run(&mut bed, &["--tail", "1", "--level", "warn"]).await.stdout;
    assert!(last.lines().count() == 1 && last.contains("careful with three"), "{last}");
    let warnings = run(&mut bed, &["--level", "warn"]).await.stdout;
    assert_eq!(warnings.lines().count(), 3, "{warnings}");
    assert!(run(&mut bed, &["--since", "1h"]).await.stdout.contains("one"));
    assert_eq!(run(&mut bed, &["--since", "2200-01-01T00:00:00Z"]).await.stdout, "");
}

#[tokio::test]
async fn a_script_gets_one_json_object_a_line() {
    let mut bed = bed().await;
    bed.get("/talks?say=hello").await.ok();
    has(&mut bed, &[], "careful").await;
    let printed = run(&mut bed, &["--json"]).await.stdout;
    let records: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said = records.iter().find(|record| record["message"] == "hello").expect("what was said");
    assert_eq!((&said["function"], &said["level"]), (&"talks".into(), &"info".into()));
    assert!(said["requestId"].is_string(), "{said}");
}

/// A follower, which is ended with its test.
struct Follower(Child, std::sync::mpsc::Receiver<String>);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_follower_sees_what_comes_and_hears_of_the_server_s_end() {
    let mut bed = bed().await;
    bed.get("/talks?say=before").await.ok();
    has(&mut bed, &[], "careful with before").await;
    let address = bed.admin().await.address().to_owned();
    let mut child = Command::new(env!("CARGO_BIN_EXE_doze"))
        .args(["logs", "talks", "--follow", "--tail", "1"])
        .env("DOZE_SERVER", address)
        .current_dir(bed.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    let mut follower = Follower(child, lines);
    let next = async |follower: &Follower, text: &str| {
        until(&format!("the follower prints {text}"), || match follower.1.try_recv() {
            Ok(line) if line.contains(text) => Ok(()),
            Ok(other) => Err(other),
            Err(_) => Err("nothing".to_owned()),
        })
        .await;
    };
    next(&follower, "careful with before").await;
    bed.get("/talks?say=after").await.ok();
    next(&follower, "careful with after").await;
    bed.stop();
    let ended = || follower.0.try_wait().expect("a child").ok_or("it still follows");
    assert_eq!(until("the follower has ended", ended).await.code(), Some(1));
}
