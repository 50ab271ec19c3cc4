//! `doze show`: all about one function.

use clap::Args;
use http::Method;

use super::client::{Call, Client, ClientArgs};
use super::failure::{Failure, problem_line};
use super::instances;
use super::output::{self, ACCENT, FAINT, ReadArgs, line, paint};
use super::view::{self, Function, Revision};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The function's name
    name: FunctionName,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &ShowArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let answer = client.call(Call::of(&args.name, Method::GET, ""))?;
    if args.read.json {
        return output::json(&answer);
    }
    let function: Function = view::read(&answer)?;
    let revisions = client.call(Call::of(&args.name, Method::GET, "/revisions"))?;
    let revisions: Vec<Revision> = view::read_list(&revisions, "revisions")?;
    summary(&function, &client.gateway()?)?;
    section("Problems", function.published.problems.is_empty())?;
    for problem in &function.published.problems {
        line(format_args!("  {}", problem_line(problem, None)))?;
    }
    section("Revisions", revisions.is_empty())?;
    for revision in &revisions {
        line(format_args!("  {}", told(revision)))?;
    }
    section("Instances", function.instances.is_empty())?;
    if !function.instances.is_empty() {
        output::print_table(&instances::table(&function.instances))?;
    }
    Ok(())
}

fn summary(function: &Function, gateway: &str) -> Result<(), Failure> {
    let Function { published, counters, .. } = function;
    let state = paint(output::state_style(&published.state), &published.state);
    let revision = published.revision.as_deref().unwrap_or("-");
    let built =
        published.built_at.map_or_else(String::new, |at| format!(", built {}", output::ago(at)));
    field("name", &published.name)?;
    field("state", state)?;
    field("address", format_args!("{gateway}/{}", published.name))?;
    field("revision", format_args!("{revision}{built}"))?;
    if let Some(from) = &published.rolled_back_from {
        field("rolled back", format_args!("from {from}, until the folder changes"))?;
    }
    field(
        "requests",
        format_args!(
            "{}, {} errors, {} time-outs, {} in flight",
            counters.requests, counters.errors, counters.timeouts, counters.in_flight
        ),
    )?;
    field(
        "starts",
        format_args!(
            "{} cold, {} from a spare, {} crashes",
            counters.cold_starts, counters.spare_starts, counters.crashes
        ),
    )?;
    if let Some(latency) = &counters.latency_seconds {
        let [p50, p95, p99] = [latency.p50, latency.p95, latency.p99].map(output::seconds);
        field("latency", format_args!("{p50} (p50), {p95} (p95), {p99} (p99)"))?;
    }
    if let Some(last) = counters.last_request_at {
        field("last used", output::ago(last))?;
    }
    let permissions = published.manifest.as_ref().and_then(|m| m["permissions"].as_array());
    let permissions: Vec<_> =
        permissions.into_iter().flatten().filter_map(|text| text.as_str()).collect();
    field(
        "permissions",
        if permissions.is_empty() { "none".to_owned() } else { permissions.join(" ") },
    )
}

fn field(name: &str, value: impl std::fmt::Display) -> Result<(), Failure> {
    line(format_args!("{} {value}", paint(FAINT, format_args!("{name:<12}"))))
}

fn section(title: &str, is_empty: bool) -> Result<(), Failure> {
    if is_empty { Ok(()) } else { line(format_args!("\n{}", paint(ACCENT, title))) }
}

fn told(revision: &Revision) -> String {
    let mark = match (revision.live, revision.rolled_back_from) {
        (true, _) => "  live",
        (_, true) => "  rolled back from",
        _ => "",
    };
    let (built, size) = (output::ago(revision.built_at), output::bytes(revision.bytes));
    format!("{}  {built:<8}  {size:>9}{mark}", revision.id)
}
