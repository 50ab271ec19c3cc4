//! From a profile to a spare: the folder, the process, the first words.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::control::{ControlListener, ControlReceiver, ControlSender, FromShim, ToShim};
use super::deno_cache::{self, DenoCache};
use super::instance::{InstanceId, StartError};
use super::link::Link;
use super::output::Output;
use super::profile::{CONTROL_SOCKET, Files, HTTP_SOCKET, Place, Profile};
use super::warm_up::{Warmth, warm_up};
use crate::sandbox::{Cage, CommandSpec, Process, Spawner};

/// From the spawn to the shim's word that it listens. A loaded machine needs
/// a few hundred milliseconds for what an idle one does in fifteen.
const BOOT_TIMEOUT: Duration = Duration::from_secs(20);

/// What every launch needs.
#[derive(Debug)]
pub struct Launcher {
    /// Starts the process.
    pub spawner: Spawner,
    /// The Deno program.
    pub deno: PathBuf,
    /// The built shim.
    pub shim: PathBuf,
    /// Where instances get their folders. Nobody else can enter it.
    pub run: PathBuf,
    /// Where what Deno derives from the shim is kept from one server to the next.
    pub cache_base: PathBuf,
    /// What it derives. The first launch makes it.
    pub cache: OnceCell<DenoCache>,
    /// How many threads will connect.
    pub lanes: usize,
    /// Where the next process will be.
    pub next: Mutex<Option<Ground>>,
}

/// What a process needs to find, whatever it will be. It is made while the one
/// before it boots, so that nobody waits for it.
#[derive(Debug)]
pub struct Ground {
    id: InstanceId,
    folder: Folder,
    listener: ControlListener,
}

impl Ground {
    fn lay(run: &Path, cache: &DenoCache) -> io::Result<Self> {
        let id = InstanceId::next();
        let folder = Folder::make(run.join(id.to_string()))?;
        let listener = ControlListener::bind(&folder.path().join(CONTROL_SOCKET))?;
        cache.write(&folder.path().join(deno_cache::FOLDER))?;
        Ok(Self { id, folder, listener })
    }
}

/// A process that listens and has not been told what to be.
#[derive(Debug)]
pub struct Launched {
    /// Which process.
    pub id: InstanceId,
    /// How to reach it.
    pub link: Arc<Link>,
    /// The process itself.
    pub process: Process,
    /// Its folder, which ends with it.
    pub folder: Folder,
    /// To its shim.
    pub sender: ControlSender,
    /// From its shim.
    pub receiver: ControlReceiver,
    /// What it prints.
    pub output: Output,
}

/// An instance's folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    fn make(path: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            // The server's whole folder may have gone first.
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.0.display(), %error, "cannot remove an instance's folder");
        }
    }
}

impl Launcher {
    /// Starts a process and waits until it listens.
    pub async fn launch(&self, profile: &Profile) -> Result<Launched, StartError> {
        let cache = self.cache.get_or_init(async || {
            self.make_cache().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot keep what Deno derives from the shim; starts are slower");
                DenoCache::default()
            })
        });
        let cache = cache.await;
        let ground = match self.next().take() {
            Some(ground) => ground,
            None => Ground::lay(&self.run, cache).map_err(StartError::launch)?,
        };
        self.launch_on(ground, profile, || {
            // Without one, the next launch makes its own and has the error.
            *self.next() = Ground::lay(&self.run, cache).ok();
        })
        .await
    }

    fn next(&self) -> MutexGuard<'_, Option<Ground>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `meanwhile` is called while the process boots.
    async fn launch_on(
        &self,
        ground: Ground,
        profile: &Profile,
        meanwhile: impl FnOnce(),
    ) -> Result<Launched, StartError> {
        let Ground { id, folder, listener } = ground;
        let control = folder.path().join(CONTROL_SOCKET);
        let files = give_files(profile, folder.path()).map_err(StartError::launch)?;
        let place = Place { folder: folder.path(), files: &files, shim: &self.shim };
        let cage = self.cage(profile, &place).map_err(StartError::launch)?;
        cage.give(&control).map_err(StartError::launch)?;

        let mut process = self
            .spawner
            .spawn(CommandSpec {
                program: self.deno.clone(),
                args: profile.arguments(&place, &cage),
                env: environment(folder.path()),
                cwd: files,
                cage,
            })
            .await
            .map_err(StartError::launch)?;
        let output = Output::follow(id, process.take_stdout(), process.take_stderr());
        meanwhile();

        let token = format!("{:032x}", rand::random::<u128>());

        let id_of_process = process.id();
        let introduced = async {
            let (mut sender, mut receiver) = listener.accept(&control, id_of_process).await?;
            sender.send(&ToShim::Boot { token: &token }, &[]).await?;
            match receiver.receive().await? {
                Some(FromShim::Ready) => Ok((sender, receiver)),
                other => Err(io::Error::other(format!("expected `ready`, received {other:?}"))),
            }
        };
        // The process may also end instead of ever speaking.
        let introduced = tokio::select! {
            introduced = tokio::time::timeout(BOOT_TIMEOUT, introduced) => Some(introduced),
            _ = process.wait() => None,
        };
        let (sender, receiver) = match introduced {
            Some(Ok(Ok(channel))) => channel,
            Some(Err(_)) => return Err(StartError::TimedOut(BOOT_TIMEOUT.as_secs())),
            // A channel that breaks says less than how the process ended.
            Some(Ok(Err(error))) => match process.stop().await {
                Ok(status) if !status.success() => return Err(exited(status, &output).await),
                _ => return Err(StartError::launch(error)),
            },
            None => {
                let status = process.stop().await.map_err(StartError::launch)?;
                return Err(exited(status, &output).await);
            }
        };
        let link = Link::open(&folder.path().join(HTTP_SOCKET), token, self.lanes);
        let link = Arc::new(link.map_err(StartError::launch)?);
        Ok(Launched { id, link, process, folder, sender, receiver, output })
    }

    /// What confines the process, and what is its own.
    fn cage(&self, profile: &Profile, place: &Place<'_>) -> io::Result<Cage> {
        let cage = self.spawner.sandbox().cage(profile.needs(place, &self.deno))?;
        cage.give(place.folder)?;
        cage.give_all(&place.folder.join(deno_cache::FOLDER))?;
        if let Files::Copied(_) = profile.files {
            cage.give_all(place.files)?;
        }
        Ok(cage)
    }

    /// Lets Deno load whatever it loads until its first response, in a process
    /// that never sees a function.
    async fn make_cache(&self) -> io::Result<DenoCache> {
        let kept = DenoCache::place(&self.cache_base, &self.deno, &self.shim)?;
        if let Ok(cache) = DenoCache::read(&kept) {
            return Ok(cache);
        }
        let ground = Ground::lay(&self.run, &DenoCache::default())?;
        let first = self.launch_on(ground, &Profile::bare(), || {}).await;
        let mut first = first.map_err(io::Error::other)?;
        // The rest is as much again as all of this, for every start to copy.
        warm_up(&first.link, Warmth::Light).await?;
        // Ended by itself, it has written all of it.
        first.sender.send(&ToShim::Stop { grace_ms: 0 }, &[]).await?;
        let _ = tokio::time::timeout(deno_cache::TIME_LIMIT, first.process.wait()).await;
        first.process.stop().await?;
        let cache = DenoCache::read(&first.folder.path().join(deno_cache::FOLDER))?;
        cache.save(&kept)?;
        Ok(cache)
    }
}

/// For Deno itself, before the shim clears it.
fn environment(folder: &Path) -> Vec<(OsString, OsString)> {
    vec![
        ("DENO_DIR".into(), folder.join(deno_cache::FOLDER).into()),
        ("DENO_NO_UPDATE_CHECK".into(), "1".into()),
        // Else it asks the system for it, which has none to tell.
        ("HOME".into(), folder.into()),
        ("NO_COLOR".into(), "1".into()),
    ]
}

/// Where the process finds its files, which is also where it starts.
fn give_files(profile: &Profile, folder: &Path) -> io::Result<PathBuf> {
    match &profile.files {
        Files::None => Ok(folder.to_owned()),
        Files::Published(files) => {
            // Permissions may name only what does not exist yet.
            Ok(if files.is_dir() { files.clone() } else { folder.to_owned() })
        }
        Files::Copied(files) => {
            let copy = folder.join("files");
            std::fs::create_dir(&copy)?;
            if files.is_dir() {
                copy_tree(files, &copy)?;
            }
            Ok(copy)
        }
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// The error for a process that ended too early, with what it said last.
pub async fn exited(status: ExitStatus, output: &Output) -> StartError {
    let output = match output.last_words().await {
        words if words.is_empty() => String::new(),
        words => format!("\n{words}"),
    };
    StartError::Exited { status: status.to_string(), output }
}
