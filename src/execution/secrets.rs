//! Secrets that the operator holds for functions.
//!
//! Each value is encrypted, on disk and in memory, with a key that lies in a
//! file of its own. It is in the clear only while a process gets it. A file or
//! a key that does not fit is left as it is: no secret can be had or set until
//! it has been put right and the server started again.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::instance::StartError;
use crate::function::manifest::is_variable_name;
use crate::private_file::{self, FileError};

/// The file's name, in the server's own folder.
pub const FILE: &str = "secrets";
/// The key's, where the operator names no other.
pub const KEY_FILE: &str = "secrets-key";
/// Bytes of a value.
pub const MAX_VALUE: usize = 64 << 10;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// A secret in the clear. It does not show itself, and what held it is
/// overwritten when it goes.
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

/// Why there is no such secret, or none at all.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what was written.
    #[error("`{}` is damaged ({reason}); restore it, or move it away to begin without secrets", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There are secrets, and no key.
    #[error("`{}`, the key of the secrets, is missing; restore it, or name it with `--secrets-key-file`", .0.display())]
    NoKey(PathBuf),
    /// The key's file holds something else.
    #[error("`{}` must hold a key: {KEY_BYTES} bytes in Base64", .0.display())]
    BadKey(PathBuf),
    /// The key does not open what is there.
    #[error("the secret `{name}` cannot be decrypted: `{}` is not its key, or `{}` is damaged; restore the right one", key.display(), file.display())]
    WrongKey {
        /// The first such secret.
        name: String,
        /// The key's file.
        key: PathBuf,
        /// The secrets' file.
        file: PathBuf,
    },
    /// No function could name it.
    #[error("`{}` is not a name; expected letters, digits and `_`", .0.escape_debug())]
    Name(String),
    /// No process could be given it.
    #[error("a value may be {} KiB long, and hold no zero byte", MAX_VALUE >> 10)]
    Value,
    /// Nobody has set it.
    #[error("the secret `{0}` is not set")]
    NotSet(String),
}

/// What may be told of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// Its name.
    pub name: String,
    /// When it was last set.
    pub updated_at: Timestamp,
}

/// The operator's secrets.
#[derive(Debug)]
pub struct Secrets {
    file: PathBuf,
    key_file: PathBuf,
    /// Replaced as a whole, so that whoever starts a process takes no lock.
    vault: ArcSwap<Result<Vault, Arc<SecretsError>>>,
    /// Held by whoever replaces it.
    writing: Mutex<()>,
}

/// Every secret, encrypted.
#[derive(Clone, Default)]
struct Vault {
    /// None before the first secret.
    cipher: Option<XChaCha20Poly1305>,
    secrets: BTreeMap<String, Sealed>,
}

/// One secret as it stands in the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    updated_at: Timestamp,
    /// The nonce and what was encrypted with it, in Base64. The secret's name
    /// is authenticated with it, so that no two can be exchanged.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    sealed: Vec<u8>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl Secrets {
    /// The secrets in the server's own folder. What is wrong with them is told
    /// to the log now, and to whoever asks for one.
    pub fn open(data: &Path, key_file: PathBuf) -> Arc<Self> {
        let file = data.join(FILE);
        let vault = Vault::read(&file, &key_file).map_err(Arc::new);
        if let Err(error) = &vault {
            let error = &**error as &dyn std::error::Error;
            tracing::error!(
                error,
                "the secrets cannot be read; functions that need one do not start"
            );
        }
        Arc::new(Self {
            file,
            key_file,
            vault: ArcSwap::from_pointee(vault),
            writing: Mutex::default(),
        })
    }

    /// Every secret's name, sorted.
    pub fn list(&self) -> Result<Vec<SecretInfo>, Arc<SecretsError>> {
        let vault = self.vault.load();
        let secrets = vault.as_ref().as_ref().map_err(Arc::clone)?.secrets.iter();
        let info = |(name, sealed): (&String, &Sealed)| SecretInfo {
            name: name.clone(),
            updated_at: sealed.updated_at,
        };
        Ok(secrets.map(info).collect())
    }

    /// Whether a function that names these can have them.
    pub fn check(&self, names: &[String]) -> Result<(), StartError> {
        if names.is_empty() {
            return Ok(());
        }
        match &**self.vault.load() {
            Err(error) => Err(StartError::Secrets(Arc::clone(error))),
            Ok(vault) => match names.iter().find(|name| !vault.secrets.contains_key(*name)) {
                Some(missing) => Err(StartError::NoSecret(missing.clone())),
                None => Ok(()),
            },
        }
    }

    /// The secrets of these names, in the clear.
    pub fn reveal<'n>(
        &self,
        names: &'n [String],
    ) -> Result<Vec<(&'n str, SecretValue)>, StartError> {
        self.check(names)?;
        let vault = self.vault.load();
        let Ok(vault) = &**vault else { return Ok(Vec::new()) };
        let reveal = |name: &'n String| match vault.reveal(name) {
            Some(value) => Ok((name.as_str(), value)),
            None => Err(StartError::NoSecret(name.clone())),
        };
        names.iter().map(reveal).collect()
    }

    /// Sets one, or sets it anew.
    pub fn set(&self, name: &str, value: &SecretValue) -> Result<(), Arc<SecretsError>> {
        if !is_variable_name(name) {
            return Err(SecretsError::Name(name.to_owned()).into());
        }
        if value.expose().len() > MAX_VALUE || value.expose().contains('\0') {
            return Err(SecretsError::Value.into());
        }
        self.change(|vault| {
            let cipher = match &vault.cipher {
                Some(cipher) => cipher.clone(),
                None => read_or_make_key(&self.key_file)?,
            };
            let sealed = Sealed::seal(&cipher, name, value);
            vault.secrets.insert(name.to_owned(), sealed);
            vault.cipher = Some(cipher);
            Ok(())
        })
    }

    /// Forgets one.
    pub fn remove(&self, name: &str) -> Result<(), Arc<SecretsError>> {
        self.change(|vault| match vault.secrets.remove(name) {
            Some(_) => Ok(()),
            None => Err(SecretsError::NotSet(name.to_owned())),
        })
    }

    /// On disk first: what is lost by a crash was never promised.
    fn change(
        &self,
        change: impl FnOnce(&mut Vault) -> Result<(), SecretsError>,
    ) -> Result<(), Arc<SecretsError>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut vault = Result::clone(&self.vault.load())?;
        change(&mut vault)?;
        vault.write(&self.file)?;
        self.vault.store(Arc::new(Ok(vault)));
        Ok(())
    }
}

impl Vault {
    fn read(file: &Path, key_file: &Path) -> Result<Self, SecretsError> {
        let Some(text) = private_file::read(file)? else { return Ok(Self::default()) };
        let secrets: BTreeMap<String, Sealed> = serde_json::from_slice(&text).map_err(|error| {
            SecretsError::Damaged { path: file.to_owned(), reason: error.to_string() }
        })?;
        if secrets.is_empty() {
            return Ok(Self::default());
        }
        let vault = Self { cipher: Some(read_key(key_file)?), secrets };
        // Found out now, and not by the first function that needs one.
        match vault.secrets.keys().find(|name| vault.reveal(name).is_none()) {
            None => Ok(vault),
            Some(name) => Err(SecretsError::WrongKey {
                name: name.clone(),
                key: key_file.to_owned(),
                file: file.to_owned(),
            }),
        }
    }

    fn write(&self, file: &Path) -> Result<(), SecretsError> {
        Ok(private_file::replace_json(file, &self.secrets)?)
    }

    fn reveal(&self, name: &str) -> Option<SecretValue> {
        self.secrets.get(name)?.reveal(self.cipher.as_ref()?, name)
    }
}

impl Sealed {
    fn seal(cipher: &XChaCha20Poly1305, name: &str, value: &SecretValue) -> Self {
        let nonce = rand::random::<[u8; NONCE_BYTES]>();
        let payload = Payload { msg: value.expose().as_bytes(), aad: name.as_bytes() };
        let encrypted = cipher.encrypt(&nonce.into(), payload).expect("a value is not that long");
        Self { updated_at: Timestamp::now(), sealed: [&nonce[..], &encrypted].concat() }
    }

    fn reveal(&self, cipher: &XChaCha20Poly1305, name: &str) -> Option<SecretValue> {
        let (nonce, encrypted) = self.sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: encrypted, aad: name.as_bytes() };
        let text = cipher.decrypt(&(*nonce).into(), payload).ok()?;
        String::from_utf8(text).ok().map(SecretValue::from)
    }
}

fn read_key(path: &Path) -> Result<XChaCha20Poly1305, SecretsError> {
    let text = private_file::read(path)?.ok_or_else(|| SecretsError::NoKey(path.to_owned()))?;
    let text = Zeroizing::new(text);
    let bad = || SecretsError::BadKey(path.to_owned());
    let key = Zeroizing::new(STANDARD.decode(text.trim_ascii()).map_err(|_| bad())?);
    XChaCha20Poly1305::new_from_slice(&key).map_err(|_| bad())
}

/// The key for the first secret.
fn read_or_make_key(path: &Path) -> Result<XChaCha20Poly1305, SecretsError> {
    match read_key(path) {
        Err(SecretsError::NoKey(_)) => {}
        read => return read,
    }
    let key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
    let line = Zeroizing::new(format!("{}\n", STANDARD.encode(*key)));
    private_file::create(path, line.as_bytes()).map_err(FileError::at("write the key", path))?;
    read_key(path)
}

fn to_base64<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(from)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
