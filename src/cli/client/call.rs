//! One call of the admin API.

use std::fmt::Write;
use std::path::PathBuf;

use http::{HeaderValue, Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::token::Token;
use super::{Address, Failure};
use crate::function::FunctionName;

/// What need not be escaped in a part of a path or of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is to be asked or done.
#[derive(Debug)]
pub(in crate::cli) struct Call {
    method: Method,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    /// Whom it is about, so that another can be proposed where there is none.
    pub(super) function: Option<FunctionName>,
    /// Where the files lie whose problems may be told.
    pub(super) folder: Option<PathBuf>,
}

impl Call {
    pub(in crate::cli) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            target: path.to_owned(),
            headers: Vec::new(),
            body: None,
            function: None,
            folder: None,
        }
    }

    pub(in crate::cli) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// A call about a function: `rest` follows its name in the path.
    pub(in crate::cli) fn of(name: &FunctionName, method: Method, rest: &str) -> Self {
        // An owner's function is one segment here.
        let path = format!("/api/functions/{}{rest}", escape(name.as_str()));
        Self { function: Some(name.clone()), ..Self::new(method, &path) }
    }

    /// Adds to the query.
    #[must_use]
    pub(in crate::cli) fn query(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        let _ = write!(self.target, "{name}={}", escape(value));
        self
    }

    /// Adds to the query what is there.
    #[must_use]
    pub(in crate::cli) fn query_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    #[must_use]
    pub(in crate::cli) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(in crate::cli) fn body(self, content_type: &str, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self.header("content-type", content_type) }
    }

    #[must_use]
    pub(in crate::cli) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string().into_bytes())
    }

    #[must_use]
    pub(in crate::cli) fn folder(self, folder: Option<PathBuf>) -> Self {
        Self { folder, ..self }
    }

    pub(super) fn into_request(
        self,
        server: &Address,
        token: &Token,
    ) -> Result<Request<Option<Vec<u8>>>, Failure> {
        let mut request =
            Request::builder().method(self.method).uri(format!("{server}{}", self.target));
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let authorization = HeaderValue::try_from(token.header()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let request = match authorization {
            Ok(value) => request.header(header::AUTHORIZATION, value),
            Err(_) => return Err(Failure::usage("the token holds characters that no token has")),
        };
        request.body(self.body).map_err(|error| Failure::because("the call cannot be made", &error))
    }
}

/// A text as one part of a path or of a query.
pub(in crate::cli) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_s_function_is_one_segment_of_the_path() {
        let name: FunctionName = "ada/hello.v2".parse().unwrap();
        let call = Call::of(&name, Method::GET, "/logs").query("tail", "5").query("q", "a b&c");
        assert_eq!(call.target, "/api/functions/ada%2Fhello.v2/logs?tail=5&q=a%20b%26c");
    }
}
