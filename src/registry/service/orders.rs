//! Carrying out the operator's orders. Each changes a folder, if it has to, and
//! then leaves the rest to the same steps as everything else.

use serde_json::{Map, Value};

use super::Service;
use super::trials::Trial;
use super::waiting::{Waiting, tell};
use crate::function::published::Published;
use crate::function::{FunctionName, RevisionId};
use crate::registry::chain;
use crate::registry::check::{self, check_manifest};
use crate::registry::draft::Draft;
use crate::registry::handle::{Answer, Changed, Command, Deployed, OrderError};
use crate::registry::inbox::is_function;
use crate::registry::schedule::Place;
use crate::registry::store::{Cause, RollbackError};

impl Service {
    /// Carries out one order, or begins to.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Draft(answer) => tell(answer, Draft::make(self.inbox.root())),
            Command::Deploy(name, draft, answer) => {
                let source = self.inbox.look_at_folder(&name, draft.root());
                self.trials.push_back(Trial::deploy(source, name, draft, answer));
            }
            Command::Bundle(file, text, answer) => match self.lay_out(file, &text) {
                Ok((source, folder)) => {
                    self.trials.push_back(Trial::bundle(source, folder, answer));
                }
                Err(error) => tell(answer, Err(error)),
            },
            Command::Published(name, answer) => tell(answer, Ok(self.store.record(&name))),
            Command::Refresh(name, answer) => match self.look_for(&name) {
                Ok(()) => self.wait_for(&name, Cause::Ordered, Waiting::Refresh(answer)),
                Err(error) => tell(answer, Err(error)),
            },
            Command::Remove(name, answer) => match self.take_away(&name) {
                Ok(()) => self.wait_for(&name, Cause::Seen, Waiting::Remove(answer)),
                Err(error) => tell(answer, Err(error)),
            },
            Command::RollBack(name, revision, answer) => {
                tell(answer, self.roll_back(&name, revision.as_ref()));
            }
            Command::Manifest(name, answer) => {
                let found = self.look_for(&name);
                tell(answer, found.and_then(|()| self.manifest(&name)));
            }
            Command::ChangeManifest(name, patch, answer) => {
                self.change_manifest(&name, &patch, answer);
            }
        }
    }

    /// Looks at one function now. An error if there is none.
    fn look_for(&mut self, name: &FunctionName) -> Result<(), OrderError> {
        self.inbox.check_readable().map_err(|error| OrderError::Failed(chain(&error)))?;
        self.look(Place::of(name));
        if self.functions.contains_key(name) {
            Ok(())
        } else {
            Err(OrderError::NotFound(name.clone()))
        }
    }

    /// Says that a function's folder is complete as it was just seen, and has
    /// the order answered when nothing is left to be done about it.
    fn wait_for(&mut self, name: &FunctionName, cause: Cause, waiting: Waiting) {
        match self.functions.get_mut(name) {
            Some(tracked) => {
                tracked.wait(cause, waiting);
                self.decide(name);
            }
            None => waiting.decided(name, None),
        }
    }

    /// Puts a draft that builds in place.
    pub(super) fn place(&mut self, name: &FunctionName, draft: Draft, answer: Answer<Deployed>) {
        let before = match self.look_for(name) {
            Ok(()) => self.store.record(name),
            Err(OrderError::NotFound(_)) => None,
            Err(error) => return tell(answer, Err(error)),
        };
        let placed = self.refuse_owner(name).and_then(|()| draft.place(self.inbox.root(), name));
        // It holds what was replaced, which may be much.
        self.bundler.drop_elsewhere(draft);
        match placed {
            Ok(()) => {
                self.look(Place::of(name));
                self.wait_for(name, Cause::Ordered, Waiting::Deploy(before.map(Box::new), answer));
            }
            Err(error) => tell(answer, Err(error)),
        }
    }

    /// Replacing an owner's folder would remove its functions.
    fn refuse_owner(&self, name: &FunctionName) -> Result<(), OrderError> {
        let folder = self.inbox.root().join(name.as_str());
        let owned = self.functions_of(name.as_str());
        match owned.first() {
            Some(one) if !is_function(&folder) => Err(OrderError::Conflict(format!(
                "`{name}` is the owner of `{one}`, so it cannot be a function as well; choose \
                 another name"
            ))),
            _ => Ok(()),
        }
    }

    fn take_away(&mut self, name: &FunctionName) -> Result<(), OrderError> {
        self.look_for(name)?;
        let is_there = self.functions.get(name).is_some_and(|tracked| tracked.source().is_some());
        if is_there {
            let draft = Draft::make(self.inbox.root())?;
            let taken = draft.take_away(self.inbox.root(), name);
            self.bundler.drop_elsewhere(draft);
            taken?;
            self.look(Place::of(name));
        }
        Ok(())
    }

    fn roll_back(
        &mut self,
        name: &FunctionName,
        wanted: Option<&RevisionId>,
    ) -> Result<Published, OrderError> {
        if !self.functions.contains_key(name) {
            return Err(OrderError::NotFound(name.clone()));
        }
        let record = self.store.roll_back(name, wanted).map_err(|error| match error {
            RollbackError::Missing(text) => OrderError::NoRevision(text),
            RollbackError::Live(_) => OrderError::Conflict(error.to_string()),
            RollbackError::Store(error) => OrderError::Failed(chain(&error)),
        })?;
        if let Some(revision) = record.revision() {
            tracing::info!(function = %name, %revision, "rolled back");
        }
        Ok(record)
    }

    fn manifest(&self, name: &FunctionName) -> Result<Map<String, Value>, OrderError> {
        let folder = self.inbox.root().join(name.as_str());
        check::written_manifest(&folder).map_err(|problem| OrderError::Problems(vec![problem]))
    }

    fn change_manifest(&mut self, name: &FunctionName, patch: &Value, answer: Answer<Changed>) {
        match self.try_change_manifest(name, patch) {
            Ok(manifest) => {
                self.look(Place::of(name));
                self.wait_for(name, Cause::Seen, Waiting::Manifest(manifest, answer));
            }
            Err(error) => tell(answer, Err(error)),
        }
    }

    fn try_change_manifest(
        &mut self,
        name: &FunctionName,
        patch: &Value,
    ) -> Result<Map<String, Value>, OrderError> {
        self.look_for(name)?;
        let mut document = Value::Object(self.manifest(name)?);
        json_patch::merge(&mut document, patch);
        let failed = |error: serde_json::Error| OrderError::Failed(error.to_string());
        let mut text = serde_json::to_vec_pretty(&document).map_err(failed)?;
        text.push(b'\n');
        let folder = self.inbox.root().join(name.as_str());
        check_manifest(&folder, &text, self.bundler.operator()).map_err(OrderError::Problems)?;
        Draft::make(self.inbox.root())?.place_manifest(self.inbox.root(), name, &text)?;
        match document {
            Value::Object(manifest) => Ok(manifest),
            // What is not an object has been refused above.
            _ => Ok(Map::new()),
        }
    }
}
