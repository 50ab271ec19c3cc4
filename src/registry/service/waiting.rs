//! Who waits for what becomes of a function.

use serde_json::{Map, Value};

use crate::function::{FunctionName, Published};
use crate::registry::handle::{Answer, Changed, Deployed, OrderError};

/// An order that has done its part and is answered when nothing is left to be
/// done about the function.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A folder was put in place, or is to be built anew.
    Deploy(Option<Box<Published>>, Answer<Deployed>),
    Refresh(Answer<Published>),
    Remove(Answer<()>),
    Manifest(Map<String, Value>, Answer<Changed>),
}

impl Waiting {
    /// Tells what is published now; `None` if the function is gone.
    pub(super) fn decided(self, name: &FunctionName, now: Option<Published>) {
        let gone = || OrderError::NotFound(name.clone());
        match (self, now) {
            (Self::Remove(answer), None) => tell(answer, Ok(())),
            (Self::Remove(answer), Some(_)) => {
                let text = format!("`{name}` was removed, and something has put it there again");
                tell(answer, Err(OrderError::Conflict(text)));
            }
            (Self::Deploy(before, answer), now) => {
                tell(
                    answer,
                    now.map(|now| Deployed { before: before.map(|before| *before), now })
                        .ok_or_else(gone),
                );
            }
            (Self::Refresh(answer), now) => tell(answer, now.ok_or_else(gone)),
            (Self::Manifest(manifest, answer), now) => {
                tell(answer, now.map(|now| Changed { manifest, now }).ok_or_else(gone));
            }
        }
    }

    /// Tells that the machine was in the way. The service tries again, but
    /// nobody needs to wait for that.
    pub(super) fn failed(self, error: OrderError) {
        match self {
            Self::Deploy(_, answer) => tell(answer, Err(error)),
            Self::Refresh(answer) => tell(answer, Err(error)),
            Self::Remove(answer) => tell(answer, Err(error)),
            Self::Manifest(_, answer) => tell(answer, Err(error)),
        }
    }
}

/// Answers an order. Whoever gave it may have gone.
pub(super) fn tell<T>(answer: Answer<T>, result: Result<T, OrderError>) {
    let _ = answer.send(result);
}
