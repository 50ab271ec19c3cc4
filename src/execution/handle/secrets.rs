//! The operator's secrets, and the functions that they are given to.

use std::sync::Arc;

use super::Handle;
use crate::execution::pool::Serves;
use crate::execution::secrets::{SecretInfo, SecretValue, SecretsError};
use crate::function::FunctionName;

impl Handle {
    /// Every secret, with the functions that name it.
    pub fn secrets(&self) -> Result<Vec<(SecretInfo, Vec<FunctionName>)>, Arc<SecretsError>> {
        let secrets = self.0.fleet.secrets.list()?;
        let pools = self.0.gateway.router.all();
        let used_by = |secret: &str| {
            let is_given =
                |serves| matches!(serves, Serves::Deployment(it) if it.uses_secret(secret));
            let pools = pools.values().filter(|pool| is_given(pool.serves()));
            let mut names: Vec<_> = pools.map(|pool| pool.name.clone()).collect();
            names.sort();
            names
        };
        let with_names = |secret: SecretInfo| {
            let names = used_by(&secret.name);
            (secret, names)
        };
        Ok(secrets.into_iter().map(with_names).collect())
    }

    /// Sets a secret, and replaces the instances that have an older value or
    /// none. Writes to disk.
    pub fn set_secret(&self, name: &str, value: &SecretValue) -> Result<(), Arc<SecretsError>> {
        self.0.fleet.secrets.set(name, value)?;
        self.secret_changed(name);
        Ok(())
    }

    /// Forgets a secret, and ends the instances that have it. Writes to disk.
    pub fn remove_secret(&self, name: &str) -> Result<(), Arc<SecretsError>> {
        self.0.fleet.secrets.remove(name)?;
        self.secret_changed(name);
        Ok(())
    }

    fn secret_changed(&self, name: &str) {
        for pool in self.0.gateway.router.all().values() {
            pool.secret_changed(name);
        }
    }
}
