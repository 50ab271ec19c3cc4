//! Where control groups are mounted, and where this process is in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::Version;

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

    /// Whether it has that controller.
    pub(super) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
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
