//! HTTP/1 as bytes: strict reading, exact framing, for both sides of a proxy.
//!
//! A proxy that reads a message more kindly than the server behind it can be
//! made to forward two requests where it saw one. So whatever is ambiguous is
//! refused here: bare line feeds, a length beside a transfer coding, two
//! lengths, several hosts, unknown codings.
//!
//! - [`head`]: request and response heads
//! - [`body`]: where a body ends
//! - [`outgoing`]: a body on its way to a socket
//! - [`stream`]: the few socket calls that all of this needs
//!
//! This module knows nothing about functions or instances.

pub mod head;
pub mod body;
pub mod outgoing;
pub mod stream;
