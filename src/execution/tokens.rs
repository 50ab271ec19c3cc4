//! The bearer tokens of functions with `auth: "token"`.
//!
//! Only a token's hash is kept, so that nobody who reads the file can call
//! anything. Tokens belong to a function's name. A folder that is moved away
//! for a moment finds them again; one that comes back later than [`GRACE`] may
//! be somebody else's, and finds none.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::function::FunctionName;
use crate::private_file::{self, FileError};

/// The file's name, in the server's own folder.
pub const FILE: &str = "tokens";
/// How long the tokens of a function outlive it.
pub const GRACE: Duration = Duration::from_hours(1);
/// Tokens of one function; each request is compared with all of them.
pub const MOST: usize = 100;
/// Characters of a label.
pub const MAX_LABEL: usize = 100;

/// Lets a person, and a scanner of other people's code, know one.
const KIND: &str = "dz_";
/// Characters after it that are shown in lists.
const SHOWN: usize = 6;
/// How often it is written down when tokens were used.
const WRITE_USES: Duration = Duration::from_mins(1);

/// Why there is no such token, or none at all.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what was written.
    #[error("`{}` is damaged ({reason}); restore it, or move it away to begin without tokens", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A label is for a list.
    #[error("a label is one line of at most {MAX_LABEL} characters")]
    Label,
    /// The function has enough of them.
    #[error("the function has {MOST} tokens; revoke one")]
    TooMany,
    /// It was revoked, or never made.
    #[error("the function has no token `{0}`")]
    Unknown(String),
}

/// What may be told of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Names it.
    pub id: String,
    /// How it begins.
    pub prefix: String,
    /// What it is for.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last let somebody in.
    pub last_used_at: Option<Timestamp>,
}

/// Every function's tokens.
#[derive(Debug)]
pub struct Tokens {
    file: PathBuf,
    /// Replaced as a whole, so that no request takes a lock.
    owners: ArcSwap<Result<Owners, Arc<TokensError>>>,
    /// Held by whoever replaces it.
    writing: Mutex<()>,
    /// Something in it is not on disk.
    unwritten: AtomicBool,
}

type Owners = HashMap<FunctionName, Owner>;

/// A function's tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    tokens: Vec<Arc<Token>>,
    /// Since when there is no such function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone_since: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: String,
    prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// SHA-256 is enough: a random text of that length cannot be tried out.
    hash: [u8; 32],
    created_at: Timestamp,
    /// Seconds since 1970; 0 is never.
    #[serde(default)]
    last_used: AtomicI64,
}

impl Tokens {
    /// The tokens in the server's own folder. What is wrong with them is told
    /// to the log now, and to whoever asks for one; nobody gets in meanwhile.
    pub fn open(data: &Path) -> Self {
        let file = data.join(FILE);
        let owners = read(&file).map_err(Arc::new);
        if let Err(error) = &owners {
            let error = &**error as &dyn std::error::Error;
            tracing::error!(error, "the tokens of functions cannot be read; they let nobody in");
        }
        let owners = ArcSwap::from_pointee(owners);
        Self { file, owners, writing: Mutex::default(), unwritten: AtomicBool::default() }
    }

    /// Whether a request carries one of the function's tokens.
    pub fn admit(&self, function: &str, headers: &HeaderMap) -> bool {
        let owners = self.owners.load();
        let Ok(owners) = &**owners else { return false };
        let (Some(owner), Some(token)) = (owners.get(function), bearer(headers)) else {
            return false;
        };
        let hash = hash(token);
        let Some(token) = owner.tokens.iter().find(|known| known.hash.ct_eq(&hash).into()) else {
            return false;
        };
        let now = Timestamp::now().as_second();
        // A second's first use writes, and the others leave the line shared.
        if token.last_used.load(Ordering::Relaxed) != now {
            token.last_used.store(now, Ordering::Relaxed);
            self.unwritten.store(true, Ordering::Relaxed);
        }
        true
    }

    /// A function's tokens, the oldest first.
    pub fn list(&self, function: &FunctionName) -> Result<Vec<TokenInfo>, Arc<TokensError>> {
        let owners = self.owners.load();
        let owner = owners.as_ref().as_ref().map_err(Arc::clone)?.get(function);
        Ok(owner.into_iter().flat_map(|owner| &owner.tokens).map(|token| token.info()).collect())
    }

    /// Makes one. Its text is known to nobody but the caller from here on.
    pub fn make(
        &self,
        function: &FunctionName,
        label: Option<String>,
    ) -> Result<(TokenInfo, String), Arc<TokensError>> {
        let is_line = |label: &String| {
            label.chars().count() <= MAX_LABEL && !label.contains(char::is_control)
        };
        if !label.as_ref().is_none_or(is_line) {
            return Err(TokensError::Label.into());
        }
        let text = format!("{KIND}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let token = Token {
            id: format!("{:016x}", rand::random::<u64>()),
            prefix: text[..KIND.len() + SHOWN].to_owned(),
            label,
            hash: hash(&text),
            created_at: Timestamp::now(),
            last_used: AtomicI64::new(0),
        };
        let info = token.info();
        self.change(|owners| {
            let tokens = &mut owners.entry(function.clone()).or_default().tokens;
            if tokens.len() >= MOST {
                return Err(TokensError::TooMany);
            }
            tokens.push(Arc::new(token));
            Ok(())
        })?;
        Ok((info, text))
    }

    /// Lets nobody in with it any more.
    pub fn revoke(&self, function: &FunctionName, id: &str) -> Result<(), Arc<TokensError>> {
        self.change(|owners| {
            let unknown = || TokensError::Unknown(id.to_owned());
            let owner = owners.get_mut(function).ok_or_else(unknown)?;
            let place = owner.tokens.iter().position(|token| token.id == id);
            owner.tokens.remove(place.ok_or_else(unknown)?);
            if owner.tokens.is_empty() {
                owners.remove(function);
            }
            Ok(())
        })
    }

    /// Takes note of which functions there are. To be told before a function
    /// that has come back can be called.
    pub fn reconcile(&self, exists: impl Fn(&FunctionName) -> bool, now: Timestamp) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut owners) = Result::clone(&self.owners.load()) else { return };
        let mut changed = false;
        owners.retain(|function, owner| {
            let since = match (exists(function), owner.gone_since) {
                (true, Some(since)) if now.duration_since(since).unsigned_abs() > GRACE => {
                    tracing::info!(%function, "a function has come back late; its tokens have ended");
                    changed = true;
                    return false;
                }
                (true, _) => None,
                (false, since) => since.or(Some(now)),
            };
            changed |= since != owner.gone_since;
            owner.gone_since = since;
            true
        });
        if changed {
            self.owners.store(Arc::new(Ok(owners)));
            self.unwritten.store(true, Ordering::Relaxed);
        }
    }

    /// Writes down what requests have changed, now and then, until it is
    /// dropped: none of them waits for a disk.
    pub async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(WRITE_USES).await;
            tokio::task::block_in_place(|| self.flush());
        }
    }

    /// Writes down what is not on disk yet.
    pub fn flush(&self) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.unwritten.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Ok(owners) = &**self.owners.load()
            && let Err(error) = write(&self.file, owners)
        {
            self.unwritten.store(true, Ordering::Relaxed);
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the last uses of tokens cannot be written down");
        }
    }

    /// On disk first: what is lost by a crash was never promised.
    fn change(
        &self,
        change: impl FnOnce(&mut Owners) -> Result<(), TokensError>,
    ) -> Result<(), Arc<TokensError>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut owners = Result::clone(&self.owners.load())?;
        change(&mut owners)?;
        write(&self.file, &owners)?;
        self.owners.store(Arc::new(Ok(owners)));
        Ok(())
    }
}

impl Token {
    fn info(&self) -> TokenInfo {
        let last_used = Some(self.last_used.load(Ordering::Relaxed)).filter(|at| *at != 0);
        TokenInfo {
            id: self.id.clone(),
            prefix: self.prefix.clone(),
            label: self.label.clone(),
            created_at: self.created_at,
            last_used_at: last_used.and_then(|at| Timestamp::from_second(at).ok()),
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token that a request carries.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn read(file: &Path) -> Result<Owners, TokensError> {
    let Some(text) = private_file::read(file)? else { return Ok(Owners::default()) };
    serde_json::from_slice(&text)
        .map_err(|error| TokensError::Damaged { path: file.to_owned(), reason: error.to_string() })
}

fn write(file: &Path, owners: &Owners) -> Result<(), TokensError> {
    Ok(private_file::replace_json(file, owners)?)
}

#[cfg(test)]
mod tests;
