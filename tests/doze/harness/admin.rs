//! The operator's side: the admin API with its token.

use super::Request;

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

    /// A call about one function: `rest` comes after its name.
    pub(crate) fn function(&self, method: &str, name: &str, rest: &str) -> Request {
        self.request(method, &format!("/api/functions/{}{rest}", name.replace('/', "%2F")))
    }
}
