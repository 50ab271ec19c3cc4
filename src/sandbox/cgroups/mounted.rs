//! Where control groups are mounted, and where this server's folder in them is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Version, remove};

/// Beginning of the name of a server's folder.
const PREFIX: &str = "doze-";

/// A mounted hierarchy, and where this process is in it.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) version: Version,
    pub(super) controllers: Vec<String>,
    pub(super) folder: PathBuf,
}

impl Mounted {
    /// Those that the kernel says this process is in and that are mounted.
    pub(super) fn all() -> Vec<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        groups.lines().filter_map(|line| Self::find(line, &mounts)).collect()
    }

    /// `4:memory:/path` for version 1, `0::/path` for version 2.
    fn find(group: &str, mounts: &str) -> Option<Self> {
        let mut fields = group.splitn(3, ':').skip(1);
        let names = fields.next()?;
        let path = fields.next()?;
        let version = if names.is_empty() { Version::Two } else { Version::One };
        let wanted: Vec<&str> = names.split(',').collect();
        let folder = mounts.lines().find_map(|line| {
            // 36 35 98:0 /root /mount/point options … - type source options
            let (place, kind) = line.split_once(" - ")?;
            let kind: Vec<_> = kind.split(' ').collect();
            let place: Vec<_> = place.split(' ').collect();
            let fits = match version {
                Version::Two => kind.first() == Some(&"cgroup2"),
                Version::One => {
                    kind.first() == Some(&"cgroup")
                        && kind.get(2)?.split(',').any(|option| wanted.contains(&option))
                }
            };
            let (root, point) = (place.get(3)?, place.get(4)?);
            let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
            fits.then(|| Path::new(point).join(below.trim_start_matches('/')))
        })?;
        let controllers = match version {
            Version::One => names.split(',').map(str::to_owned).collect(),
            Version::Two => {
                let text = fs::read_to_string(folder.join("cgroup.controllers")).ok()?;
                text.split_whitespace().map(str::to_owned).collect()
            }
        };
        Some(Self { version, controllers, folder })
    }

    /// This server's folder below, made if need be.
    pub(super) fn own_folder(&self, controller: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(format!("{PREFIX}{}", own_name()?));
        if !folder.is_dir() {
            remove_abandoned(&self.folder);
            fs::create_dir(&folder)?;
        }
        if self.version == Version::Two
            && let Err(error) = self.delegate(&folder, controller)
        {
            remove(&folder.join(SERVER));
            remove(&folder);
            return Err(error);
        }
        Ok(folder)
    }

    /// In version 2 a group with processes in it has no limits for those below,
    /// so the server itself moves into a group beside them.
    fn delegate(&self, folder: &Path, controller: &str) -> io::Result<()> {
        let switch = format!("+{controller}");
        let enable = |folder: &Path| fs::write(folder.join("cgroup.subtree_control"), &switch);
        if enable(&self.folder).is_err() {
            let server = self.folder.join(SERVER);
            match fs::create_dir(&server) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            fs::write(server.join("cgroup.procs"), "0")?;
            enable(&self.folder)?;
        }
        enable(folder)
    }
}

/// Where the server itself goes in version 2.
const SERVER: &str = "doze.server";

/// Tells this process from any other, also from a later one of its number.
fn own_name() -> io::Result<String> {
    let id = std::process::id();
    let started = start_time(id).ok_or(io::ErrorKind::NotFound)?;
    Ok(format!("{id}-{started}"))
}

/// Field 22 of `/proc/PID/stat`.
fn start_time(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

/// Removes the folders of servers that are gone. A group that still has
/// processes in it cannot be removed, so at worst this does nothing.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((id, started)) = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|name| name.split_once('-'))
            .and_then(|(id, started)| Some((id.parse().ok()?, started.parse().ok()?)))
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
    use super::*;

    const MOUNTS: &str = "\
24 1 0:22 / /sys rw - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
31 24 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
";

    #[test]
    fn a_group_is_found_where_its_hierarchy_is_mounted() {
        for (group, folder, controllers) in [
            ("4:memory:/a/b", "/sys/fs/cgroup/memory/a/b", vec!["memory"]),
            ("4:memory:/", "/sys/fs/cgroup/memory", vec!["memory"]),
            // The container's own group is the mount's root.
            ("2:cpu,cpuacct:/docker/abc", "/sys/fs/cgroup/cpu,cpuacct", vec!["cpu", "cpuacct"]),
            ("2:cpu,cpuacct:/docker/abc/x", "/sys/fs/cgroup/cpu,cpuacct/x", vec!["cpu", "cpuacct"]),
        ] {
            let found = Mounted::find(group, MOUNTS).unwrap();
            assert_eq!(found.folder.to_str().unwrap().trim_end_matches('/'), folder, "{group}");
            assert_eq!(found.controllers, controllers);
        }
        assert!(Mounted::find("8:pids:/", MOUNTS).is_none());
        assert!(Mounted::find("0::/", MOUNTS).is_none());
    }
}
