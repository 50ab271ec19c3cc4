//! The operator's side: the admin API with its token.

use serde_json::Value;

use super::{Request, Response};

/// A way to one server's admin API.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    address: String,
    token: String,
}

impl Admin {
    pub(crate) fn new(address: String, token: String) -> Self {
        Self { address, token }
    }

    /// Where it listens, `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A request with the operator's token, sent when it is awaited.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        self.anonymous(method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    /// A request of somebody who has no token.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Request {
        Request::new(&self.address, method, path)
    }

    /// A GET.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A POST of JSON.
    #[expect(clippy::needless_pass_by_value, reason = "it takes what `json!` makes")]
    pub(crate) fn post(&self, path: &str, body: Value) -> Request {
        let request = self.request("POST", path).header("content-type", "application/json");
        request.body(body.to_string())
    }

    /// A call about one function: `rest` comes after its name.
    pub(crate) fn function(&self, method: &str, name: &str, rest: &str) -> Request {
        self.request(method, &format!("/api/functions/{}{rest}", name.replace('/', "%2F")))
    }

    /// Sends a function as a body of that type.
    pub(crate) fn put(&self, name: &str, kind: &str, body: impl Into<bytes::Bytes>) -> Request {
        self.function("PUT", name, "").header("content-type", kind).body(body)
    }

    /// Deploys one file of TypeScript, and waits until it is live.
    pub(crate) async fn deploy(&self, name: &str, source: &str) -> Response {
        self.put(name, "text/typescript", source.to_owned()).await
    }
}
