//! Permission flags, as an author writes them, on their way to Deno.

use std::num::NonZeroU32;
use std::path::{Component, Path};

use doze::execution::profile::{CONTROL_SOCKET, HTTP_SOCKET, Place, Profile};
use doze::function::permissions::Kind;
use doze::function::published::{Format, Release, Runtime};
use doze::function::{Manifest, Permissions, RevisionId};

/// The first byte is what the operator allows; the flags are separated by NUL.
pub fn run(data: &[u8]) {
    let (operator, text) = super::operator(data);
    let text = String::from_utf8_lossy(text);
    let mut flags: Vec<&str> = text.split('\0').collect();
    let read = match Permissions::parse(&flags, &operator) {
        Ok(read) => read,
        Err(errors) => {
            for (index, error) in &errors {
                assert!(*index < flags.len());
                assert!(!error.to_string().contains(char::is_control), "{error:?}");
                // Each one is refused for itself, whatever stands beside it.
                assert!(Permissions::parse(&flags[*index..=*index], &operator).is_err());
            }
            assert!(!errors.is_empty());
            return;
        }
    };
    assert_eq!(read.beyond(&operator), None, "more than the operator allows");

    // Order and repetition say nothing, and what is written is read back.
    flags.reverse();
    flags.extend(flags.clone());
    assert_eq!(Permissions::parse(&flags, &operator).as_ref(), Ok(&read));
    assert_eq!(Permissions::parse(&read.to_flags(), &operator).as_ref(), Ok(&read));
    let json = serde_json::to_vec(&read).expect("permissions are JSON");
    let back: Permissions = serde_json::from_slice(&json).expect("published flags are read");
    assert_eq!(back, read);

    for kind in [Kind::Read, Kind::Write] {
        read.paths(kind).into_iter().for_each(assert_inside);
    }
    check_arguments(read);
}

/// Fails where a path could lead out of the folder that it is relative to.
pub fn assert_inside(path: &Path) {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    assert!(path.components().all(plain), "`{}` leads out", path.display());
    assert!(!path.as_os_str().is_empty());
}

/// What Deno is told allows no more than the flags do.
fn check_arguments(permissions: Permissions) {
    let (folder, files, shim) = (Path::new("/run/i1"), Path::new("/files"), Path::new("/boot.js"));
    let lists: Vec<_> = Kind::ALL.into_iter().map(|kind| permissions.of(kind).clone()).collect();
    let release = Release {
        revision: RevisionId::of([]),
        runtime: Runtime::Deno,
        format: Format::Esm,
        uses_vm: false,
        entry: "index.ts".to_owned(),
        manifest: Manifest { permissions, memory_mb: NonZeroU32::MIN, ..Manifest::default() },
        built_at: "2026-01-01T00:00:00Z".parse().expect("a time"),
    };
    let arguments = Profile::of(&release, files.to_owned())
        .arguments_with(&Place { folder, files, shim }, Some(&[]));
    let own = [folder.join(CONTROL_SOCKET), folder.join(HTTP_SOCKET)];
    let mut allowed = 0;
    for argument in arguments.iter().map(|argument| argument.to_str().expect("text")) {
        assert!(!["-A", "--allow-all"].contains(&argument));
        let Some(allow) = argument.strip_prefix("--allow-") else { continue };
        let (kind, values) =
            allow.split_once('=').map_or((allow, None), |(kind, values)| (kind, Some(values)));
        let index = Kind::ALL.into_iter().position(|known| known.to_string() == kind);
        let index = index.unwrap_or_else(|| panic!("{argument} is of no known kind"));
        if ["run", "ffi"].contains(&kind) {
            assert!(!lists[index].allow.is_nothing(), "{argument} was not asked for");
        }
        if ["read", "write"].contains(&kind) {
            for path in values.expect("files are never allowed as a whole").split(',') {
                let path = Path::new(path);
                let inside = path.strip_prefix(files);
                assert!(own.iter().any(|own| own == path) || inside.is_ok(), "{argument}");
                if let Some(inside) = inside.ok().filter(|inside| *inside != Path::new("")) {
                    assert_inside(inside);
                }
            }
        }
        allowed += 1;
    }
    assert!(allowed >= 3, "the shim needs its sockets: {arguments:?}");
}
