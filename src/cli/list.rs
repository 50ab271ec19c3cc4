//! `doze list`: the functions that there are.

use clap::{Args, ValueEnum};
use comfy_table::{Cell, CellAlignment, Color};

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, ReadArgs};
use super::view::{self, Function};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only functions whose names hold this text
    text: Option<String>,
    /// Only functions in this state
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Live,
    Stale,
    Broken,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let state = args.state.map(|state| match state {
        State::Live => "live",
        State::Stale => "stale",
        State::Broken => "broken",
    });
    let call =
        Call::get("/api/functions").query_if("q", args.text.as_deref()).query_if("state", state);
    let answer = client.call(call)?;
    if args.read.json {
        return output::json(&answer);
    }
    let functions: Vec<Function> = view::read_list(&answer, "functions")?;
    if functions.is_empty() {
        output::say(if args.text.is_some() || state.is_some() {
            "no function fits"
        } else {
            "no functions yet; `doze new hello` makes one"
        });
        return Ok(());
    }
    let headers = [
        "NAME",
        "STATE",
        "REVISION",
        "REQUESTS",
        "ERRORS",
        "P50",
        "RUNNING",
        "MEMORY",
        "LAST USED",
    ];
    let mut table = output::table(&headers);
    for function in &functions {
        table.add_row(row(function));
    }
    // Numbers are compared from below.
    for column in 3..=7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    output::print_table(&table)
}

fn row(function: &Function) -> Vec<Cell> {
    let Function { published, counters, instances } = function;
    let memory: u64 = instances.iter().map(|instance| instance.memory_bytes).sum();
    let color = match &*published.state {
        "live" => Color::Green,
        "stale" => Color::Yellow,
        _ => Color::Red,
    };
    let latency = counters.latency_seconds.as_ref();
    vec![
        Cell::new(&published.name),
        Cell::new(&published.state).fg(color),
        Cell::new(published.revision()),
        Cell::new(counters.requests),
        Cell::new(counters.errors),
        Cell::new(latency.map_or_else(|| "-".to_owned(), |latency| output::seconds(latency.p50))),
        Cell::new(instances.len()),
        Cell::new(if memory == 0 { "-".to_owned() } else { output::bytes(memory) }),
        Cell::new(counters.last_request_at.map_or_else(|| "-".to_owned(), output::ago)),
    ]
}
