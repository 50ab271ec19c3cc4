//! The tokens with which functions are called.

use std::sync::Arc;

use super::Handle;
use crate::execution::tokens::{TokenInfo, TokensError};
use crate::function::FunctionName;

impl Handle {
    /// Whether a function of that name is published, in whatever state.
    pub fn knows(&self, function: &FunctionName) -> bool {
        self.0.gateway.router.all().contains_key(function)
    }

    /// A function's tokens, the oldest first.
    pub fn tokens(&self, function: &FunctionName) -> Result<Vec<TokenInfo>, Arc<TokensError>> {
        self.0.gateway.tokens.list(function)
    }

    /// Makes a token; its text is told this once. Writes to disk.
    pub fn make_token(
        &self,
        function: &FunctionName,
        label: Option<String>,
    ) -> Result<(TokenInfo, String), Arc<TokensError>> {
        self.0.gateway.tokens.make(function, label)
    }

    /// Lets nobody in with a token any more. Writes to disk.
    pub fn revoke_token(&self, function: &FunctionName, id: &str) -> Result<(), Arc<TokensError>> {
        self.0.gateway.tokens.revoke(function, id)
    }
}
