//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ServerArgs, Services};

mod health;
mod schema;
mod serve;

/// A self-hosted function platform: drop a folder, it answers HTTP.
#[derive(Debug, Parser)]
#[command(name = "doze", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
}

/// A mistake in the configuration (`EX_USAGE` of `sysexits.h`).
const EXIT_CONFIG: u8 = 64;

/// Does what the command line says. The exit code is 0, 1 (failed), 2 (usage)
/// or 64 (configuration).
pub fn run() -> ExitCode {
    let (services, args) = match Cli::parse().verb {
        Verb::Up(args) => (Services::Both, args),
        Verb::Registry(args) => (Services::Registry, args),
        Verb::Execution(args) => (Services::Execution, args),
        Verb::Schema => return schema::run(),
        Verb::Health(args) => return health::run(&args),
    };
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
