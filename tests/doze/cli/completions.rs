//! `doze completions`: tried in the shells themselves, where they are there.

use std::io::Write;
use std::process::{Command, Stdio};

use super::terminal::CommandLine;
use crate::harness::TestBed;

/// What a shell says when it is given a script on its standard input.
fn shell(program: &str, args: &[&str], script: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("{program} is not on this machine: its completions were not tried");
        return None;
    };
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(script.as_bytes()).expect("the shell reads");
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    assert!(output.status.success(), "{program}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[tokio::test]
async fn each_shell_takes_what_is_printed_for_it() {
    let bed = TestBed::new();
    for name in ["bash", "zsh", "fish"] {
        let line = CommandLine::new(&bed.path(""), &["completions", name]);
        let script = line.run().await.ok().stdout;
        assert!(script.contains("rollback") && script.contains("template"), "{script}");
        match name {
            "bash" => {
                let words = "COMP_WORDS=(doze roll) COMP_CWORD=1\n_doze doze roll doze\n";
                let script = format!("{script}\n{words}printf '%s\\n' \"${{COMPREPLY[@]}}\"\n");
                let said = shell("bash", &["--norc", "-e"], &script);
                assert!(said.is_none_or(|said| said == "rollback\n"));
            }
            "zsh" => drop(shell("zsh", &["-n"], &script)),
            _ => drop(shell("fish", &["--no-execute"], &script)),
        }
    }
    let line = CommandLine::new(&bed.path(""), &["completions", "tcsh"]);
    line.run().await.fails(2, &["bash", "zsh", "fish"]);
}
