//! A request as it came, by whatever protocol.

use std::sync::Arc;

use http::request;

use crate::http1::body::Framing;

/// A request of any protocol, with who sent it.
///
/// It stays where it was made and is lent to those who answer it. Given away,
/// it would be copied into each of their futures, which are copied themselves.
#[derive(Debug)]
pub struct Inbound<B> {
    /// Its head.
    pub parts: request::Parts,
    /// Its body; `None` where the framing says that there is none, and once it
    /// is on its way to a function.
    pub body: Option<B>,
    /// Where the body ends.
    pub framing: Framing,
    /// The address of who sent it.
    pub client: Arc<str>,
}
