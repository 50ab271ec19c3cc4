//! The command line: a file per verb.
//!
//! - servers: `serve`, `health`
//! - what needs no server: `new`, `check`, `completions`
//! - what speaks to a running one by its admin API: the others, through
//!   `client`
//!
//! What a verb has found out goes to standard output and what it says to
//! standard error (`output`); what went wrong is a `failure`, which says what
//! to do about it.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Config, ServerArgs, Services};

mod serve;
mod health;
mod schema;

mod new;
mod check;
mod completions;

mod deploy;
mod list;
mod show;
mod invoke;
mod logs;
mod rollback;
mod refresh;
mod remove;
mod instances;
mod token;
mod secret;
mod open;

mod client;
mod manifest;
mod view;
mod ask;
mod output;
mod failure;

/// A self-hosted function platform: drop a folder, it answers HTTP.
#[derive(Debug, Parser)]
#[command(name = "doze", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a folder with a function to begin with
    New(new::NewArgs),
    /// Build and validate folders without a server
    Check(check::CheckArgs),
    /// Put a function on the server, and wait until it is live
    Deploy(deploy::DeployArgs),
    /// List the functions
    List(list::ListArgs),
    /// Show all about one function
    Show(show::ShowArgs),
    /// Call a function, or run source once
    Invoke(invoke::InvokeArgs),
    /// Show what a function wrote, and what happened to it
    Logs(logs::LogsArgs),
    /// Go back to an earlier revision
    Rollback(rollback::RollbackArgs),
    /// Look at a function's folder and build it now
    Refresh(refresh::RefreshArgs),
    /// Remove a function and its folder
    Remove(remove::RemoveArgs),
    /// List the processes that run
    Instances(instances::InstancesArgs),
    /// Say who may call a function whose `auth` is "token"
    Token(token::TokenArgs),
    /// Hold values that functions see and nobody reads back
    Secret(secret::SecretArgs),
    /// Print the dashboard's link
    Open(open::OpenArgs),
    /// Run both services in one program
    Up(ServerArgs),
    /// Watch `registry_in`, bundle each folder and publish it
    Registry(ServerArgs),
    /// Serve what is published
    Execution(ServerArgs),
    /// Print the JSON Schema of `registry.json`, for editors
    Schema,
    /// Say whether a service is alive, by the exit code
    Health(health::HealthArgs),
    /// Print what a shell needs to complete this command line
    Completions(completions::CompletionsArgs),
}

/// A mistake in the configuration (`EX_USAGE` of `sysexits.h`).
const EXIT_CONFIG: u8 = 64;

/// Does what the command line says. The exit code is 0, 1 (failed), 2 (usage)
/// or 64 (a server's configuration).
pub fn run() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Up(args) => return serve(Services::Both, args),
        Verb::Registry(args) => return serve(Services::Registry, args),
        Verb::Execution(args) => return serve(Services::Execution, args),
        Verb::Schema => return schema::run(),
        Verb::Health(args) => return health::run(&args),
        Verb::New(args) => new::run(&args),
        Verb::Check(args) => check::run(&args),
        Verb::Completions(args) => completions::run(&args, Cli::command()),
        Verb::Deploy(args) => deploy::run(&args),
        Verb::List(args) => list::run(&args),
        Verb::Show(args) => show::run(&args),
        Verb::Invoke(args) => invoke::run(&args),
        Verb::Logs(args) => logs::run(&args),
        Verb::Rollback(args) => rollback::run(&args),
        Verb::Refresh(args) => refresh::run(&args),
        Verb::Remove(args) => remove::run(&args),
        Verb::Instances(args) => instances::run(&args),
        Verb::Token(args) => token::run(&args),
        Verb::Secret(args) => secret::run(&args),
        Verb::Open(args) => open::run(&args),
    };
    done.map_or_else(failure::Failure::report, |()| ExitCode::SUCCESS)
}

fn serve(services: Services, args: ServerArgs) -> ExitCode {
    match Config::new(args, services) {
        Ok(config) => serve::run(services, &config),
        Err(errors) => {
            eprintln!("doze: the configuration is not valid:\n{errors}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
