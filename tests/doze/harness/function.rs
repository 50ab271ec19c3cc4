//! A function folder, written as a sentence.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bed::TestBed;
use super::{until, until_asked};

/// A function in `registry_in`. Nothing is written before [`Self::write`] or
/// [`Self::drop_in`].
pub(crate) struct FunctionFolder<'a> {
    bed: &'a TestBed,
    name: String,
    files: Vec<(String, Vec<u8>)>,
}

impl<'a> FunctionFolder<'a> {
    pub(crate) fn new(bed: &'a TestBed, name: &str) -> Self {
        Self { bed, name: name.to_owned(), files: Vec::new() }
    }

    pub(crate) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), content.as_ref().to_owned()));
        self
    }

    /// Its entry, `index.ts`.
    pub(crate) fn source(self, text: impl AsRef<[u8]>) -> Self {
        self.file("index.ts", text)
    }

    /// Its `registry.json`.
    #[expect(clippy::needless_pass_by_value, reason = "it takes what `json!` makes")]
    pub(crate) fn manifest(self, manifest: Value) -> Self {
        self.file("registry.json", manifest.to_string())
    }

    fn folder(&self) -> PathBuf {
        self.bed.path("registry_in").join(&self.name)
    }

    /// Writes the files as a careful editor does, each by a rename, and waits
    /// for nothing.
    pub(crate) fn write(&self) {
        let folder = self.folder();
        let aside = self.bed.path("aside");
        for (path, content) in &self.files {
            let target = folder.join(path);
            fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder");
            fs::write(&aside, content).expect("a file can be written");
            fs::rename(&aside, target).expect("a file can be renamed");
        }
    }

    /// Writes the files and waits until the gateway serves this very content.
    pub(crate) async fn drop_in(self) {
        let before = self.bed.published(&self.name);
        self.write();
        let now = self.published_as("live", &before).await;
        self.served(&now).await;
    }

    /// Waits until the gateway serves what was written before.
    pub(crate) async fn live(&self) {
        let now = self.published_as("live", &Value::Null).await;
        self.served(&now).await;
    }

    /// Writes the files and waits until they are published as not running:
    /// `stale` or `broken`.
    pub(crate) async fn drop_in_as(self, state: &str) {
        let before = self.bed.published(&self.name);
        self.write();
        self.published_as(state, &before).await;
    }

    async fn served(&self, published: &Value) {
        let revision = published["revision"].as_str().expect("a live function has a revision");
        self.bed.followed(&self.name, revision).await;
    }

    async fn published_as(&self, state: &str, before: &Value) -> Value {
        until(&format!("`{}` is {state}", self.name), || {
            let now = self.bed.published(&self.name);
            if now["state"] == state && now != *before { Ok(now) } else { Err(now) }
        })
        .await
    }

    /// Removes the folder and waits until its name is free.
    pub(crate) async fn remove(self) {
        fs::remove_dir_all(self.folder()).expect("the folder is there");
        until_asked(&format!("`{}` is removed", self.name), async || {
            let response = self.bed.get(&format!("/{}", self.name)).await;
            match response.header("x-doze-error") {
                Some("function_not_found") => Ok(()),
                _ => Err(format!("{response:?}")),
            }
        })
        .await;
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
