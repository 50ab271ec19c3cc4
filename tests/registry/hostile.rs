//! A folder made to do harm is one clear problem on one function. Nothing that
//! served before is lost, and no other function waits for long.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::mkfifo;

use crate::bed::{Bed, LATE, says};

const SECRET: &str = "the-secret-of-another";
const GIBIBYTE: u64 = 1 << 30;

/// Makes a live function hostile, and returns what must be said of it.
type Hostility = fn(&Path) -> &'static str;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn import(folder: &Path, specifier: &str) {
    let text = format!("import x from \"{specifier}\" with {{ type: \"text\" }};\n");
    write(&folder.join("index.ts"), &format!("{text}export default () => x;\n"));
}

/// A file that has this size and takes no room.
fn sparse(path: &Path, size: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(size).unwrap();
}

const HOSTILITIES: [(&str, Hostility); 22] = [
    ("link-out", |folder| {
        symlink("/etc/passwd", folder.join("link.txt")).unwrap();
        import(folder, "./link.txt");
        "only from its own folder"
    }),
    ("link-folder", |folder| {
        symlink("/etc", folder.join("etc")).unwrap();
        import(folder, "./etc/passwd");
        "only from its own folder"
    }),
    ("entry-link", |folder| {
        fs::remove_file(folder.join("index.ts")).unwrap();
        symlink("../../secret.ts", folder.join("index.ts")).unwrap();
        "index.ts: leads out of the function's folder"
    }),
    ("static-link", |folder| {
        symlink("/etc", folder.join("public")).unwrap();
        write(&folder.join("registry.json"), r#"{"static": "public"}"#);
        "leads out of the function's folder"
    }),
    ("absolute", |folder| {
        import(folder, "/etc/passwd");
        "only from its own folder"
    }),
    ("parent", |folder| {
        import(folder, "../../secret.ts");
        "only from its own folder"
    }),
    ("parent-of-link", |folder| {
        fs::create_dir(folder.join("inner")).unwrap();
        symlink("inner", folder.join("link")).unwrap();
        import(folder, "./link/../../../secret.ts");
        "only from its own folder"
    }),
    ("package", |folder| {
        write(
            &folder.join("node_modules/p/package.json"),
            r#"{"name": "p", "main": "../../../../secret.ts"}"#,
        );
        import(folder, "p");
        "could not resolve `p`"
    }),
    ("extends", |folder| {
        write(&folder.join("tsconfig.json"), r#"{"extends": "../../secret.ts"}"#);
        "tsconfig.json"
    }),
    ("pipe", |folder| {
        mkfifo(&folder.join("pipe"), Mode::S_IRWXU).unwrap();
        "pipe: is a pipe (FIFO)"
    }),
    ("pipe-entry", |folder| {
        fs::remove_file(folder.join("index.ts")).unwrap();
        mkfifo(&folder.join("index.ts"), Mode::S_IRWXU).unwrap();
        "index.ts: is a pipe (FIFO)"
    }),
    ("socket", |folder| {
        drop(UnixListener::bind(folder.join("s")).unwrap());
        "s: is a socket"
    }),
    ("huge-entry", |folder| {
        sparse(&folder.join("index.ts"), 2 * GIBIBYTE);
        "index.ts: is larger than 64 MiB"
    }),
    ("huge-import", |folder| {
        sparse(&folder.join("huge.txt"), 2 * GIBIBYTE);
        import(folder, "./huge.txt");
        "needed more than 1024 MiB of memory"
    }),
    ("huge-static", |folder| {
        sparse(&folder.join("public/huge"), 2 * GIBIBYTE);
        write(&folder.join("registry.json"), r#"{"static": "public"}"#);
        "more than 256 MiB of files to publish"
    }),
    ("huge-settings", |folder| {
        sparse(&folder.join("registry.json"), 2 * GIBIBYTE);
        "registry.json: is longer than 1 MiB"
    }),
    ("bundle-bomb", |folder| {
        // Each of these bytes takes four in the bundle.
        write(&folder.join("data.txt"), &"\u{1}".repeat(20 << 20));
        import(folder, "./data.txt");
        "the bundle or its source map is larger than 64 MiB"
    }),
    ("many-files", |folder| {
        fs::create_dir(folder.join("many")).unwrap();
        for number in 0..100_000 {
            File::create(folder.join(format!("many/{number}"))).unwrap();
        }
        "holds more than 100000 files"
    }),
    ("deep", |folder| {
        fs::create_dir_all(folder.join("d/".repeat(1_000))).unwrap();
        "is more than 100 folders deep"
    }),
    ("deep-code", |folder| {
        let depth = 4 << 20;
        let text = format!("export default {}1{}", "(".repeat(depth), ")".repeat(depth));
        write(&folder.join("index.ts"), &text);
        "needed more than 1024 MiB of memory"
    }),
    ("device", |folder| {
        // Not every user makes devices, and one that does not finds another
        // kind of file that is none.
        match mknod(&folder.join("zero"), SFlag::S_IFCHR, Mode::S_IRWXU, 0x0105) {
            Ok(()) => "zero: is a device",
            Err(_) => {
                drop(UnixListener::bind(folder.join("zero")).unwrap());
                "zero: is a socket"
            }
        }
    }),
    ("link-to-device", |folder| {
        symlink("/dev/zero", folder.join("zero.txt")).unwrap();
        import(folder, "./zero.txt");
        "only from its own folder"
    }),
];

#[tokio::test]
async fn a_hostile_folder_is_one_problem_on_one_function_and_what_served_serves_on() {
    let bed = Bed::started();
    fs::write(bed.path("secret.ts"), format!("export default \"{SECRET}\"; {{")).unwrap();
    for (name, _) in &HOSTILITIES {
        bed.write_function(name, "one");
    }
    for (name, _) in &HOSTILITIES {
        bed.says(name, "one").await;
    }
    let expected = HOSTILITIES.map(|(name, make)| (name, make(&bed.path("in").join(name))));

    bed.write_function("innocent", "two");
    let dropped = Instant::now();
    bed.says("innocent", "two").await;
    println!("dropped beside all of them: {:?}", dropped.elapsed());

    for (name, expected) in expected {
        let (record, problems) = bed.fails(name).await;
        assert_eq!(record.state_name(), "stale", "{name}: {problems}");
        assert_eq!(record.problems.len(), 1, "{name}: {problems}");
        assert!(problems.contains(expected), "{name}\n  gave {problems}\n  not {expected}");
        assert!(problems.len() < 600, "{name}: {} characters", problems.len());
        for told in [SECRET, "root:"] {
            assert!(!problems.contains(told), "{name}: {problems}");
        }
        assert!(bed.code(name).unwrap().contains("\"one\""), "{name} serves something else");
    }
    bed.write_function("innocent", "three");
    bed.says("innocent", "three").await;
}

/// Puts a pipe in the place of a file in the moment in which the bundler is
/// started for it. Returns the pipe's other end, which holds the bundler up.
fn hang(bed: &Bed, name: &str) -> File {
    let folder = bed.path("in").join(name);
    let (file, pipe) = (folder.join("x.txt"), bed.path(&format!("{name}.pipe")));
    let is_building = || {
        let made = fs::read_dir(bed.path("registry/.tmp-registry")).into_iter().flatten().flatten();
        made.filter(|entry| entry.path().join("output").exists()).count()
    };
    for attempt in 0..20 {
        let builds = is_building();
        write(&file, &attempt.to_string());
        import(&folder, "./x.txt");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let start = Instant::now();
        while is_building() <= builds && start.elapsed() < Duration::from_secs(2) {}
        fs::rename(&pipe, &file).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(500) {
            // It can be opened for writing once somebody reads.
            let flags = nix::libc::O_NONBLOCK;
            if let Ok(held) = File::options().write(true).custom_flags(flags).open(&file) {
                // As if nothing had been.
                write(&bed.path("plain"), "text");
                fs::rename(bed.path("plain"), &file).unwrap();
                return held;
            }
        }
        fs::remove_file(&file).unwrap();
    }
    panic!("the bundler never opened the pipe\n{}", bed.log());
}

#[tokio::test]
async fn builds_that_never_end_are_stopped_soon_and_delay_the_others_once() {
    let bed = Bed::started();
    let places = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
    let held: Vec<_> = (0..places).map(|number| hang(&bed, &format!("endless{number}"))).collect();
    bed.write_function("innocent", "one");
    let dropped = Instant::now();
    bed.says("innocent", "one").await;
    println!("dropped beside {places} builds that do not end: {:?}", dropped.elapsed());
    drop(held);
    assert!(bed.log().contains("takes long to build"), "{}", bed.log());
    for number in 0..places {
        bed.says(&format!("endless{number}"), "text").await;
    }
}

#[tokio::test]
async fn odd_names_inside_a_function_are_names_like_others() {
    let bed = Bed::started();
    bed.write("odd/registry.json", r#"{"static": "public"}"#);
    let names: [&[u8]; 7] =
        [b"a\nb", b"\x1b[31m", b"\xff\xfe", b"..a", b"a\\..\\b", b" ", "\u{202e}txt".as_bytes()];
    for name in names {
        let folder = bed.path("in/odd/public").join(OsStr::from_bytes(name));
        write(&folder.join(OsStr::from_bytes(name)), "content");
    }
    bed.write_function("odd", "one");
    bed.says("odd", "one").await;
    for name in names {
        let name = OsStr::from_bytes(name);
        let published = bed.path("registry/.live/odd/files/public").join(name).join(name);
        assert_eq!(fs::read_to_string(published).unwrap(), "content", "{name:?}");
    }
}

#[tokio::test]
async fn names_that_look_like_a_way_out_are_told_and_published_nowhere() {
    let bed = Bed::started();
    let names: [&[u8]; 8] =
        [b"%2e%2e", b"a\\..\\b", b"~root", b"a~b", b"a\x1b[2Jb", b"\xc0\xae\xc0\xae", b"-rf", b" "];
    for name in names {
        write(&bed.path("in").join(OsStr::from_bytes(name)).join("index.ts"), &says("no"));
    }
    for hidden in ["...", "..hello", "..%2f..", "_lib"] {
        bed.write_function(hidden, "no");
    }
    bed.write_function("a..b", "one");
    bed.says("a..b", "one").await;
    let log = bed.log();
    assert_eq!(log.matches("cannot be published").count(), names.len(), "{log}");
    assert!(!log.contains('\u{1b}'), "a name reached the terminal as it is");
    assert_eq!(fs::read_dir(bed.path("registry/.live")).unwrap().count(), 1);
}

fn lock(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
}

fn unlock(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn what_the_registry_may_not_read_is_a_problem_where_it_lies_and_nowhere_else() {
    let mut bed = Bed::stopped();
    bed.plain = true;
    for name in ["whole", "inside", "file", "ada/one", "ada/two", "zeta"] {
        bed.write_function(name, "one");
    }
    bed.write("inside/data/x.txt", "x").write("file/x.ts", "export default 1");
    bed.start();
    for name in ["whole", "inside", "file", "ada/one", "ada/two", "zeta"] {
        bed.says(name, "one").await;
    }
    bed.write("file/index.ts", "export { default } from \"./x.ts\";");
    let locked = ["whole", "inside/data", "file/x.ts", "ada"].map(|path| bed.path("in").join(path));
    for path in &locked {
        lock(path);
    }
    // Once while it runs, and once as it starts: events have to come from
    // everywhere else in both cases.
    for restarted in [false, true] {
        if restarted {
            bed.stop();
            bed.start();
        }
        for (name, expected) in [
            ("whole", ".: cannot be read: Permission denied"),
            ("inside", "data: cannot be read: Permission denied"),
            ("file", "x.ts"),
            ("ada/one", "the folder of its owner, `ada`, cannot be read: Permission denied"),
            ("ada/two", "the folder of its owner, `ada`, cannot be read: Permission denied"),
        ] {
            let (record, problems) = bed.fails(name).await;
            assert_eq!(record.state_name(), "stale", "{name}: {problems}");
            assert_eq!(record.problems.len(), 1, "{name}: {problems}");
            assert!(problems.contains(expected), "{name}: {problems}");
            assert!(bed.code(name).unwrap().contains("\"one\""), "{name} serves something else");
        }
        let word = if restarted { "three" } else { "two" };
        bed.write_function("zeta", word);
        bed.says("zeta", word).await;
    }
    for path in &locked {
        unlock(path);
    }
    for name in ["whole", "inside", "ada/one", "ada/two"] {
        bed.says(name, "one").await;
    }
    bed.write_function("ada/two", "four");
    bed.says("ada/two", "four").await;
    assert!(!bed.log().contains("file events"), "{}", bed.log());
}

/// Swaps a folder for a link to another place and back, until told to stop.
fn swap(folder: &Path, elsewhere: &Path, done: &AtomicBool) {
    let (aside, link) = (folder.with_extension("aside"), folder.with_extension("link"));
    let mut count = 0;
    while !done.load(Ordering::Relaxed) {
        symlink(elsewhere, &link).unwrap();
        fs::rename(folder, &aside).unwrap();
        fs::rename(&link, folder).unwrap();
        std::thread::sleep(Duration::from_micros(300));
        fs::remove_file(folder).unwrap();
        fs::rename(&aside, folder).unwrap();
        // Quiet for long enough to be built, and swapped at another moment of
        // the build each time.
        count += 1;
        std::thread::sleep(Duration::from_millis(255 + count * 7 % 60));
    }
}

#[tokio::test]
async fn a_folder_that_is_swapped_for_a_link_while_it_is_read_gives_nothing_away() {
    let bed = Bed::started();
    fs::create_dir(bed.path("other")).unwrap();
    fs::write(bed.path("other/word.ts"), format!("export default \"{SECRET}\";")).unwrap();
    fs::write(bed.path("other/page.html"), SECRET).unwrap();
    bed.write("swapped/data/word.ts", "export default \"mine\";");
    bed.write("swapped/data/page.html", "mine");
    bed.write("swapped/registry.json", r#"{"static": "data"}"#);
    bed.write("swapped/index.ts", "import w from \"./data/word.ts\";\nexport default () => w;");
    bed.says("swapped", "mine").await;

    let done = AtomicBool::new(false);
    let mut publishes = BTreeSet::new();
    std::thread::scope(|scope| {
        scope.spawn(|| swap(&bed.path("in/swapped/data"), &bed.path("other"), &done));
        let start = Instant::now();
        // On a busy machine it takes longer until it was quiet for long enough.
        let enough = |built: usize| start.elapsed() > Duration::from_secs(6) && built > 2;
        while !enough(publishes.len()) && start.elapsed() < LATE {
            let code = bed.code("swapped").unwrap();
            let page = bed.path("registry/.live/swapped/files/data/page.html");
            let page = fs::read_to_string(page).unwrap_or_default();
            let record = bed.record("swapped").unwrap();
            publishes.insert(record.checked_at);
            let record = format!("{record:?}");
            assert!(!(code + &page + &record).contains(SECRET), "it was read by way of the link");
            std::thread::sleep(Duration::from_millis(1));
        }
        done.store(true, Ordering::Relaxed);
    });

    assert!(publishes.len() > 2, "it was never built while it was swapped\n{}", bed.log());
    bed.write("swapped/data/word.ts", "export default \"changed\";");
    bed.says("swapped", "changed").await;
}
