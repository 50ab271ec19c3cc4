//! When the operator wants the server to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal as listen};

/// Completes with the first SIGTERM, SIGINT or SIGHUP. Further ones change
/// nothing: the drain has an end of its own.
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hang_up.recv() => "SIGHUP",
        };
        tracing::info!(signal = name, "shutting down");
    })
}
