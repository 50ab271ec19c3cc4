//! What a function answered: its body on standard output, how it went on
//! standard error.

use std::io::{IsTerminal, Read, Write};
use std::time::Instant;

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use ureq::Body;

use super::super::client::{Client, ERROR_HEADER};
use super::super::failure::Failure;
use super::super::output::{self, FAINT, paint};
use crate::function::FunctionName;

/// Prints an answer. Fails where it is an error, the function's or the platform's.
pub(super) fn show(
    response: Response<Body>,
    began: Instant,
    as_json: bool,
    called: Option<(&Client, &FunctionName)>,
) -> Result<(), Failure> {
    let (head, body) = response.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let mut body = body.into_with_config().limit(u64::MAX).reader();
    let broke = |error| Failure::because("the answer broke off", &error);
    if let Some(code) = header(ERROR_HEADER) {
        let mut text = Vec::new();
        body.read_to_end(&mut text).map_err(broke)?;
        let error: Value = serde_json::from_slice(&text).unwrap_or_default();
        let message = error["error"]["message"].as_str().unwrap_or("the gateway refused");
        return Err(explain(code, message, called));
    }
    let start = header("x-doze-start").unwrap_or("no process");
    let went =
        format!("{}, {start}, {}", head.status, output::seconds(began.elapsed().as_secs_f64()));
    if std::io::stderr().is_terminal() {
        output::say(paint(FAINT, &went));
    }
    if as_json {
        let mut text = Vec::new();
        body.read_to_end(&mut text).map_err(broke)?;
        let mut headers = Map::new();
        for (name, value) in &head.headers {
            headers.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into());
        }
        let text = serde_json::from_slice(&text)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&text)));
        output::json(&json!({ "status": head.status.as_u16(), "headers": headers, "body": text }))?;
    } else {
        copy(&mut body, broke)?;
    }
    if is_error(head.status) {
        return Err(Failure::new(format!("the function answered {}", head.status)));
    }
    Ok(())
}

/// Passes a body on as it comes.
fn copy(body: &mut impl Read, broke: impl Fn(std::io::Error) -> Failure) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let (mut chunk, mut last) = (vec![0; 64 << 10], b'\n');
    loop {
        let read = body.read(&mut chunk).map_err(&broke)?;
        let Some(end) = chunk[..read].last() else { break };
        last = *end;
        stdout.write_all(&chunk[..read])?;
        stdout.flush()?;
    }
    // The shell's prompt should not stand behind the answer.
    if last != b'\n' && stdout.is_terminal() {
        writeln!(stdout)?;
    }
    Ok(())
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// What the platform's error means, and where to look.
fn explain(code: &str, message: &str, called: Option<(&Client, &FunctionName)>) -> Failure {
    let failure = Failure::new(format!("{message} ({code})"));
    let Some((client, name)) = called else { return failure };
    match code {
        "function_not_found" => client.unknown_function(name),
        "unauthorized" => failure.hint(format!(
            "make a token with `doze token {name} create` and send it with \
             -H 'authorization: Bearer …'"
        )),
        "function_broken" => failure.hint(format!("`doze show {name}` lists its problems")),
        "function_error" | "function_crashed" | "start_failed" | "crash_looping"
        | "invocation_timeout" => failure.hint(format!("`doze logs {name}` says more")),
        _ => failure,
    }
}
