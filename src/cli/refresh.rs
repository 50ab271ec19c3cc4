//! `doze refresh`: look at a function's folder and build it now.

use clap::Args;
use http::Method;

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, Progress, ReadArgs};
use super::view::{self, Published, short};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct RefreshArgs {
    /// The function's name
    name: FunctionName,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &RefreshArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let progress = Progress::start(format!("building `{}`", args.name));
    let answer = client.call(Call::of(&args.name, Method::POST, "/refresh"))?;
    drop(progress);
    let function: Published = view::read(&answer)?;
    if args.read.json {
        output::json(&answer)?;
    }
    let name = &function.name;
    match (&*function.state, &function.revision) {
        ("live", Some(revision)) => {
            output::say(format_args!("`{name}` is live, revision {}", short(revision)));
            Ok(())
        }
        (state, revision) => {
            let failure = Failure::new(format!("`{name}` does not build and is {state}"))
                .problems(&function.problems, None);
            Err(match revision {
                Some(revision) => {
                    failure.hint(format!("callers get the last good revision, {}", short(revision)))
                }
                None => failure,
            })
        }
    }
}
