//! `doze secret`: values that the operator holds and functions see.

use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::ask;
use super::client::{Call, Client, ClientArgs, escape};
use super::failure::Failure;
use super::manifest;
use super::output::{self, ReadArgs};
use super::view;
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct SecretArgs {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set one: its value is read from standard input, or asked for without
    /// being shown
    Set {
        /// The name that functions ask for under `secrets`
        name: String,
        /// A function that is to see it; its `registry.json` is changed where
        /// it does not ask for it
        #[arg(long = "for", value_name = "FUNCTION")]
        functions: Vec<FunctionName>,
    },
    /// The names, and who asks for them; never a value
    List {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Remove one
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    name: String,
    updated_at: Timestamp,
    used_by: Vec<String>,
}

pub(super) fn run(args: &SecretArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    match &args.verb {
        Verb::Set { name, functions } => {
            let value = ask::secret(&format!("Value of {name}"))?;
            if value.is_empty() {
                return Err(Failure::new("the value is empty; nothing was set"));
            }
            client.call(one(Method::PUT, name).json(&json!({ "value": value })))?;
            output::say(format_args!("{name} is set"));
            functions.iter().try_for_each(|one| manifest::name_secret(&client, one, name))
        }
        Verb::List { read } => list(&client, read),
        Verb::Remove { name } => {
            client.call(one(Method::DELETE, name))?;
            output::say(format_args!("{name} is gone"));
            Ok(())
        }
    }
}

fn one(method: Method, name: &str) -> Call {
    Call::new(method, &format!("/api/secrets/{}", escape(name)))
}

fn list(client: &Client, read: &ReadArgs) -> Result<(), Failure> {
    let answer = client.call(Call::get("/api/secrets"))?;
    if read.json {
        return output::json(&answer);
    }
    let secrets: Vec<Secret> = view::read_list(&answer, "secrets")?;
    if secrets.is_empty() {
        output::say("no secrets yet; `doze secret set NAME` makes one");
        return Ok(());
    }
    let mut table = output::table(&["NAME", "SET", "USED BY"]);
    for secret in &secrets {
        let used_by =
            if secret.used_by.is_empty() { "-".to_owned() } else { secret.used_by.join(", ") };
        table.add_row([secret.name.clone(), output::ago(secret.updated_at), used_by]);
    }
    output::print_table(&table)
}
