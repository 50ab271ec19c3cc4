//! A function's folder as it was dropped.

use std::path::{Path, PathBuf};

use super::Look;
use crate::function::FunctionName;

/// Something in `registry_in` that has a function's name, and what it looked
/// like at one moment.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Source {
    name: FunctionName,
    path: PathBuf,
    look: Look,
}

impl Source {
    pub(super) fn new(name: FunctionName, path: PathBuf, look: Look) -> Self {
        Self { name, path, look }
    }

    /// A folder that does not exist.
    #[cfg(test)]
    pub(in crate::registry) fn fake(look: Look) -> Self {
        Self::new("hello".parse().unwrap(), PathBuf::new(), look)
    }

    pub(in crate::registry) fn name(&self) -> &FunctionName {
        &self.name
    }

    /// The folder, possibly by way of symbolic links.
    pub(in crate::registry) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::registry) fn look(&self) -> &Look {
        &self.look
    }
}
