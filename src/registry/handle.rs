//! What the operator can order the running registry to do.
//!
//! The admin API sees the service through this and nothing else. Orders are
//! carried out on the service's own thread, between two looks.

use tokio::sync::mpsc;

/// The operator's side of a running registry. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    _commands: mpsc::UnboundedSender<Command>,
}

/// The service's side.
#[derive(Debug)]
pub struct Commands(mpsc::UnboundedReceiver<Command>);

/// One order.
#[derive(Debug)]
pub(super) enum Command {}

/// The two sides of a registry's orders.
pub fn handle() -> (Handle, Commands) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Handle { _commands: sender }, Commands(receiver))
}

impl Commands {
    /// The next order. May be cancelled. Never completes once nobody can give
    /// one any more.
    pub(super) async fn next(&mut self) -> Command {
        match self.0.recv().await {
            Some(command) => command,
            None => std::future::pending().await,
        }
    }
}
