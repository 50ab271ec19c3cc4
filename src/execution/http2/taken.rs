//! Bodies whose clients take nothing of them.
//!
//! Over HTTP/2 a body is not asked for more until its client has room for it,
//! and nobody can be told to ask. So each body is shared with its connection,
//! which takes it away from a client that has not asked for too long. What it
//! holds, a lease above all, is given back with it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep};

/// The bodies of one connection.
#[derive(Debug)]
pub(super) struct Bodies<B>(Mutex<Vec<Weak<Mutex<Shared<B>>>>>);

/// A body that its connection may take away.
#[derive(Debug)]
pub(super) struct Taken<B>(Arc<Mutex<Shared<B>>>);

#[derive(Debug)]
struct Shared<B> {
    /// Gone once it has been taken away.
    body: Option<B>,
    /// Since when it is the client's turn: what there was has been handed out.
    offered: Option<Instant>,
}

impl<B> Default for Bodies<B> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<B> Bodies<B> {
    /// Shares a body.
    pub(super) fn share(&self, body: B) -> Taken<B> {
        // Until it is asked for at all, it is the client's turn as well.
        let offered = Some(Instant::now());
        let shared = Arc::new(Mutex::new(Shared { body: Some(body), offered }));
        let mut bodies = lock(&self.0);
        // Those that have ended are forgotten, at no price for each.
        if bodies.len() == bodies.capacity() {
            bodies.retain(|body| body.strong_count() > 0);
        }
        bodies.push(Arc::downgrade(&shared));
        Taken(shared)
    }

    /// Takes away what nobody has taken anything of for so long, again and
    /// again.
    pub(super) async fn watch(&self, limit: Duration) {
        loop {
            sleep(limit / 4).await;
            let now = Instant::now();
            let mut late = Vec::new();
            lock(&self.0).retain(|body| {
                let Some(shared) = body.upgrade() else { return false };
                let mut shared = lock(&shared);
                if shared.offered.is_some_and(|since| now.duration_since(since) >= limit) {
                    late.push(shared.body.take());
                }
                shared.body.is_some()
            });
            // Outside of the locks: much may hang on it.
            drop(late);
        }
    }
}

impl<B> Body for Taken<B>
where
    B: Body<Data = Bytes, Error = io::Error> + Unpin,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut shared = lock(&self.0);
        let Some(body) = &mut shared.body else {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        };
        let frame = Pin::new(body).poll_frame(context);
        // While there is nothing to hand out, it is the function's turn.
        shared.offered = frame.is_ready().then(Instant::now);
        frame
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use http_body_util::channel::Channel;

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_body_goes_when_its_client_takes_nothing_and_stays_while_its_function_is_slow() {
        let bodies = Bodies::default();
        let (mut to_slow, slow) = Channel::<Bytes, io::Error>::new(9);
        let (mut to_left, left) = Channel::<Bytes, io::Error>::new(9);
        let (mut slow, mut left) = (bodies.share(slow), bodies.share(left));
        for sender in [&mut to_slow, &mut to_left] {
            sender.send_data(Bytes::from_static(b"one")).await.unwrap();
        }
        assert_eq!(slow.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        assert_eq!(left.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        let late = tokio::time::timeout(LIMIT * 9, slow.frame());
        tokio::select! {
            _ = late => {}
            () = bodies.watch(LIMIT) => unreachable!(),
        }
        assert!(to_left.send_data(Bytes::from_static(b"two")).await.is_err(), "nobody has it");
        assert!(left.frame().await.unwrap().is_err(), "it does not look complete");
        to_slow.send_data(Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(slow.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    }
}
