//! `doze rollback`: go back to an earlier revision.

use clap::Args;
use http::Method;
use serde_json::json;

use super::client::{Call, Client, ClientArgs};
use super::failure::Failure;
use super::output::{self, ReadArgs};
use super::view::{self, Published, Revision, short};
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// The function's name
    name: FunctionName,
    /// The revision, or as much of it as makes it the only one [default: the
    /// one before the live one]
    revision: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) fn run(args: &RollbackArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let name = &args.name;
    let order = match &args.revision {
        Some(text) => {
            let kept = client.call(Call::of(name, Method::GET, "/revisions"))?;
            let kept: Vec<Revision> = view::read_list(&kept, "revisions")?;
            json!({ "revision": find(&kept, text)? })
        }
        None => json!({}),
    };
    let answer = client.call(Call::of(name, Method::POST, "/rollback").json(&order))?;
    let function: Published = view::read(&answer)?;
    if args.read.json {
        output::json(&answer)?;
    }
    let now = function.revision();
    output::say(format_args!(
        "`{name}` is back at {now} until its folder changes; `doze refresh {name}` ends that"
    ));
    Ok(())
}

/// The one kept revision that begins with this.
fn find<'a>(kept: &'a [Revision], text: &str) -> Result<&'a str, Failure> {
    let mut fitting = kept.iter().map(|kept| &*kept.id).filter(|kept| kept.starts_with(text));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (first, _) => {
            let kept: Vec<_> = kept.iter().map(|kept| short(&kept.id)).collect();
            let which = if first.is_none() { "no revision" } else { "more than one revision" };
            Err(Failure::new(format!("{which} that is kept begins with `{text}`"))
                .hint(format!("newest first, there are {}", kept.join(", "))))
        }
    }
}
