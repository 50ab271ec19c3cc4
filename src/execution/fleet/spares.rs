//! Processes that wait for a function: for which profiles, and how many.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Fleet, State, boots_at_once};
use crate::execution::instance::{InstanceId, Spare, StartError};
use crate::execution::profile::Profile;
use crate::execution::status::InstanceStatus;
use crate::execution::warm_up::warm_up;
use crate::sandbox::Priority;

/// Profiles that spares are kept for: those used last, then those that most
/// functions have.
const MAX_SPARE_PROFILES: usize = 4;
/// A taken spare is replaced this much later, so that booting the next one
/// does not take the processor from the request that it was taken for.
const REFILL_DELAY: Duration = Duration::from_millis(20);
/// A profile whose spare does not boot is left alone for so long.
const REFILL_RETRY: Duration = Duration::from_secs(10);

/// How much a profile is used.
#[derive(Debug, Default)]
pub(super) struct Usage {
    functions: usize,
    last_start: Option<Instant>,
    boot_failed: Option<Instant>,
}

impl Fleet {
    /// A booted process for this profile, if one is ready.
    pub fn take_spare(&self, profile: &Profile) -> Option<Spare> {
        let mut state = self.lock();
        if let Some(usage) = state.profiles.get_mut(profile) {
            usage.last_start = Some(Instant::now());
        }
        let spare = state.spares.get_mut(profile).and_then(Vec::pop);
        self.look.notify_one();
        spare
    }

    /// A function with this profile was published.
    pub fn use_profile(&self, profile: &Profile) {
        self.lock().profiles.entry(profile.clone()).or_default().functions += 1;
        self.look.notify_one();
    }

    /// A function with this profile was removed, or has another one now.
    pub fn disuse_profile(&self, profile: &Profile) {
        let mut state = self.lock();
        if let Some(usage) = state.profiles.get_mut(profile) {
            usage.functions -= 1;
            if usage.functions == 0 {
                state.profiles.remove(profile);
            }
        }
        self.look.notify_one();
    }

    /// Takes a spare out, so that another one boots in its place; its process
    /// ends if it has not. Says whether there is one.
    pub fn discard_spare(&self, id: InstanceId) -> bool {
        let spare = self.lock().take_spare(id);
        self.look.notify_one();
        spare.is_some()
    }

    /// Keeps the spares as they should be, and the next start prepared, until
    /// the server ends.
    pub async fn keep_spares(self: Arc<Self>) {
        while !self.lock().shutting_down {
            tokio::select! {
                () = self.look.notified() => {}
                () = self.launcher.bury_prepared() => continue,
            }
            tokio::time::sleep(REFILL_DELAY).await;
            while let Some(profile) = self.missing_spare() {
                match self.boot_spare(&profile).await {
                    Ok(spare) => self.add_spare(profile, spare),
                    Err(error) => {
                        tracing::warn!(%error, ?profile, "a spare did not boot");
                        let mut state = self.lock();
                        if let Some(usage) = state.profiles.get_mut(&profile) {
                            usage.boot_failed = Some(Instant::now());
                        }
                        drop(state);
                        self.look_later();
                    }
                }
            }
            let next = self.lock().wanted_profiles().into_iter().next();
            match next {
                // Else somebody waits, and would wait for this as well.
                Some(profile) if self.boots.available_permits() == boots_at_once() => {
                    self.launcher.prepare(&profile).await;
                }
                Some(_) => {}
                None => self.launcher.close().await,
            }
        }
        self.launcher.close().await;
    }

    /// Takes in a spare for this profile.
    pub(in crate::execution) fn add_spare(&self, profile: Profile, spare: Spare) {
        let mut state = self.lock();
        // Dropped, it ends.
        if !state.shutting_down {
            state.spares.entry(profile).or_default().push(spare);
        }
    }

    fn look_later(self: &Arc<Self>) {
        let fleet = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(REFILL_RETRY).await;
            fleet.look.notify_one();
        });
    }

    /// Boots a process and runs one request through it, so that the first real
    /// one finds everything loaded and compiled.
    async fn boot_spare(self: &Arc<Self>, profile: &Profile) -> Result<Spare, StartError> {
        // Nobody waits for it, and a boot takes as much as a hundred requests.
        let (launched, seat) = self.launch(profile, Priority::Low).await?;
        let warm_up = warm_up(&launched.link, profile.uses_vm);
        let warmed = tokio::select! {
            warmed = launched.process.patiently(warm_up) => warmed,
            () = self.killed() => Err(io::ErrorKind::Interrupted.into()),
        };
        // Not once a request waits for it: the kernel takes its time for this.
        launched.set_priority(Priority::Normal);
        // Its keeper ends it where it is of no use.
        let spare = self.keep(launched, seat);
        warmed.map_err(StartError::launch)?;
        Ok(spare)
    }

    /// Discards spares of profiles that are used no longer or less than
    /// others, and names a profile that lacks one.
    fn missing_spare(&self) -> Option<Profile> {
        let mut state = self.lock();
        let wanted = state.wanted_profiles();
        let surplus = |profile: &Profile| !wanted.contains(profile);
        while state.discard_spare(surplus) {}
        if state.shutting_down || state.processes >= self.settings.max_processes {
            return None;
        }
        let now = Instant::now();
        let mut wanted = wanted.into_iter();
        wanted.find(|profile| {
            let failed = state.profiles.get(profile).and_then(|usage| usage.boot_failed);
            let resting = failed.is_some_and(|at| now.duration_since(at) < REFILL_RETRY);
            let spares = state.spares.get(profile).map_or(0, Vec::len);
            !resting && spares < self.settings.spares
        })
    }

    /// What can be told of every spare.
    pub fn spares(&self) -> Vec<InstanceStatus> {
        self.lock().spares.values().flatten().map(Spare::status).collect()
    }

    /// Spares that are ready.
    pub fn ready_spares(&self) -> usize {
        self.lock().spares.values().map(Vec::len).sum()
    }
}

impl State {
    /// The profiles to keep spares for: those started last, then those that
    /// most functions have.
    fn wanted_profiles(&self) -> Vec<Profile> {
        let mut profiles: Vec<_> = self.profiles.iter().collect();
        let order = |usage: &Usage| std::cmp::Reverse((usage.last_start, usage.functions));
        let most = profiles.len().min(MAX_SPARE_PROFILES);
        if most < profiles.len() {
            profiles.select_nth_unstable_by_key(most, |(_, usage)| order(usage));
        }
        profiles[..most].sort_by_key(|(_, usage)| order(usage));
        profiles[..most].iter().map(|(profile, _)| (*profile).clone()).collect()
    }

    fn take_spare(&mut self, id: InstanceId) -> Option<Spare> {
        let mut lists = self.spares.values_mut();
        lists.find_map(|list| Some(list.remove(list.iter().position(|spare| spare.id == id)?)))
    }

    /// Ends one spare that may go. Dropping it ends its keeper.
    pub(super) fn discard_spare(&mut self, may_go: impl Fn(&Profile) -> bool) -> bool {
        let found =
            self.spares.iter_mut().find(|(profile, list)| !list.is_empty() && may_go(profile));
        found.and_then(|(_, list)| list.pop()).is_some()
    }
}
