//! Where and with what it was measured, for the saved page.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use crate::Bench;

/// The page that `make bench SAVE=1` writes.
pub(crate) fn page(bench: &Bench, table: &str) -> String {
    let doze = bench.doze.to_string_lossy();
    let deno = bench.deno.to_string_lossy();
    let rows = [
        ("date", said("date", &["-u", "+%Y-%m-%d"])),
        ("commit", said("git", &["rev-parse", "--short", "HEAD"])),
        ("processor", field("/proc/cpuinfo", "model name")),
        ("cores", available_parallelism().map_or(String::new(), |cores| cores.to_string())),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("kernel", said("uname", &["-sr"])),
        ("doze", said(&doze, &["--version"])),
        ("Deno", said(&deno, &["--version"])),
        ("nginx", said("nginx", &["-v"])),
        ("wrk", said("wrk", &["-v"])),
        ("rounds", bench.pace.rounds.to_string()),
    ];
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `make bench SAVE=1`; the README says what each row means.\n\n\
         | | |\n|---|---|\n",
    );
    for (name, value) in rows {
        page.push_str(&format!("| {name} | {value} |\n"));
    }
    page + "\n" + table
}

/// The first line that a program prints, wherever it prints it.
fn said(program: &str, args: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(args).output() else {
        return "not installed".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
}
