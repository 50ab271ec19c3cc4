//! One request through a process that is no function yet, so that the first
//! real one finds everything loaded and compiled.

use std::io::{self, IoSlice};
use std::time::Duration;

use http::Method;
use tokio::time::timeout;

use super::link::Link;
use crate::http1;
use crate::http1::stream::Stream;

/// A spare that cannot answer its own warm-up in this time is of no use.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs one request through an unassigned process, and keeps the connection
/// for its first real one. To load `node:vm` is as much again as all the rest.
pub async fn warm_up(link: &Link, uses_vm: bool) -> io::Result<()> {
    let mut connection = link.connect_anew().await?;
    let request = format!(
        "GET http://doze.invalid/ HTTP/1.1\r\nhost: doze.invalid\r\nx-doze-token: {}\r\n\
         x-doze-warm: {}\r\n\r\n",
        link.token,
        if uses_vm { "vm" } else { "1" }
    );
    let answered = async {
        // A new socket has room for so little.
        connection.socket.try_write(&[IoSlice::new(request.as_bytes())])?;
        loop {
            let head =
                http1::head::take_response(&mut connection.incoming.bytes, 16 * 1024, &Method::GET);
            match head.map_err(io::Error::other)? {
                Some(head) if head.parts.status == http::StatusCode::NO_CONTENT => return Ok(()),
                Some(head) => {
                    let status = head.parts.status;
                    return Err(io::Error::other(format!("warm-up answered {status}")));
                }
                None if connection.incoming.read(&mut connection.socket).await? == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                None => {}
            }
        }
    };
    timeout(WARM_UP_TIMEOUT, answered).await??;
    link.keep_warmed(connection);
    Ok(())
}
