//! A response, and what a test asks it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Version};
use serde_json::Value;

/// A whole response.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The response, if it is a function's and a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status == 200 && self.header("x-doze-error").is_none(), "{self:?}");
        self
    }

    /// Whether a running instance served it, a spare, or a new process.
    #[track_caller]
    pub(crate) fn start(&self) -> &str {
        self.header("x-doze-start").unwrap_or_else(|| panic!("no x-doze-start: {self:?}"))
    }

    /// Why it is not the platform's error of that code, or `Ok`.
    pub(crate) fn is_error(&self, status: u16, code: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}, expected `{code}`: {self:?}"));
        if self.status != status || self.header("x-doze-error") != Some(code) {
            return wrong("another response");
        }
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            return wrong("a body that is no JSON");
        };
        let error = &body["error"];
        if error["code"] != code || error["message"].as_str().is_none_or(str::is_empty) {
            return wrong("another body");
        }
        match self.header("x-request-id") {
            Some(id) if error["requestId"] == id => Ok(()),
            _ => wrong("no request id"),
        }
    }

    /// The response, if it is the platform's error of that code.
    #[track_caller]
    pub(crate) fn error(self, status: u16, code: &str) -> Self {
        self.is_error(status, code).unwrap_or_else(|wrong| panic!("{wrong}"));
        self
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} {}", self.version, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {}", value.as_bytes().escape_ascii())?;
        }
        let shown = &self.body[..self.body.len().min(500)];
        write!(f, "  {} bytes: {}", self.body.len(), shown.escape_ascii())
    }
}
