//! A file system with nothing in it but what the process needs.
//!
//! Everything is found at the path that it has outside, so that a path means
//! the same with this layer and without it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{pivot_root, sethostname};

use super::{StepError, scratch};
use crate::sandbox::attributes::{self, Attribute};
use crate::sandbox::{Confinement, Layer, system};

/// What a program that is run finds of the system, besides libraries.
const HOST_NAME: &str = "function";
/// For the few programs that want one; functions get theirs elsewhere.
const TEMPORARY: &str = "size=16m,mode=1777";

/// Builds the tree and moves into it, for good.
pub(in crate::sandbox) fn enter(plan: &Confinement) -> Result<(), StepError> {
    let root = &plan.root;
    let cwd = std::env::current_dir()?;

    // What is mounted from here on is seen by nobody else.
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let for_proc = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let for_files = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), root, Some("tmpfs"), for_files, Some("size=1m,mode=755"))?;

    let temporary = root.join("tmp");
    fs::create_dir_all(&temporary)?;
    if plan.programs {
        mount(Some("tmpfs"), &temporary, Some("tmpfs"), for_files, Some(TEMPORARY))?;
    }

    // Every place is made before the tree becomes read-only.
    let system = system::read(plan);
    let read: Vec<Place> = [&system, &plan.files.read]
        .into_iter()
        .flatten()
        .map(|path| Place::make(root, path))
        .filter_map(Result::transpose)
        .collect::<io::Result<_>>()?;
    // What lies in another's folder comes with that.
    let sockets = &plan.files.sockets;
    let alone = |path: &&PathBuf| !sockets.iter().any(|folder| path.starts_with(folder));
    let write: Vec<Place> = sockets
        .iter()
        .chain(plan.files.write.iter().chain(&plan.files.scratch).filter(alone))
        .map(|path| Place::make(root, path))
        .filter_map(Result::transpose)
        .collect::<io::Result<_>>()?;
    let devices: Vec<Place> = system::devices(plan)
        .iter()
        .map(|path| Place::make(root, path))
        .filter_map(Result::transpose)
        .collect::<io::Result<_>>()?;
    let proc = root.join("proc");
    fs::create_dir_all(proc.join("self"))?;
    let _ = cwd.strip_prefix("/").map(|below| fs::create_dir_all(root.join(below)));

    for place in &read {
        place.bind()?;
    }
    attributes::set(root, &[Attribute::ReadOnly, Attribute::NoSetUid, Attribute::NoDevices])?;
    for place in &devices {
        place.bind()?;
    }
    for place in &write {
        place.bind()?;
        attributes::set(&place.inside, &[Attribute::NoSetUid, Attribute::NoDevices])?;
    }
    if !plan.files.scratch.is_empty() {
        // Nothing lies there yet, and nothing that is bound lies below it.
        scratch::lay(plan, root, &proc)?;
    }
    // A container that hides parts of its own `/proc` refuses another one. A
    // program still has to find itself there, and nobody else.
    let shown = plan.has(Layer::Processes)
        && mount(Some("proc"), &proc, Some("proc"), for_proc, none).is_ok();
    if !shown {
        let itself = Some("/proc/self");
        let _ = mount(itself, &proc.join("self"), none, MsFlags::MS_BIND | MsFlags::MS_REC, none);
    }
    if plan.programs {
        attributes::make_writable(&temporary)?;
    }

    // The old root lies below the new one for a moment, and then nowhere.
    std::env::set_current_dir(root)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir(&cwd)?;
    Ok(())
}

/// A name of its own for the machine: the real one is nobody's business.
pub(in crate::sandbox) fn rename_host() -> Result<(), StepError> {
    Ok(sethostname(HOST_NAME)?)
}

/// A path outside, and where it will be in the tree.
struct Place {
    outside: PathBuf,
    inside: PathBuf,
}

impl Place {
    /// `None` where there is nothing to bind: what does not exist, or a link,
    /// which is made again instead.
    fn make(root: &Path, path: &Path) -> io::Result<Option<Self>> {
        let Ok(below) = path.strip_prefix("/") else { return Ok(None) };
        let inside = root.join(below);
        if let Some(parent) = inside.parent() {
            fs::create_dir_all(parent)?;
        }
        if system::is_linked(path)
            && let Ok(target) = fs::read_link(path)
        {
            return match symlink(target, &inside) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(None),
            };
        }
        match fs::metadata(path) {
            Err(_) => return Ok(None),
            Ok(found) if found.is_dir() => fs::create_dir_all(&inside)?,
            Ok(_) => drop(File::options().create(true).append(true).open(&inside)?),
        }
        Ok(Some(Self { outside: path.to_owned(), inside }))
    }

    fn bind(&self) -> nix::Result<()> {
        // With what is mounted below: a part of it cannot be had alone.
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&self.outside), &self.inside, None::<&str>, flags, None::<&str>)
    }
}
