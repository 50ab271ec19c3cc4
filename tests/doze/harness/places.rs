//! How many beds there are at once.

use std::sync::OnceLock;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Every bed runs a server with processes below it. More of them at once than
/// there are cores make each other late and nothing faster.
fn places() -> &'static (Semaphore, u32) {
    static PLACES: OnceLock<(Semaphore, u32)> = OnceLock::new();
    PLACES.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        (Semaphore::new(cores), u32::try_from(cores).expect("cores are few"))
    })
}

/// A place for one bed, or every place for one that must be alone. A test has one
/// bed at a time: two tests that waited for their second would wait for ever.
pub(super) async fn take(alone: bool) -> SemaphorePermit<'static> {
    let (places, all) = places();
    let wanted = if alone { *all } else { 1 };
    places.acquire_many(wanted).await.expect("never closed")
}
