//! From a profile to a spare: the folder, the process, the first words.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use super::control::{ControlListener, ControlReceiver, ControlSender, FromShim, ToShim};
use super::instance::{InstanceId, StartError};
use super::link::Link;
use super::output::Output;
use super::profile::{CONTROL_SOCKET, Files, HTTP_SOCKET, Profile};
use crate::sandbox::{CommandSpec, Confinement, Process, Spawner};

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
    /// Where Deno may keep what it derives from the shim.
    pub cache: PathBuf,
    /// How many threads will connect.
    pub lanes: usize,
    /// What every process is confined by.
    pub confinement: Confinement,
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
        std::fs::create_dir(&path)?;
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
        let id = InstanceId::next();
        let folder = Folder::make(self.run.join(id.to_string())).map_err(StartError::launch)?;
        let control = folder.path().join(CONTROL_SOCKET);
        let listener = ControlListener::bind(&control).map_err(StartError::launch)?;
        let files = give_files(profile, folder.path()).map_err(StartError::launch)?;

        let mut process = self
            .spawner
            .spawn(CommandSpec {
                program: self.deno.clone(),
                args: profile.arguments(folder.path(), &files, &self.shim),
                env: self.environment(),
                cwd: files,
                confinement: self.confinement.clone(),
            })
            .await
            .map_err(StartError::launch)?;
        let output = Output::follow(id, process.take_stdout(), process.take_stderr());

        let token = format!("{:032x}", rand::random::<u128>());

        let introduced = async {
            let (mut sender, mut receiver) = listener.accept(&control).await?;
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
        let link = Arc::new(Link::new(folder.path().join(HTTP_SOCKET), token, self.lanes));
        Ok(Launched { id, link, process, folder, sender, receiver, output })
    }

    /// For Deno itself, before the shim clears it.
    fn environment(&self) -> Vec<(OsString, OsString)> {
        vec![
            ("DENO_DIR".into(), self.cache.clone().into()),
            ("DENO_NO_UPDATE_CHECK".into(), "1".into()),
            ("NO_COLOR".into(), "1".into()),
        ]
    }
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
