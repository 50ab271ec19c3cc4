//! HTTP as a client speaks it, and what it means that nobody answers.

use std::fmt;
use std::io;
use std::time::Duration;

use http::{Request, Response, Uri};
use ureq::config::AutoHeaderValue;
use ureq::{Agent, Body};

use super::Failure;

/// How long a machine may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Sends requests.
#[derive(Debug)]
pub(in crate::cli) struct Wire(Agent);

impl Wire {
    pub(in crate::cli) fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("doze/", env!("CARGO_PKG_VERSION")))
            // What a function answers is shown as it answers it.
            .accept_encoding(AutoHeaderValue::None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // It is the operator's own server, most often on this machine.
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// The answer of whoever is at `server`.
    pub(in crate::cli) fn send(
        &self,
        request: Request<Option<Vec<u8>>>,
        server: &Address,
    ) -> Result<Response<Body>, Failure> {
        let (parts, body) = request.into_parts();
        let answer = match body {
            Some(body) => self.0.run(Request::from_parts(parts, body)),
            None => self.0.run(Request::from_parts(parts, ())),
        };
        answer.map_err(|error| unanswered(&error, server))
    }
}

/// Why there is no answer, and what to do about it.
pub(super) fn unanswered(error: &ureq::Error, server: &Address) -> Failure {
    match error {
        ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => Failure::new(
            format!("nothing listens at {server}"),
        )
        .hint("start the server with `doze up`, or name another with --server (DOZE_SERVER)"),
        ureq::Error::HostNotFound => Failure::new(format!("there is no host `{}`", server.host()))
            .hint("name the server with --server (DOZE_SERVER)"),
        error => Failure::because(format!("{server} did not answer"), error),
    }
}

/// A server's address, `http://host:port`.
#[derive(Debug)]
pub(in crate::cli) struct Address {
    scheme: String,
    authority: http::uri::Authority,
}

impl Address {
    /// Reads one. `http://` may be left out.
    pub(in crate::cli) fn read(text: &str) -> Result<Self, Failure> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let parts = whole.trim_end_matches('/').parse::<Uri>().map(Uri::into_parts).ok();
        let address = parts.and_then(|parts| {
            let scheme = parts.scheme.filter(|s| matches!(s.as_str(), "http" | "https"))?;
            let authority = parts.authority.filter(|authority| !authority.host().is_empty())?;
            let has_path = parts.path_and_query.is_some_and(|path| path.as_str() != "/");
            (!has_path).then(|| Self { scheme: scheme.to_string(), authority })
        });
        address.ok_or_else(|| {
            Failure::usage(format!("`{text}` is not the address of a server"))
                .hint("expected one such as http://127.0.0.1:8080")
        })
    }

    pub(super) fn host(&self) -> &str {
        self.authority.host()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_with_or_without_a_scheme() {
        for (text, uri) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://doze.example/", "https://doze.example"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), uri);
        }
        for text in ["", "http://", "ftp://a", "http://a/path", "http://a?b", "a b"] {
            assert!(Address::read(text).is_err(), "{text:?} was accepted");
        }
    }
}
