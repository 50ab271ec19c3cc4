//! `doze remove`: remove a function and its folder.

use clap::Args;
use http::Method;

use super::ask;
use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output;
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// The function's name
    name: FunctionName,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &RemoveArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let name = &args.name;
    if !args.yes {
        // Nobody is asked about what is not there.
        client.call(Call::of(name, Method::GET, ""))?;
        if !ask::whether(&format!("Remove `{name}` and its folder on the server?"))? {
            return Err(Failure::new("nothing was removed"));
        }
    }
    client.call(Call::of(name, Method::DELETE, ""))?;
    output::say(format_args!("`{name}` is gone"));
    Ok(())
}
