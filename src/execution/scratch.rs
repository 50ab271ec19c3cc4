//! How much a process has written, where the kernel does not bound the sum.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::profile::SCRATCH_MB;

/// How often it is looked at.
pub const LOOK: Duration = Duration::from_millis(500);
/// What a file costs at least, so that empty ones count, and a folder with too
/// many of them is not read to its end.
const FILE: u64 = 4096;

/// Whether more lies below a folder than a process may write. What it has
/// removed and still holds open is not seen.
pub fn is_full(folder: &Path) -> bool {
    count(folder, &mut (SCRATCH_MB << 20)).is_none()
}

/// Takes everything below from the room; `None` once there is none. What
/// cannot be read, perhaps because it is being removed, takes nothing.
fn count(folder: &Path, room: &mut u64) -> Option<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Never through a link: where that leads is not its own.
        let Ok(found) = entry.metadata() else { continue };
        *room = room.checked_sub(FILE.max(found.blocks() * 512))?;
        if found.is_dir() {
            count(&entry.path(), room)?;
        }
    }
    Some(())
}
