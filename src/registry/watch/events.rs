//! From the kernel's events to places, collected until somebody asks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use notify::EventKind;
use tokio::sync::Notify;

use super::is_of_interest;
use crate::function::FunctionName;
use crate::registry::inbox::Link;
use crate::registry::schedule::Place;

/// Shared between the thread that receives events and the registry.
#[derive(Debug, Default)]
pub(super) struct Events {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    root: PathBuf,
    /// `registry_in` itself and every link on the way to it.
    ways: Vec<PathBuf>,
    links: Vec<Link>,
    places: BTreeSet<Place>,
}

impl Events {
    pub(super) fn set_root(&self, root: &Path, hops: &[PathBuf]) {
        let mut state = self.lock();
        root.clone_into(&mut state.root);
        state.ways = hops.iter().cloned().chain([root.to_owned()]).collect();
    }

    pub(super) fn set_links(&self, links: &[Link]) {
        self.lock().links = links.to_vec();
    }

    /// Waits for places and takes them all.
    pub(super) async fn take(&self) -> Vec<Place> {
        loop {
            let places = std::mem::take(&mut self.lock().places);
            if !places.is_empty() {
                return places.into_iter().collect();
            }
            self.arrived.notified().await;
        }
    }

    /// Called by the thread that receives events.
    pub(super) fn note(&self, event: notify::Result<notify::Event>) {
        let mut state = self.lock();
        match event {
            // The bundler's own reads cause these.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
            Ok(event) if event.need_rescan() => state.add(Place::Everything),
            Ok(event) => event.paths.iter().for_each(|path| state.note(path)),
            Err(_) => state.add(Place::Everything),
        }
        let some = !state.places.is_empty();
        drop(state);
        if some {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, place: Place) {
        self.places.insert(place);
    }

    fn note(&mut self, path: &Path) {
        if self.ways.iter().any(|way| way == path) {
            self.add(Place::Everything);
        } else if let Ok(inside) = path.strip_prefix(&self.root) {
            let mut parts = inside.iter();
            if let Some(top) = parts.next().filter(|top| is_of_interest(top)).map(ToOwned::to_owned)
            {
                let second = parts.next().filter(|_| parts.next().is_some());
                let owned = second.and_then(|second| {
                    format!("{}/{}", top.to_str()?, second.to_str()?).parse::<FunctionName>().ok()
                });
                self.add(owned.map_or(Place::Top(top), Place::Owned));
            }
        }
        let reaches = |link: &&Link| {
            path.starts_with(&link.target) || link.hops.iter().any(|hop| hop == path)
        };
        let tops: Vec<_> = self.links.iter().filter(reaches).map(|link| link.top.clone()).collect();
        for top in tops {
            self.add(Place::Top(top));
        }
    }
}
