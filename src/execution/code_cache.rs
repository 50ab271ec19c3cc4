//! What V8 makes of a bundle, kept for the next start of the same revision.
//!
//! V8 runs a code cache as it finds it: who could write one could make a
//! process do anything, past Deno's permissions. So it is V8's alone. A process
//! makes it of the code before anything of that code has run, and the server
//! takes none later (`control.rs`). It lies in this server's memory, at the
//! deployment that it was made of, and can reach no other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bytes that one may have. V8's is half as large as the code.
pub const MAX_CACHE: usize = 8 << 20;
/// Bytes that all may have together. One beyond it is made again when its
/// function starts the next time.
pub const MAX_ALL: usize = 64 << 20;

/// A deployment's, once it has been made.
#[derive(Debug, Default)]
pub struct CodeCache(Mutex<Option<Arc<[u8]>>>);

impl CodeCache {
    /// What there is of it.
    pub fn get(&self) -> Option<Arc<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is of no use.
    pub fn forget(&self) {
        self.set(None);
    }

    fn set(&self, bytes: Option<Arc<[u8]>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    fn size(&self) -> usize {
        self.get().map_or(0, |bytes| bytes.len())
    }
}

/// All of them, oldest first. They belong to their deployments and end with
/// them; this only bounds their sum.
#[derive(Debug)]
pub struct CodeCaches {
    room: usize,
    kept: Mutex<VecDeque<Weak<CodeCache>>>,
}

impl CodeCaches {
    /// None yet, and room for so many bytes.
    pub fn new(room: usize) -> Self {
        Self { room, kept: Mutex::default() }
    }

    /// Keeps what V8 has made, in place of the oldest if there is no room.
    pub fn keep(&self, cache: &Arc<CodeCache>, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        cache.set(Some(bytes.into()));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Arc::downgrade(cache));
        let mut sum = 0;
        // The newest have the first claim.
        let mut left: VecDeque<Weak<CodeCache>> = VecDeque::new();
        for weak in kept.drain(..).rev() {
            let Some(one) = weak.upgrade().filter(|one| one.size() > 0) else { continue };
            // It was made once more since.
            if left.iter().any(|other| other.ptr_eq(&weak)) {
                continue;
            }
            sum += one.size();
            if sum > self.room {
                one.forget();
            } else {
                left.push_front(weak);
            }
        }
        *kept = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(caches: &CodeCaches, bytes: usize) -> Arc<CodeCache> {
        let cache = Arc::default();
        caches.keep(&cache, vec![1; bytes]);
        cache
    }

    fn sizes(all: &[&Arc<CodeCache>]) -> Vec<usize> {
        all.iter().map(|cache| cache.size()).collect()
    }

    #[test]
    fn the_oldest_makes_room_for_the_newest() {
        let caches = CodeCaches::new(100);
        let [first, second] = [kept(&caches, 60), kept(&caches, 40)];
        assert_eq!(sizes(&[&first, &second]), [60, 40]);
        let third = kept(&caches, 20);
        assert_eq!(sizes(&[&first, &second, &third]), [0, 40, 20]);
    }

    #[test]
    fn one_that_is_made_again_takes_its_room_once() {
        let caches = CodeCaches::new(100);
        let [first, second] = [kept(&caches, 40), kept(&caches, 40)];
        caches.keep(&first, vec![1; 50]);
        assert_eq!(sizes(&[&first, &second]), [50, 40]);
    }

    #[test]
    fn one_whose_deployment_is_gone_takes_no_room() {
        let caches = CodeCaches::new(100);
        let first = kept(&caches, 40);
        drop(kept(&caches, 60));
        let third = kept(&caches, 60);
        assert_eq!(sizes(&[&first, &third]), [40, 60]);
    }

    #[test]
    fn one_that_is_larger_than_all_may_be_is_not_kept() {
        let caches = CodeCaches::new(100);
        assert_eq!(sizes(&[&kept(&caches, 101)]), [0]);
    }
}
