use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use super::*;

struct Bed {
    root: TempDir,
    inbox: Inbox,
}

impl Bed {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let inbox = Inbox::new(root.path().to_owned(), BuilderId::of([]));
        Self { root, inbox }
    }

    fn write(&self, path: &str) -> &Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "export default 1").unwrap();
        self
    }

    fn scan(&self) -> Scan {
        self.inbox.scan(&|_| BTreeSet::new()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.scan().sources.iter().map(|source| source.name().to_string()).collect()
    }

    fn fingerprint(&self, name: &str) -> String {
        let sources = self.scan().into_sources();
        sources[name].look().fingerprint().as_str().to_owned()
    }
}

#[test]
fn folders_with_an_entry_are_functions_and_others_are_owners() {
    let bed = Bed::new();
    bed.write("hello/index.ts").write("ada/one/index.js").write("ada/two/README.md");
    bed.write("_lib/index.ts").write(".git/index.ts").write("ada/_lib/index.ts");
    bed.write("hello/sub/index.ts").write("ada/node_modules/x/index.js");
    assert_eq!(bed.names(), ["ada/one", "ada/two", "hello"]);
}

#[test]
fn a_folder_where_nothing_has_an_entry_is_one_function_with_a_problem() {
    let bed = Bed::new();
    bed.write("hello/src/main.ts").write("hello/lib/x.ts");
    fs::create_dir(bed.root.path().join("empty")).unwrap();
    assert_eq!(bed.names(), ["empty", "hello"]);
}

#[test]
fn a_manifest_makes_a_folder_a_function_even_without_an_entry() {
    let bed = Bed::new();
    bed.write("hello/registry.json").write("hello/lib/index.ts");
    assert_eq!(bed.names(), ["hello"]);
}

#[test]
fn an_owners_only_function_stays_its_own_while_its_entry_is_away() {
    let bed = Bed::new();
    bed.write("ada/hello/other.ts");
    let scan = bed.inbox.scan(&|_| BTreeSet::from(["ada/hello".parse().unwrap()])).unwrap();
    assert_eq!(scan.sources[0].name().as_str(), "ada/hello");
}

#[test]
fn the_first_entry_name_wins() {
    let bed = Bed::new();
    for (index, entry) in ENTRY_FILES.iter().enumerate().rev() {
        bed.write(&format!("hello/{entry}"));
        let scan = bed.scan();
        assert_eq!(scan.sources[0].look().entry(), Some(ENTRY_FILES[index]));
    }
}

#[test]
fn a_file_where_a_folder_should_be_is_a_problem_and_a_readme_is_not() {
    let bed = Bed::new();
    for ignored in ["README.md", "deno.json", "tsconfig.json", "package.json", "Makefile"] {
        bed.write(ignored);
    }
    for (name, advice) in [
        ("hello.ts", "put it in a folder, as `hello/index.ts`"),
        ("old.zip", "unpack it"),
        ("plain", "put it in a folder"),
    ] {
        bed.write(name);
        let sources = bed.scan().into_sources();
        let problems: Vec<_> =
            sources[name].look().faults().iter().map(ToString::to_string).collect();
        assert!(problems[0].contains(advice), "{name}: {problems:?}");
    }
    assert_eq!(bed.names(), ["hello.ts", "old.zip", "plain"]);
}

#[test]
fn a_folder_whose_name_cannot_be_published_is_reported_in_one_line() {
    let bed = Bed::new();
    let names: [&[u8]; 5] = [b"a b", b"a\nb", b"\xff\xfe", b"-x", "ä".as_bytes()];
    for name in names {
        let folder = bed.root.path().join(OsStr::from_bytes(name));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.ts"), "").unwrap();
    }
    bed.write("ada/one/index.ts").write("ada/b c/index.ts").write("x.js/one/index.ts");
    let scan = bed.scan();
    assert_eq!(scan.sources.len(), 1);
    assert_eq!(scan.nameless.len(), 7, "{:?}", scan.nameless);
    assert!(scan.nameless.iter().all(|line| !line.contains('\n')), "{:?}", scan.nameless);
}

#[test]
fn a_pipe_among_the_files_is_a_fault_and_is_not_opened() {
    let bed = Bed::new();
    bed.write("hello/index.ts");
    let pipe = bed.root.path().join("hello/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let scan = bed.scan();
    assert_eq!(scan.sources[0].look().faults()[0].file.as_deref(), Some("pipe"));
}

#[test]
fn links_to_folders_are_followed_and_told() {
    let bed = Bed::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("index.ts"), "").unwrap();
    symlink(elsewhere.path(), bed.root.path().join("hello")).unwrap();
    symlink("/nowhere/at/all", bed.root.path().join("lost")).unwrap();
    let scan = bed.scan();
    assert_eq!(scan.links[0].target, elsewhere.path().canonicalize().unwrap());
    let sources = scan.into_sources();
    assert_eq!(sources["hello"].look().entry(), Some("index.ts"));
    assert!(sources["lost"].look().faults()[0].text.contains("leads nowhere"));
}

#[test]
fn every_change_and_nothing_else_changes_the_fingerprint() {
    let bed = Bed::new();
    bed.write("hello/index.ts").write("hello/node_modules/x/index.js");
    let root = bed.root.path().join("hello");
    let mut last = bed.fingerprint("hello");
    assert_eq!(bed.fingerprint("hello"), last);
    let steps: [(&str, &dyn Fn()); 5] = [
        ("a write of the same size", &|| {
            fs::write(root.join("index.ts"), "export default 2").unwrap();
        }),
        ("a new file deep inside", &|| {
            bed.write("hello/node_modules/x/y.js");
        }),
        ("a removed file", &|| fs::remove_file(root.join("node_modules/x/y.js")).unwrap()),
        ("a link", &|| symlink("index.ts", root.join("link")).unwrap()),
        ("an older file moved over it", &|| {
            let other = bed.root.path().join("_old");
            fs::write(&other, "export default 3").unwrap();
            let old = fs::FileTimes::new().set_modified(UNIX_EPOCH);
            fs::File::options().write(true).open(&other).unwrap().set_times(old).unwrap();
            fs::rename(&other, root.join("index.ts")).unwrap();
        }),
    ];
    for (change, make) in steps {
        make();
        let now = bed.fingerprint("hello");
        assert_ne!(now, last, "{change} was not seen");
        last = now;
    }
}

#[test]
fn a_missing_root_is_an_error_and_not_an_empty_inbox() {
    let bed = Bed::new();
    bed.write("hello/index.ts");
    let inbox = Inbox::new(bed.root.path().join("gone"), BuilderId::of([]));
    assert!(inbox.scan(&|_| BTreeSet::new()).is_err());
    assert!(inbox.scan_top(OsStr::new("hello"), &|_| BTreeSet::new()).is_err());
    assert!(
        bed.inbox.scan_top(OsStr::new("other"), &|_| BTreeSet::new()).unwrap().sources.is_empty()
    );
}
