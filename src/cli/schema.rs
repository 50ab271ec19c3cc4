//! `doze schema`: the JSON Schema of `registry.json`.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::function::manifest;

pub(super) fn run() -> ExitCode {
    match io::stdout().write_all(manifest::schema_text().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has gone.
        Err(_) => ExitCode::FAILURE,
    }
}
