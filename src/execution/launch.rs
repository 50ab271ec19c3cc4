//! From a profile to a spare: the folder, the process, the first words.

mod folder;

use std::ffi::OsString;
use std::io;
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
use super::profile::{CONTROL_SOCKET, HTTP_SOCKET, Place, Profile};
use super::warm_up::warm_up;
use crate::sandbox::{CommandSpec, Layer, Priority, Process, Spawner};
pub use folder::Folder;
use folder::find_files;

/// From the spawn to the shim's word that it listens. A loaded machine needs
/// a few hundred milliseconds for what an idle one does in fifteen.
const BOOT_TIMEOUT: Duration = Duration::from_secs(20);

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
}

impl Launched {
    /// Changes its priority, as far as that can be done.
    pub fn set_priority(&self, priority: Priority) {
        if let Err(error) = self.process.set_priority(priority) {
            tracing::warn!(instance = %self.id, %error, "cannot change its priority");
        }
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
        let ahead = self.ahead().take_if(|prepared| prepared.profile.boots_like(profile));
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
        let other = self.ahead().take_if(|prepared| !prepared.profile.boots_like(profile));
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
        let _ = prepared.process.set_priority(priority);
        // If it has ended already, it has said why.
        let _ = prepared.process.start();
        let Prepared { id, mut process, folder, listener, writes_unbounded, .. } = prepared;
        let control = folder.path().join(CONTROL_SOCKET);
        let mut output = Output::follow(id, process.take_stdout(), process.take_stderr());

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
        // The process may also end instead of ever speaking.
        let ended = process.ended().map_err(StartError::launch)?;
        let introduced = process.patiently(async {
            tokio::select! {
                introduced = tokio::time::timeout(BOOT_TIMEOUT, introduced) => Some(introduced),
                () = ended => None,
            }
        });
        let introduced = introduced.await;
        let (sender, receiver) = match introduced {
            Some(Ok(Ok(channel))) => channel,
            Some(Err(_)) => return Err(StartError::TimedOut(BOOT_TIMEOUT.as_secs())),
            // A channel that breaks says less than how the process ended.
            Some(Ok(Err(error))) => match process.stop().await {
                Ok(status) if !status.success() => return Err(exited(status, &mut output).await),
                _ => return Err(StartError::launch(error)),
            },
            None => {
                let status = process.stop().await.map_err(StartError::launch)?;
                return Err(exited(status, &mut output).await);
            }
        };
        let link = Link::open(&folder.path().join(HTTP_SOCKET), token, self.tools.lanes);
        let link = Arc::new(link.map_err(StartError::launch)?);
        Ok(Launched { id, link, process, folder, sender, receiver, output, writes_unbounded })
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

/// The error for a process that ended too early, with what it said last.
pub async fn exited(status: ExitStatus, output: &mut Output) -> StartError {
    let output = match output.last_words().await {
        words if words.is_empty() => String::new(),
        words => format!("\n{words}"),
    };
    StartError::Exited { status: status.to_string(), output }
}
