//! Taking the steps that the plan asks for.

use std::time::{Duration, Instant};

use super::tracked::Tracked;
use super::{BEFORE_RETRY, Ended, Finished, Service, tell_problems};
use crate::function::{FunctionName, Problem};
use crate::registry::bundle::{Built, Bundle, Pace};
use crate::registry::chain;
use crate::registry::fingerprint::Fingerprint;
use crate::registry::handle::OrderError;
use crate::registry::plan::Step;
use crate::registry::schedule::Place;
use crate::registry::store::{Change, StoreError};

/// A slow function that was built in less time is one no longer.
const NO_LONGER_SLOW: Duration = Duration::from_secs(2);

impl Service {
    /// Takes the next step for one function.
    pub(super) fn decide(&mut self, name: &FunctionName) {
        let Some(tracked) = self.functions.get(name) else { return };
        match tracked.next(&self.patience) {
            Step::Nothing => self.settle(name),
            Step::LookAt(at) => self.schedule.look(Place::of(name), at),
            // Somebody waits.
            Step::Build if tracked.is_waited_for() => self.ready.add_first(name.clone()),
            Step::Build => self.ready.add(name.clone()),
            Step::TellFailure => self.tell_failure(name),
            Step::TellUnrest => self.tell_unrest(name),
            Step::Remove => self.remove(name),
        }
    }

    /// Nothing is left to be done about a function, unless it is being built.
    /// Whoever waits for that is told.
    fn settle(&mut self, name: &FunctionName) {
        let Some(tracked) = self.functions.get_mut(name) else { return };
        if tracked.is_nothing() {
            self.forget(name);
        } else if !tracked.is_building() {
            self.answer(name);
        }
    }

    /// Tells whoever waits what is published about a function.
    fn answer(&mut self, name: &FunctionName) {
        let Some(tracked) = self.functions.get_mut(name) else { return };
        let waiting = tracked.take_waiting();
        if waiting.is_empty() {
            return;
        }
        let record = self.store.record(name);
        for waiting in waiting {
            waiting.decided(name, record.clone());
        }
    }

    /// A function is gone.
    fn forget(&mut self, name: &FunctionName) {
        let gone = self.functions.remove(name);
        for waiting in gone.into_iter().flat_map(|mut tracked| tracked.take_waiting()) {
            waiting.decided(name, None);
        }
    }

    /// Starts builds as long as there is room for them. One that is not quick
    /// is stopped and waits for its next turn among the slow ones, and those
    /// never take the last place. So whatever a function does to the bundler,
    /// it delays the others for a few seconds once.
    pub(super) fn start_builds(&mut self) {
        while self.builds.len() < self.builds_at_once {
            let slow_may = self.slow_builds + 1 < self.builds_at_once;
            if self.start_trial(slow_may) {
                continue;
            }
            let functions = &self.functions;
            let pace = |name: &FunctionName| functions.get(name).map(Tracked::pace);
            let may = |name: &FunctionName| slow_may || pace(name) != Some(Pace::Patient);
            let Some(name) = self.ready.take(may) else { return };
            // It may have waited; what was true then is asked again.
            let Some(tracked) = self.functions.get_mut(&name) else { continue };
            if tracked.next(&self.patience) != Step::Build {
                continue;
            }
            let Some(source) = tracked.source().cloned() else { continue };
            tracked.build_started();
            let pace = tracked.pace();
            self.slow_builds += usize::from(pace == Pace::Patient);
            self.watch.renew_below(source.path());
            let bundler = self.bundler.clone();
            self.builds.spawn(async move {
                let started = Instant::now();
                let fingerprint = source.look().fingerprint().clone();
                let built = bundler.build(source, pace).await;
                Ended::Function(Finished { name, fingerprint, started, pace, built })
            });
        }
    }

    /// Takes in what a build came to, unless the folder has changed meanwhile.
    pub(super) fn finish(&mut self, finished: Finished) {
        let Finished { name, fingerprint, started, pace, built } = finished;
        self.slow_builds -= usize::from(pace == Pace::Patient);
        // Looked at before the function counts as not being built, or the look
        // itself would ask for the next build.
        self.look(Place::of(&name));
        let Some(tracked) = self.functions.get_mut(&name) else { return };
        tracked.build_ended(match built {
            Ok(Built::TooSlow) => Pace::Patient,
            _ if started.elapsed() < NO_LONGER_SLOW => Pace::Quick,
            _ => pace,
        });
        let unchanged = tracked.looks_like(&fingerprint);
        match built {
            Err(error) if unchanged => {
                let error = chain(&error);
                tracing::error!(function = %name, error, "failed to build; trying again later");
                self.try_later(&name, &error);
            }
            Ok(Built::Bundle(bundle)) if unchanged => {
                self.publish(&name, fingerprint, started, *bundle);
            }
            Ok(Built::TooSlow) => {
                tracing::info!(function = %name, "takes long to build; it waits for a slow place");
                self.decide(&name);
            }
            Ok(Built::Problems(problems)) if unchanged => {
                tracked.failed(fingerprint, problems);
                self.decide(&name);
            }
            // What was built is not what lies there now.
            _ => self.decide(&name),
        }
    }

    fn publish(
        &mut self,
        name: &FunctionName,
        fingerprint: Fingerprint,
        started: Instant,
        bundle: Bundle,
    ) {
        let revision = bundle.release().revision.clone();
        let Some(tracked) = self.functions.get(name) else { return };
        match self.store.publish(bundle, tracked.cause()) {
            Ok(change) => {
                let ms = started.elapsed().as_millis();
                match change {
                    Change::Revision => {
                        tracing::info!(function = %name, %revision, ms, "published");
                    }
                    Change::Record => {
                        tracing::debug!(function = %name, %revision, ms, "unchanged");
                    }
                    Change::Held => {
                        tracing::info!(
                            function = %name, %revision, ms,
                            "was rolled back; a refresh would publish it again"
                        );
                    }
                }
                self.told(name, fingerprint);
            }
            Err(error) => self.retry(name, &error),
        }
    }

    fn tell_failure(&mut self, name: &FunctionName) {
        let Some(tracked) = self.functions.get(name) else { return };
        let Some((fingerprint, problems)) = tracked.untold() else { return };
        let fingerprint = fingerprint.clone();
        match self.store.publish_problems(name, problems.to_vec(), &fingerprint) {
            Ok(record) => {
                tell_problems(name, record.state_name(), &record.problems);
                self.told(name, fingerprint);
            }
            Err(error) => self.retry(name, &error),
        }
    }

    fn tell_unrest(&mut self, name: &FunctionName) {
        let seconds = self.patience.with_unrest.as_secs();
        let problem = Problem::new(format!(
            "the folder has been changing for {seconds} seconds without a pause; stop what writes \
             into it, or let it write elsewhere"
        ));
        match self.store.publish_problems(name, vec![problem], &Fingerprint::none()) {
            Ok(record) => {
                tell_problems(name, record.state_name(), &record.problems);
                if let Some(tracked) = self.functions.get_mut(name) {
                    tracked.told_unrest();
                }
                self.answer(name);
                self.decide(name);
            }
            Err(error) => self.retry(name, &error),
        }
    }

    fn remove(&mut self, name: &FunctionName) {
        match self.store.remove(name) {
            Ok(()) => {
                tracing::info!(function = %name, "removed");
                self.forget(name);
            }
            Err(error) => self.retry(name, &error),
        }
    }

    fn told(&mut self, name: &FunctionName, fingerprint: Fingerprint) {
        if let Some(tracked) = self.functions.get_mut(name) {
            tracked.told(fingerprint);
        }
        self.decide(name);
    }

    /// The machine was in the way: a full disk, say.
    fn retry(&mut self, name: &FunctionName, error: &StoreError) {
        let error = chain(error);
        tracing::error!(function = %name, error, "failed to publish; trying again later");
        self.try_later(name, &error);
    }

    fn try_later(&mut self, name: &FunctionName, error: &str) {
        let waiting = self.functions.get_mut(name).map(Tracked::take_waiting).unwrap_or_default();
        for waiting in waiting {
            waiting.failed(OrderError::Failed(error.to_owned()));
        }
        self.schedule.look(Place::of(name), Instant::now() + BEFORE_RETRY);
    }
}
