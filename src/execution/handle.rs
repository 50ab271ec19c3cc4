//! What the operator can ask of the running server, and order it to do.
//!
//! The admin API sees the server through this and nothing else.

mod secrets;
mod tokens;

use std::sync::Arc;

use super::fleet::Fleet;
use super::gateway::Gateway;

/// The operator's side of a running server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    gateway: Arc<Gateway>,
    fleet: Arc<Fleet>,
}

impl Handle {
    pub(super) fn new(gateway: Arc<Gateway>, fleet: Arc<Fleet>) -> Self {
        Self { gateway, fleet }
    }
}
