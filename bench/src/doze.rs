//! A doze server, its folders, and what is dropped there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Bench;
use crate::server::{Server, free_address, start};

/// The folders of one doze server.
pub(crate) struct Folders {
    pub(crate) registry_in: PathBuf,
    pub(crate) registry: PathBuf,
    pub(crate) data: PathBuf,
}

impl Folders {
    /// Makes new, empty folders.
    pub(crate) fn new(bench: &Bench, name: &str) -> Result<Self, String> {
        let folders = Self::at(bench, name);
        for folder in [&folders.registry_in, &folders.registry, &folders.data] {
            fs::create_dir_all(folder).map_err(|error| format!("cannot make a folder: {error}"))?;
        }
        Ok(folders)
    }

    /// The folders that an earlier round made.
    pub(crate) fn at(bench: &Bench, name: &str) -> Self {
        let root = bench.work.join(name);
        Self {
            registry_in: root.join("registry_in"),
            registry: root.join("registry"),
            data: root.join("data"),
        }
    }

    /// Removes everything; the next server starts from nothing.
    pub(crate) fn remove(self) {
        _ = self.registry_in.parent().map(fs::remove_dir_all);
    }

    /// Writes a function that greets, and its manifest.
    pub(crate) fn add_hello(&self, name: &str, manifest: &str) -> Result<(), String> {
        let code = format!(
            "import {{ createHandler }} from \"doze\";\n\
             export default createHandler((_request) => \"Hello, world\"); // {name}\n"
        );
        self.add(name, manifest, &code)
    }

    /// Writes a function of that code, and its manifest.
    pub(crate) fn add(&self, name: &str, manifest: &str, code: &str) -> Result<(), String> {
        let folder = self.registry_in.join(name);
        fs::create_dir(&folder)
            .and_then(|()| fs::write(folder.join("registry.json"), manifest))
            .and_then(|()| fs::write(folder.join("index.ts"), code))
            .map_err(|error| format!("cannot write {}: {error}", folder.display()))
    }

    /// Drops a folder that is a function already, with the packages installed in it.
    pub(crate) fn copy(&self, name: &str, from: &Path, manifest: &str) -> Result<(), String> {
        let folder = self.registry_in.join(name);
        let status = Command::new("cp").arg("-r").arg(from).arg(&folder).status();
        match status.and_then(|_| fs::write(folder.join("registry.json"), manifest)) {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("cannot copy {}: {error}", from.display())),
        }
    }

    /// Where a function's bundle is published.
    pub(crate) fn bundle(&self, name: &str) -> PathBuf {
        self.registry.join(format!("{name}.js"))
    }
}

/// Starts `doze VERB`.
pub(crate) fn doze(
    bench: &Bench,
    verb: &str,
    folders: &Folders,
    flags: &[&str],
) -> Result<Server, String> {
    let (address, admin) = (free_address()?, free_address()?);
    let mut command = Command::new(&bench.doze);
    command.arg(verb).arg("--registry").arg(&folders.registry).arg("--data").arg(&folders.data);
    command.arg("--runtime").arg(&bench.runtime).env("TMPDIR", &bench.temporary);
    if verb != "execution" {
        command.arg("--registry-in").arg(&folders.registry_in);
    }
    command.args(["--listen", &address.to_string(), "--admin", &admin.to_string()]);
    command.args(flags);
    let mut server = start(bench, &mut command, address)?;
    server.admin = Some(admin);
    Ok(server)
}

/// Code of about so many bytes: small functions, of which a request calls one.
/// V8 has to look at all of it.
pub(crate) fn code_of_size(bytes: usize) -> String {
    use std::fmt::Write as _;
    let mut code = String::from("type Item = { name: string; price: number; tags: string[] };\n");
    let mut names = Vec::new();
    while code.len() < bytes {
        let number = names.len();
        _ = write!(
            code,
            "function describe{number}(items: Item[], limit = {number}) {{\n\
             \x20 const chosen = items.filter(({{ price }}) => price > limit);\n\
             \x20 const total = chosen.reduce((sum, {{ price }}) => sum + price, 0);\n\
             \x20 return {{ kind: \"describe {number}\", total, names: chosen.map((item) => item.name.trim()) }};\n\
             }}\n"
        );
        names.push(format!("describe{number}"));
    }
    _ = write!(
        code,
        "const all = [{}];\n\
         export default (request: Request) =>\n\
         \x20 Response.json(all[request.url.length % all.length]([{{ name: \"a\", price: 1e6, tags: [] }}]));\n",
        names.join(", ")
    );
    code
}
