//! Work that blocks, on a thread of its own.

use std::io;
use std::sync::OnceLock;

use tokio::sync::{Semaphore, oneshot};

use super::reply::ApiError;

/// Such threads at once. Each may hold an archive in memory.
const AT_ONCE: usize = 4;

/// Does work that blocks without holding up others.
pub(super) async fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    static PLACES: OnceLock<Semaphore> = OnceLock::new();
    let places = PLACES.get_or_init(|| Semaphore::new(AT_ONCE));
    let failed = |error: io::Error| ApiError::internal(&error);
    let _place = places.acquire().await.map_err(|error| failed(io::Error::other(error)))?;
    let (answer, done) = oneshot::channel();
    let work = move || {
        // Nobody may be waiting any more.
        let _ = answer.send(work());
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(failed)?;
    done.await.map_err(|gone| failed(io::Error::other(gone)))
}
