//! Builds of what is not published as it is: a draft before it is put in place,
//! and a source that is only to run once.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::waiting::tell;
use super::{Ended, Service};
use crate::function::FunctionName;
use crate::function::published::{BUNDLE, SOURCE_MAP};
use crate::registry::bundle::{BuildError, Built, Bundle, Pace};
use crate::registry::chain;
use crate::registry::draft::Draft;
use crate::registry::handle::{Answer, Bundled, Deployed, OrderError};
use crate::registry::inbox::Source;

/// What a source is called in messages that has no name.
const NAMELESS: &str = "source";

/// One such build, before, while and after it runs.
#[derive(Debug)]
pub(super) struct Trial {
    source: Source,
    pace: Pace,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    Deploy(FunctionName, Draft, Answer<Deployed>),
    Bundle(Folder, Answer<Bundled>),
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies where everything is removed at the end.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Trial {
    pub(super) fn deploy(
        source: Source,
        name: FunctionName,
        draft: Draft,
        answer: Answer<Deployed>,
    ) -> Self {
        Self { source, pace: Pace::Quick, purpose: Purpose::Deploy(name, draft, answer) }
    }

    pub(super) fn bundle(source: Source, folder: Folder, answer: Answer<Bundled>) -> Self {
        Self { source, pace: Pace::Quick, purpose: Purpose::Bundle(folder, answer) }
    }

    /// Whether nobody waits for it any more.
    fn is_forsaken(&self) -> bool {
        match &self.purpose {
            Purpose::Deploy(_, _, answer) => answer.is_closed(),
            Purpose::Bundle(_, answer) => answer.is_closed(),
        }
    }
}

impl Service {
    /// Writes a source into a folder of its own.
    pub(super) fn lay_out(&self, file: &str, text: &str) -> Result<(Source, Folder), OrderError> {
        let failed = |error: io::Error| OrderError::Failed(format!("lay a source out: {error}"));
        let folder = Folder(self.store.another_temporary());
        fs::create_dir(&folder.0).map_err(failed)?;
        fs::write(folder.0.join(file), text).map_err(failed)?;
        let name = NAMELESS.parse().map_err(io::Error::other).map_err(failed)?;
        Ok((self.inbox.look_at_folder(&name, &folder.0), folder))
    }

    /// Starts the next one that may be built now.
    pub(super) fn start_trial(&mut self, slow_may: bool) -> bool {
        self.trials.retain(|trial| !trial.is_forsaken());
        let may = |trial: &Trial| slow_may || trial.pace != Pace::Patient;
        let Some(index) = self.trials.iter().position(may) else { return false };
        let Some(trial) = self.trials.remove(index) else { return false };
        self.slow_builds += usize::from(trial.pace == Pace::Patient);
        let bundler = self.bundler.clone();
        self.builds.spawn(async move {
            let built = bundler.build(trial.source.clone(), trial.pace).await;
            Ended::Trial(trial, built)
        });
        true
    }

    /// Does what it was built for.
    pub(super) fn finish_trial(&mut self, trial: Trial, built: Result<Built, BuildError>) {
        self.slow_builds -= usize::from(trial.pace == Pace::Patient);
        let built = match built {
            Ok(Built::TooSlow) => {
                // Behind the others, and with all the time that there is.
                self.trials.push_back(Trial { pace: Pace::Patient, ..trial });
                return;
            }
            Ok(Built::Bundle(bundle)) => Ok(bundle),
            Ok(Built::Problems(problems)) => Err(OrderError::Problems(problems)),
            Err(error) => {
                let error = chain(&error);
                tracing::error!(error, "failed to build what was ordered");
                Err(OrderError::Failed(error))
            }
        };
        match (trial.purpose, built) {
            // It is built once more where it will lie, as every folder is.
            (Purpose::Deploy(name, draft, answer), Ok(_)) => self.place(&name, draft, answer),
            (Purpose::Deploy(_, draft, answer), Err(error)) => {
                self.bundler.drop_elsewhere(draft);
                tell(answer, Err(error));
            }
            (Purpose::Bundle(_folder, answer), built) => {
                let read = |bundle: Box<Bundle>| {
                    read(&bundle).map_err(|error| OrderError::Failed(error.to_string()))
                };
                tell(answer, built.and_then(read));
            }
        }
    }
}

fn read(bundle: &Bundle) -> io::Result<Bundled> {
    let folder = bundle.folder();
    Ok(Bundled {
        release: bundle.release().clone(),
        code: fs::read(folder.join(BUNDLE))?,
        map: fs::read(folder.join(SOURCE_MAP))?,
    })
}
