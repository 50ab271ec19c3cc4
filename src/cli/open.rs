//! `doze open`: the dashboard's link, with the token that opens it.

use clap::Args;

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output;

#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &OpenArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    // A link that leads nowhere, or with a token that opens nothing, helps nobody.
    client.call(Call::get("/api/server"))?;
    output::line(client.dashboard())
}
