//! `doze token`: who may call a function whose `auth` is `"token"`.

use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::client::{Call, Client, ClientArgs, escape};
use super::failure::Failure;
use super::manifest;
use super::output::{self, ReadArgs};
use super::view;
use crate::function::FunctionName;

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The function's name
    name: FunctionName,
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make one and print it, once
    Create {
        /// Who gets it
        #[arg(long)]
        label: Option<String>,
        /// Let nobody in without one from now on: writes `"auth": "token"` into
        /// its `registry.json`
        #[arg(long)]
        protect: bool,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Those that there are, by how they begin
    List {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Take one back
    Revoke {
        /// Its id, as `list` shows it
        id: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: String,
    prefix: String,
    label: Option<String>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Created {
    token: String,
}

pub(super) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let client = Client::open(&args.client)?;
    let name = &args.name;
    match &args.verb {
        Verb::Create { label, protect, read } => {
            if *protect {
                manifest::demand_token(&client, name)?;
            }
            let order = label.as_ref().map_or_else(|| json!({}), |label| json!({ "label": label }));
            let answer = client.call(Call::of(name, Method::POST, "/tokens").json(&order))?;
            output::say("this token is shown once: callers send it as `authorization: Bearer …`");
            if manifest::is_open(&client, name) {
                output::say(format_args!(
                    "`{name}` answers without it as well; `--protect` changes that"
                ));
            }
            if read.json {
                return output::json(&answer);
            }
            output::line(view::read::<Created>(&answer)?.token)
        }
        Verb::List { read } => list(&client, name, read),
        Verb::Revoke { id } => {
            let path = format!("/tokens/{}", escape(id));
            client.call(Call::of(name, Method::DELETE, &path))?;
            output::say(format_args!("{id} is revoked"));
            Ok(())
        }
    }
}

fn list(client: &Client, name: &FunctionName, read: &ReadArgs) -> Result<(), Failure> {
    let answer = client.call(Call::of(name, Method::GET, "/tokens"))?;
    if read.json {
        return output::json(&answer);
    }
    let tokens: Vec<Token> = view::read_list(&answer, "tokens")?;
    if tokens.is_empty() {
        output::say(format_args!("no tokens yet; `doze token {name} create` makes one"));
        return Ok(());
    }
    let mut table = output::table(&["ID", "TOKEN", "LABEL", "CREATED", "LAST USED"]);
    for token in tokens {
        table.add_row([
            token.id,
            format!("{}…", token.prefix),
            token.label.map_or_else(|| "-".to_owned(), |label| output::plain(&label)),
            output::ago(token.created_at),
            token.last_used_at.map_or_else(|| "never".to_owned(), output::ago),
        ]);
    }
    output::print_table(&table)
}
