//! From a profile to a spare: the folder, the process, the first words.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::control::{ControlListener, ControlReceiver, ControlSender, FromShim, ToShim};
use super::deno_cache::{self, DenoCache};
use super::instance::{InstanceId, StartError};
use super::link::Link;
use super::output::Output;
use super::profile::{CONTROL_SOCKET, Files, HTTP_SOCKET, Place, Profile, SCRATCH_MB};
use super::warm_up::warm_up;
use crate::sandbox::{CommandSpec, Layer, Priority, Process, Spawner};

/// From the spawn to the shim's word that it listens. A loaded machine needs
/// a few hundred milliseconds for what an idle one does in fifteen.
const BOOT_TIMEOUT: Duration = Duration::from_secs(20);

/// So long a process of low priority gets to boot in what others leave of the
/// processors; then it counts among them. Where they leave nothing, it would
/// never be ready.
const LOW_PATIENCE: Duration = Duration::from_millis(500);

/// Starts processes.
#[derive(Debug)]
pub struct Launcher {
    tools: Tools,
    /// What Deno derives from the shim. The first launch makes it.
    cache: OnceCell<DenoCache>,
    /// The next process, if it turns out to be of this profile.
    ahead: Mutex<Option<Prepared>>,
}

/// What a launcher works with.
#[derive(Debug)]
pub struct Tools {
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
    /// How many threads will connect.
    pub lanes: usize,
}

/// A process that is confined and waits to become Deno, and what it will find.
/// It is made ahead, so that nobody waits for that.
#[derive(Debug)]
struct Prepared {
    profile: Profile,
    id: InstanceId,
    process: Process,
    folder: Folder,
    listener: ControlListener,
    writes_unbounded: bool,
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
    /// Whether nothing but its keeper bounds what it writes.
    pub writes_unbounded: bool,
    /// How it stands to others where processors are short.
    pub priority: Priority,
}

/// An instance's folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Launched {
    /// Changes its priority, unless it has that.
    pub fn set_priority(&mut self, priority: Priority) {
        if priority == self.priority {
            return;
        }
        match self.process.set_priority(priority) {
            Ok(()) => self.priority = priority,
            Err(error) => tracing::warn!(instance = %self.id, %error, "cannot change its priority"),
        }
    }
}

/// Waits for what a process of low priority does in what others leave of the
/// processors. Where that gets it nowhere, it counts among them.
pub async fn patiently<T>(process: &Process, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match tokio::time::timeout(LOW_PATIENCE, work.as_mut()).await {
        Ok(done) => done,
        Err(_) => {
            // Else it works as it can.
            let _ = process.set_priority(Priority::Normal);
            work.await
        }
    }
}

impl Folder {
    fn make(path: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Where goes what a process writes.
#[derive(Debug, Clone, Copy)]
enum Writes {
    /// Nowhere that outlives it.
    Private,
    /// To its folder, for the server to read.
    Kept,
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
    /// Where instances get their folders.
    pub fn run_folder(&self) -> &Path {
        &self.tools.run
    }

    /// A launcher that has launched nothing.
    pub fn new(tools: Tools) -> Self {
        Self { tools, cache: OnceCell::new(), ahead: Mutex::default() }
    }

    /// Starts a process and waits until it listens.
    pub async fn launch(
        &self,
        profile: &Profile,
        priority: Priority,
    ) -> Result<Launched, StartError> {
        let cache = self.cache().await;
        let ahead = self.ahead().take_if(|prepared| prepared.profile == *profile);
        if let Some(prepared) = ahead {
            match self.start(prepared, priority).await {
                // Something may have ended it while it waited.
                Err(StartError::Exited { .. }) => {}
                result => return result,
            }
        }
        self.launch_anew(profile, cache, Writes::Private, priority).await
    }

    async fn launch_anew(
        &self,
        profile: &Profile,
        cache: &DenoCache,
        writes: Writes,
        priority: Priority,
    ) -> Result<Launched, StartError> {
        let prepared = self.prepare_with(profile, cache, writes).await;
        self.start(prepared.map_err(StartError::launch)?, priority).await
    }

    /// Does ahead what the next launch would have to do if it is of this
    /// profile.
    pub async fn prepare(&self, profile: &Profile) {
        let cache = self.cache().await;
        let other = self.ahead().take_if(|prepared| prepared.profile != *profile);
        discard(other).await;
        if self.ahead().is_none() {
            // Without one, the next launch makes its own and has the error.
            let prepared = self.prepare_with(profile, cache, Writes::Private).await.ok();
            *self.ahead() = prepared;
        }
    }

    /// Waits until what was prepared has ended by itself, and for it; for ever
    /// where nothing is. The next launch does without.
    pub async fn bury_prepared(&self) {
        let ahead = self.ahead().as_ref().map(|ahead| (ahead.id, ahead.process.ended()));
        let Some((id, Ok(ended))) = ahead else { return std::future::pending().await };
        ended.await;
        // It may have been launched meanwhile.
        let dead = self.ahead().take_if(|ahead| ahead.id == id);
        discard(dead).await;
    }

    /// Nothing more is launched, so nothing need be prepared.
    pub async fn close(&self) {
        let ahead = self.ahead().take();
        discard(ahead).await;
    }

    fn ahead(&self) -> MutexGuard<'_, Option<Prepared>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn cache(&self) -> &DenoCache {
        let make = async || {
            self.make_cache().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot keep what Deno derives from the shim; starts are slower");
                DenoCache::default()
            })
        };
        self.cache.get_or_init(make).await
    }

    async fn prepare_with(
        &self,
        profile: &Profile,
        cache: &DenoCache,
        writes: Writes,
    ) -> io::Result<Prepared> {
        let Tools { spawner, deno, shim, run, .. } = &self.tools;
        let id = InstanceId::next();
        let holdings = spawner.sandbox().hold()?;
        let folder = Folder::make(run.join(id.to_string()))?;
        let listener = ControlListener::bind(&folder.path().join(CONTROL_SOCKET))?;
        cache.write(&folder.path().join(deno_cache::FOLDER))?;
        let files = find_files(profile, folder.path())?;
        holdings.give_all(folder.path())?;
        let place = Place { folder: folder.path(), files: &files, shim };
        let mut needs = profile.needs(&place, deno);
        if let Writes::Kept = writes {
            needs.files.write.append(&mut needs.files.scratch);
        }
        if spawner.sandbox().layers().has(Layer::Memory) {
            // Its group counts what it uses, which says more than what it maps.
            needs.limits.data = None;
        }
        let cage = spawner.sandbox().cage(needs, holdings)?;
        let writes_unbounded = !cage.has(Layer::Mounts);
        let spec = CommandSpec {
            program: deno.clone(),
            args: profile.arguments(&place, &cage),
            env: environment(folder.path()),
            cwd: files,
            cage,
        };
        let process = spawner.spawn(spec).await?;
        Ok(Prepared { profile: profile.clone(), id, process, folder, listener, writes_unbounded })
    }

    /// Lets a process start, and waits until it says that it listens.
    async fn start(
        &self,
        mut prepared: Prepared,
        priority: Priority,
    ) -> Result<Launched, StartError> {
        // Without, it starts all the same, and takes its time from others.
        let mut priority = match priority {
            Priority::Low if prepared.process.set_priority(priority).is_ok() => priority,
            _ => Priority::Normal,
        };
        // If it has ended already, it has said why.
        let _ = prepared.process.start();
        let Prepared { id, mut process, folder, listener, writes_unbounded, .. } = prepared;
        let control = folder.path().join(CONTROL_SOCKET);
        let output = Output::follow(id, process.take_stdout(), process.take_stderr());

        let token = format!("{:032x}", rand::random::<u128>());

        let id_of_process = process.id();
        let introduced = async {
            let (mut sender, mut receiver) = listener.accept(&control, id_of_process).await?;
            sender.send(&ToShim::Boot { token: &token }).await?;
            match receiver.receive().await? {
                Some(FromShim::Ready) => Ok((sender, receiver)),
                other => Err(io::Error::other(format!("expected `ready`, received {other:?}"))),
            }
        };
        let introduced = {
            let mut introduced = pin!(tokio::time::timeout(BOOT_TIMEOUT, introduced));
            let mut patience = pin!(tokio::time::sleep(LOW_PATIENCE));
            loop {
                tokio::select! {
                    introduced = introduced.as_mut() => break Some(introduced),
                    // The process may also end instead of ever speaking.
                    _ = process.wait() => break None,
                    () = patience.as_mut(), if priority == Priority::Low && !patience.is_elapsed() => {
                        // Else it boots as it can.
                        if process.set_priority(Priority::Normal).is_ok() {
                            priority = Priority::Normal;
                        }
                    }
                }
            }
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
        let link = Link::open(&folder.path().join(HTTP_SOCKET), token, self.tools.lanes);
        let link = Arc::new(link.map_err(StartError::launch)?);
        Ok(Launched {
            id,
            link,
            process,
            folder,
            sender,
            receiver,
            output,
            writes_unbounded,
            priority,
        })
    }

    /// Lets Deno load whatever it loads until its first response, in a process
    /// that never sees a function.
    async fn make_cache(&self) -> io::Result<DenoCache> {
        let kept = DenoCache::place(&self.tools.cache_base, &self.tools.deno, &self.tools.shim)?;
        if let Ok(cache) = DenoCache::read(&kept) {
            return Ok(cache);
        }
        let (profile, none) = (Profile::bare(), DenoCache::default());
        let first = self.launch_anew(&profile, &none, Writes::Kept, Priority::Normal).await;
        let mut first = first.map_err(io::Error::other)?;
        // `node:vm` would be as much again, for every start to copy.
        warm_up(&first.link, false).await?;
        // Ended by itself, it has written all of it.
        first.sender.send(&ToShim::Stop { grace_ms: 0 }).await?;
        let _ = tokio::time::timeout(deno_cache::TIME_LIMIT, first.process.wait()).await;
        first.process.stop().await?;
        let cache = DenoCache::read(&first.folder.path().join(deno_cache::FOLDER))?;
        cache.save(&kept)?;
        Ok(cache)
    }
}

/// Ends a process that never was Deno.
async fn discard(prepared: Option<Prepared>) {
    if let Some(Prepared { process, id, .. }) = prepared
        && let Err(error) = process.stop().await
    {
        tracing::error!(instance = %id, %error, "cannot wait for a process");
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
fn find_files(profile: &Profile, folder: &Path) -> io::Result<PathBuf> {
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
                copy_tree(files, &copy, &mut (SCRATCH_MB << 20))?;
            }
            Ok(copy)
        }
    }
}

/// Copies all of it, if it is no larger than `room`.
fn copy_tree(from: &Path, to: &Path, room: &mut u64) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_tree(&entry.path(), &target, room)?;
        } else {
            let size = std::fs::copy(entry.path(), &target)?;
            *room = room.checked_sub(size).ok_or_else(|| {
                io::Error::other(format!(
                    "its own files take up more than the {SCRATCH_MB} MiB that it may write"
                ))
            })?;
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
