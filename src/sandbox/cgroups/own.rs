//! What a server has in a hierarchy of control groups.
//!
//! In version 1 its processes' groups lie beside its own threads. A folder
//! around them would compete with these as one, whatever is in it, and so let
//! a process that is to give way to all others hold up the server.
//!
//! In version 2 a group with processes in it cannot hand limits to those below
//! it. So the server moves from the group that was given to it into one of its
//! own, beside those of its processes, and goes back when it ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::mounted::Mounted;
use super::{Version, remove};

/// Beginning of the name of a server's folder.
const PREFIX: &str = "doze-";
/// The server's own group in its folder.
const SERVER: &str = "server";
/// Which processes are in a group.
const PROCESSES: &str = "cgroup.procs";
/// Moves whoever writes it there, whatever its number is in which namespace.
const MYSELF: &str = "0";

/// A server's place in one hierarchy. Its folder, in version 2, is removed when
/// this is dropped, which must be after the groups in it and the fork server
/// have gone.
#[derive(Debug)]
pub(super) struct Own {
    version: Version,
    /// The group that the server was started in.
    given: PathBuf,
    /// A folder with the groups in it, or in version 1 how their paths begin.
    folder: PathBuf,
    /// The controllers that are handed down to the folder for our sake.
    handed_down: Vec<&'static str>,
    moved: bool,
}

impl Own {
    /// Prepares it, and removes what is left of servers that are gone.
    pub(super) fn make(mounted: &Mounted) -> io::Result<Self> {
        let given = mounted.folder.clone();
        remove_abandoned(&given);
        let folder = given.join(format!("{PREFIX}{}", own_name()?));
        let mut own =
            Self { version: mounted.version, given, folder, handed_down: Vec::new(), moved: false };
        if own.version == Version::One {
            return Ok(own);
        }
        match fs::create_dir(&own.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // The one group that may do both is the first of all, which has no type.
        if own.given.join("cgroup.type").exists() {
            own.move_in()?;
        }
        Ok(own)
    }

    /// Where the group of that name is.
    pub(super) fn group(&self, name: &str) -> PathBuf {
        match self.version {
            Version::One => PathBuf::from(format!("{}-{name}", self.folder.display())),
            Version::Two => self.folder.join(name),
        }
    }

    pub(super) fn is_in(&self, mounted: &Mounted) -> bool {
        self.given == mounted.folder
    }

    /// Has a controller limit the groups in the folder. In version 1 it does.
    pub(super) fn hand_down(&mut self, controller: &'static str) -> io::Result<()> {
        if self.version == Version::One {
            return Ok(());
        }
        switch(&self.given, '+', controller)?;
        self.handed_down.push(controller);
        switch(&self.folder, '+', controller)
    }

    fn move_in(&mut self) -> io::Result<()> {
        let server = self.folder.join(SERVER);
        fs::create_dir(&server)?;
        self.moved = true;
        enter(&server)?;
        // Some controllers could be handed down all the same, and then nobody
        // could enter the groups that have them.
        if fs::read_to_string(self.given.join(PROCESSES))?.is_empty() {
            Ok(())
        } else {
            Err(io::Error::other("other processes are in it"))
        }
    }

    /// Back to where it was started, which is only open to processes while it
    /// hands nothing down.
    fn move_out(&self) {
        for controller in &self.handed_down {
            for folder in [&self.folder, &self.given] {
                // Where this fails, the next step says so.
                let _ = switch(folder, '-', controller);
            }
        }
        if let Err(error) = enter(&self.given) {
            tracing::warn!(folder = %self.given.display(), %error, "cannot leave a control group");
        }
        remove(&self.folder.join(SERVER));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.moved {
            self.move_out();
        }
        if self.version == Version::Two {
            remove(&self.folder);
        }
    }
}

fn switch(folder: &Path, sign: char, controller: &str) -> io::Result<()> {
    fs::write(folder.join("cgroup.subtree_control"), format!("{sign}{controller}"))
}

fn enter(folder: &Path) -> io::Result<()> {
    fs::write(folder.join(PROCESSES), MYSELF)
}

/// Tells this process from any other, also from a later one of its number.
fn own_name() -> io::Result<String> {
    let id = std::process::id();
    let started = start_time(id).ok_or(io::ErrorKind::NotFound)?;
    Ok(format!("{id}-{started}"))
}

/// Field 22 of `/proc/PID/stat`; `None` for a process that has ended, also where
/// its parent has not waited for it yet.
fn start_time(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    if ended { None } else { fields.nth(18)?.parse().ok() }
}

/// Removes the groups of servers that are gone. A group that still has
/// processes in it cannot be removed, so at worst this does nothing.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((id, started)) = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|name| name.split_once('-'))
            .and_then(|(id, rest)| {
                let started = rest.split('-').next()?;
                Some((id.parse().ok()?, started.parse().ok()?))
            })
        else {
            continue;
        };
        if start_time(id) == Some(started) {
            continue;
        }
        for below in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
            if below.path().is_dir() {
                remove(&below.path());
            }
        }
        remove(&entry.path());
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn who_has_ended_is_gone_also_before_its_parent_has_waited_for_it() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let first = start_time(child.id());
        assert!(first.is_some_and(|time| time > 0));
        assert_eq!(start_time(child.id()), first);
        child.kill().unwrap();
        while start_time(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(Path::new(&format!("/proc/{}", child.id())).exists(), "nobody has waited for it");
        child.wait().unwrap();
    }
}
