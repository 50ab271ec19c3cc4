//! The admin API as the verbs use it: a call goes out with the operator's
//! token, and an answer or a [`Failure`] that says what to do comes back.
//!
//! - [`wire`]: HTTP, and what it means that nobody answers
//! - [`token`]: where the operator's token is found
//! - [`call`]: one call

mod wire;
mod token;
mod call;

use std::io::{BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use ureq::Body;

use super::failure::Failure;
use crate::function::{FunctionName, Problem};
pub(super) use call::{Call, escape};
use token::Token;
pub(super) use wire::{Address, Wire};

/// Marks what the platform itself answers with an error, and names that.
pub(super) const ERROR_HEADER: &str = "x-doze-error";
/// Names a source that was run once, and its log.
pub(super) const INVOCATION_HEADER: &str = "x-doze-invocation";
/// Longest answer of the API that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// How a server is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ClientArgs {
    /// Address of the server's admin API
    #[arg(
        long,
        env = "DOZE_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    server: String,
    /// The operator's token; every user of this machine can read a command
    /// line, so better give it by the variable or the file
    #[arg(long, env = "DOZE_TOKEN", hide_env_values = true, value_name = "TOKEN", global = true)]
    token: Option<String>,
    /// File of the token, where none is given [default: admin-token in the
    /// server's data folder, `DOZE_DATA`]
    #[arg(long, env = "DOZE_ADMIN_TOKEN_FILE", value_name = "FILE", global = true)]
    admin_token_file: Option<PathBuf>,
    /// The server's data folder. Not `--data`, which is what a function is sent.
    #[arg(
        long,
        env = "DOZE_DATA",
        value_name = "FOLDER",
        default_value = "data",
        hide = true,
        global = true
    )]
    data_folder: PathBuf,
}

/// A server that is spoken to by its operator.
#[derive(Debug)]
pub(super) struct Client {
    wire: Wire,
    server: Address,
    token: Token,
}

/// An error as the API and the gateway write it.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    error: ErrorDetails,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorDetails {
    code: String,
    message: String,
    request_id: String,
    #[serde(default)]
    problems: Vec<Problem>,
}

impl Client {
    pub(super) fn open(args: &ClientArgs) -> Result<Self, Failure> {
        let server = Address::read(&args.server)?;
        Ok(Self { wire: Wire::new(), server, token: Token::find(args)? })
    }

    /// The dashboard, ready to be opened.
    pub(super) fn dashboard(&self) -> String {
        format!("{}/#token={}", self.server, self.token.in_url())
    }

    /// What is answered, as JSON; null for an answer without a body.
    pub(super) fn call(&self, call: Call) -> Result<Value, Failure> {
        let response = self.send(call)?;
        let status = response.status();
        let body = self.read(response)?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| self.not_doze(status))
    }

    /// What is answered piece by piece, for as long as it goes on.
    pub(super) fn stream(&self, call: Call) -> Result<BufReader<impl Read>, Failure> {
        let body = self.send(call)?.into_body();
        Ok(BufReader::new(body.into_with_config().limit(u64::MAX).reader()))
    }

    /// The answer itself, unless the API has refused the call.
    pub(super) fn send(&self, call: Call) -> Result<Response<Body>, Failure> {
        let function = call.function.clone();
        let folder = call.folder.clone();
        let request = call.into_request(&self.server, &self.token)?;
        let response = self.wire.send(request, &self.server)?;
        let status = response.status();
        let is_error = response.headers().contains_key(ERROR_HEADER);
        if !is_error && status.is_success() {
            return Ok(response);
        }
        let has = |name| response.headers().contains_key(name);
        // A function's own answer, or what became of a run, however it went.
        if (!is_error && has("x-doze-start")) || has(INVOCATION_HEADER) {
            return Ok(response);
        }
        let body = self.read(response)?;
        let Ok(ErrorBody { error }) = serde_json::from_slice::<ErrorBody>(&body) else {
            return Err(self.not_doze(status));
        };
        Err(self.explain(status, error, function.as_ref(), folder.as_deref()))
    }

    fn explain(
        &self,
        status: StatusCode,
        error: ErrorDetails,
        function: Option<&FunctionName>,
        folder: Option<&Path>,
    ) -> Failure {
        if status == StatusCode::UNAUTHORIZED {
            return self.token.refused(&self.server);
        }
        match (function, &*error.code) {
            (Some(name), "function_not_found") => return self.unknown_function(name),
            // Nothing here was about a function: it takes the path for one.
            (None, "function_not_found") => return self.gateway_instead(),
            _ => {}
        }
        let failure = Failure::new(error.message).problems(&error.problems, folder);
        if status.is_server_error() {
            return failure.hint(format!("the server's log has more at {}", error.request_id));
        }
        failure
    }

    /// Says that there is no such function, and which one may have been meant.
    pub(super) fn unknown_function(&self, name: &FunctionName) -> Failure {
        let list = match self.call(Call::get("/api/functions")) {
            Ok(list) => list,
            // Then that is what has to be mended first.
            Err(failure) => return failure,
        };
        let list = list["functions"].as_array().map_or(&[][..], Vec::as_slice);
        let names = list.iter().filter_map(|function| function["name"].as_str());
        let failure = Failure::new(format!("there is no function `{name}`"));
        match nearest(name.as_str(), names) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None => failure.hint("`doze list` shows those that there are"),
        }
    }

    fn gateway_instead(&self) -> Failure {
        Failure::new(format!("{} is a gateway, where functions answer", self.server))
            .hint("name the address of doze's admin API with --server (DOZE_SERVER)")
    }

    /// Where functions answer, as `http://host:port`.
    pub(super) fn gateway(&self) -> Result<String, Failure> {
        let server = self.call(Call::get("/api/server"))?;
        let address = server["gateway"]["address"].as_str().and_then(|text| text.parse().ok());
        let Some(address) = address else { return Err(self.not_doze(StatusCode::OK)) };
        Ok(format!("http://{}", reachable(address, self.server.host())))
    }

    fn read(&self, response: Response<Body>) -> Result<Vec<u8>, Failure> {
        let body = response.into_body().into_with_config().limit(LONGEST).read_to_vec();
        body.map_err(|error| wire::unanswered(&error, &self.server))
    }

    fn not_doze(&self, status: StatusCode) -> Failure {
        Failure::new(format!("{} answered {status}, and not as doze does", self.server))
            .hint("name the address of doze's admin API with --server (DOZE_SERVER)")
    }
}

/// Who listens on every address is reached where the admin API was reached.
fn reachable(gateway: SocketAddr, host: &str) -> String {
    match gateway.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("{host}:{}", gateway.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("{host}:{}", gateway.port()),
        _ => gateway.to_string(),
    }
}

/// The name that was most likely meant, if there is one.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// From here on a similarity is one.
    const SIMILAR: f64 = 0.75;
    let likeness = |name: &'a str| (strsim::jaro_winkler(wanted, name), name);
    let best = names.into_iter().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness >= SIMILAR).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_may_have_been_meant() {
        let names = ["hello", "weather", "ada/greet"];
        assert_eq!(nearest("helo", names), Some("hello"));
        assert_eq!(nearest("ada/gret", names), Some("ada/greet"));
        assert_eq!(nearest("zzz", names), None);
        assert_eq!(nearest("hello", []), None);
    }

    #[test]
    fn a_gateway_that_listens_everywhere_is_reached_where_the_server_was() {
        for (gateway, url) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("0.0.0.0:9000", "box.example:9000"),
            ("[::]:9000", "box.example:9000"),
            ("[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(reachable(gateway.parse().unwrap(), "box.example"), url);
        }
    }
}
