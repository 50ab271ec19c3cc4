//! The page that `SAVE=1` writes, with the machine and a picture per group. A
//! group that was not measured this time stays as it was.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::report::Report;
use crate::{Bench, Group, plot};

pub(crate) fn save(
    bench: &Bench,
    groups: &[Group],
    measured: &[&Group],
    report: &Report,
    file: &Path,
) -> Result<(), String> {
    let told = |error: std::io::Error| format!("cannot write {}: {error}", file.display());
    let old = fs::read_to_string(file).unwrap_or_default();
    let pictures = file.with_extension("");
    fs::create_dir_all(&pictures).map_err(told)?;
    let mut page = head(bench);
    for group in groups {
        let heading = format!("## {}\n", group.title);
        if !measured.iter().any(|other| other.name == group.name) {
            // From its heading to the next.
            let kept = old.find(&heading).map(|at| &old[at..]);
            let kept =
                kept.map(|text| text[3..].find("\n## ").map_or(text, |end| &text[..end + 4]));
            page.push_str(kept.unwrap_or_default());
            continue;
        }
        page.push_str(&heading);
        let when = format!(
            "\n{}, commit {}, rounds: {}.\n",
            said("date", &["-u", "+%Y-%m-%d"]),
            said("git", &["rev-parse", "--short", "HEAD"]),
            bench.pace.rounds
        );
        page.push_str(&when);
        if let Some(svg) = plot::picture(report, group.name)? {
            fs::write(pictures.join(format!("{}.svg", group.name)), svg).map_err(told)?;
            page.push_str(&format!("\n![{}](benchmarks/{}.svg)\n", group.title, group.name));
        }
        page.push_str(&format!("\n{}\n", report.table(Some(group.name))));
    }
    fs::write(file, page.trim_end().to_owned() + "\n" + &report.omissions()).map_err(told)
}

fn head(bench: &Bench) -> String {
    let mut rows = vec![
        ("processor", field("/proc/cpuinfo", "model name")),
        ("cores", available_parallelism().map_or(String::new(), |cores| cores.to_string())),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("kernel", said("uname", &["-sr"])),
        ("doze", said(&bench.doze.to_string_lossy(), &["--version"])),
        ("Deno", said(&bench.deno.to_string_lossy(), &["--version"])),
    ];
    for (name, program) in bench.tools.named() {
        let version = match (name, program) {
            (_, None) => "not installed".to_owned(),
            // The program that runs does not say.
            ("Passenger", _) => said("passenger", &["--version"]),
            ("node" | "workerd", Some(program)) => said(&program.to_string_lossy(), &["--version"]),
            (_, Some(program)) => said(&program.to_string_lossy(), &["-v"]),
        };
        rows.push((name, version));
    }
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `make bench SAVE=1`. Each figure is the median of the \
         rounds, with the\nlowest and the highest in brackets; the rounds of all sides are \
         interleaved.\n\n| | |\n|---|---|\n",
    );
    for (name, value) in rows {
        page.push_str(&format!("| {name} | {value} |\n"));
    }
    page + "\n"
}

/// The first line that a program prints, wherever it prints it.
fn said(program: &str, args: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(args).output() else {
        return "unknown".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
}
