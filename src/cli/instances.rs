//! `doze instances`: the processes that run, spares included.

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table};

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, ReadArgs};
use super::view::{self, Instance, short};

#[derive(Debug, Args)]
pub(super) struct InstancesArgs {
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &InstancesArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let answer = client.call(Call::get("/api/instances"))?;
    if args.read.json {
        return output::json(&answer);
    }
    let instances: Vec<Instance> = view::read_list(&answer, "instances")?;
    if instances.is_empty() {
        output::say("nothing runs: a request starts an instance");
        return Ok(());
    }
    output::print_table(&table(&instances))
}

pub(super) fn table(instances: &[Instance]) -> Table {
    let headers = [
        "ID",
        "FUNCTION",
        "REVISION",
        "STATE",
        "PID",
        "STARTED",
        "IN FLIGHT",
        "MEMORY",
        "CPU",
        "ADDRESS",
    ];
    let mut table = output::table(&headers);
    for instance in instances {
        table.add_row([
            Cell::new(&instance.id),
            Cell::new(instance.function.as_deref().unwrap_or("-")),
            Cell::new(instance.revision.as_deref().map_or("-", short)),
            Cell::new(&instance.state),
            Cell::new(instance.pid),
            Cell::new(output::ago(instance.started_at)),
            Cell::new(instance.in_flight),
            Cell::new(output::bytes(instance.memory_bytes)),
            Cell::new(output::seconds(instance.cpu_seconds)),
            Cell::new(&instance.address),
        ]);
    }
    for column in [4, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
