//! What has to be done about one function, from what was seen and what is
//! published. Pure: the same knowledge always gives the same step, and a step
//! that has been taken is not asked for again.

use std::time::{Duration, Instant};

use super::fingerprint::Fingerprint;
use super::inbox::Look;

/// How patient the registry is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// A folder is built once it has been quiet for this long.
    pub(super) settle: Duration,
    /// A failure is told once the folder has been quiet for this long: a copy
    /// may pause, and nothing says that it is complete.
    pub(super) before_failure: Duration,
    /// A folder that never becomes quiet is a problem after this long.
    pub(super) with_unrest: Duration,
}

/// What is known of a folder's changes, from one look after the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    fingerprint: Fingerprint,
    looked_at: Instant,
    /// The last change.
    quiet_since: Instant,
    /// The first change of this spell of changes.
    restless_since: Instant,
}

/// The oldest change that is told apart from older ones. Dates can lie far
/// back, before this machine's clock was started.
const OLD: Duration = Duration::from_secs(30);

impl Observation {
    /// What is known after one more look.
    ///
    /// When the last change was follows from the files' own dates, which also
    /// works for events that were lost. Dates from a clock that is wrong are
    /// bounded by what was seen: a change that the previous look did not see
    /// is later than that look.
    pub(super) fn after(
        previous: Option<&Self>,
        look: &Look,
        settle: Duration,
        now: Instant,
    ) -> Self {
        let fingerprint = look.fingerprint().clone();
        if let Some(previous) = previous.filter(|previous| previous.fingerprint == fingerprint) {
            return Self { looked_at: now, ..previous.clone() };
        }
        let most = previous.map_or(OLD, |p| now.saturating_duration_since(p.looked_at));
        let quiet_since = now.checked_sub(look.age().min(most)).unwrap_or(now);
        let same_spell =
            |previous: &&Self| quiet_since.saturating_duration_since(previous.quiet_since) < settle;
        let restless_since =
            previous.filter(same_spell).map_or(quiet_since, |previous| previous.restless_since);
        Self { fingerprint, looked_at: now, quiet_since, restless_since }
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// What became of the newest build.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Attempt<'a> {
    /// Nothing was built that is still of interest.
    None,
    /// The build of this fingerprint found problems, which are not told yet.
    Failed(&'a Fingerprint),
    /// It was told that the folder does not become quiet.
    UnrestTold,
}

/// What is known about one function.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// What lies in `registry_in`; `Err` with the first and the last look that
    /// found nothing.
    pub(super) source: Result<&'a Observation, (Instant, Instant)>,
    /// What the published source looked like, if anything is published.
    pub(super) published: Option<&'a Fingerprint>,
    /// What became of the newest build.
    pub(super) attempt: Attempt<'a>,
}

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// What is published is what there is.
    Nothing,
    /// Nothing can be decided before a look at this time.
    LookAt(Instant),
    /// The source differs from what is published and is quiet.
    Build,
    /// The problems that a build found are final.
    TellFailure,
    /// The folder does not become quiet.
    TellUnrest,
    /// The folder is gone for good.
    Remove,
}

impl Standing<'_> {
    /// The next step.
    pub(super) fn next(&self, patience: &Patience) -> Step {
        match (self.source, self.published) {
            (Err(_), None) => Step::Nothing,
            (Err((gone_since, looked_at)), Some(_)) => {
                once(gone_since + patience.settle, looked_at, Step::Remove)
            }
            (Ok(source), Some(published)) if source.fingerprint == *published => Step::Nothing,
            (Ok(source), _) => self.about(source, patience),
        }
    }

    fn about(&self, source: &Observation, patience: &Patience) -> Step {
        let quiet_at = source.quiet_since + patience.settle;
        if source.looked_at < quiet_at {
            let restless_for = source.looked_at.saturating_duration_since(source.restless_since);
            return if restless_for >= patience.with_unrest && self.attempt != Attempt::UnrestTold {
                Step::TellUnrest
            } else {
                Step::LookAt(quiet_at)
            };
        }
        match self.attempt {
            Attempt::Failed(fingerprint) if *fingerprint == source.fingerprint => {
                let final_at = source.quiet_since + patience.before_failure;
                once(final_at, source.looked_at, Step::TellFailure)
            }
            _ => Step::Build,
        }
    }
}

/// The step if the last look was late enough, else a look.
fn once(due: Instant, looked_at: Instant, step: Step) -> Step {
    if looked_at >= due { step } else { Step::LookAt(due) }
}

#[cfg(test)]
mod tests;
