use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

struct Bed(TempDir);

impl Bed {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self) -> Arc<Secrets> {
        Secrets::open(self.0.path(), self.path(KEY_FILE))
    }
}

fn set(secrets: &Secrets, name: &str, value: &str) -> Result<(), Arc<SecretsError>> {
    secrets.set(name, &SecretValue::from(value.to_owned()))
}

fn reveal(secrets: &Secrets, name: &str) -> Result<String, String> {
    let names = [name.to_owned()];
    let revealed = secrets.reveal(&names).map_err(|error| error.to_string())?;
    Ok(revealed[0].1.expose().to_owned())
}

#[test]
fn a_secret_is_there_again_after_a_restart_and_nowhere_in_the_clear() {
    let bed = Bed::new();
    let value = "hunter2 \u{1f512}\n".repeat(20);
    set(&bed.open(), "KEY", &value).unwrap();
    let secrets = bed.open();
    assert_eq!(reveal(&secrets, "KEY").unwrap(), value);
    assert!(!format!("{secrets:?} {:?}", secrets.reveal(&["KEY".into()])).contains("hunter2"));
    for file in [FILE, KEY_FILE] {
        let text = fs::read_to_string(bed.path(file)).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(fs::metadata(bed.path(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(bed.0.path()).unwrap().count(), 2);
}

#[test]
fn the_same_value_is_never_encrypted_to_the_same_bytes() {
    let bed = Bed::new();
    let secrets = bed.open();
    let mut seen = std::collections::BTreeSet::new();
    for name in ["A", "B", "A", "B"] {
        set(&secrets, name, "same").unwrap();
        let text = fs::read_to_string(bed.path(FILE)).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(seen.insert(file[name]["sealed"].as_str().unwrap()[..32].to_owned()));
    }
}

#[test]
fn a_removed_secret_is_gone_and_an_unknown_one_is_told() {
    let bed = Bed::new();
    let secrets = bed.open();
    set(&secrets, "A", "1").unwrap();
    set(&secrets, "B", "2").unwrap();
    secrets.remove("A").unwrap();
    assert!(matches!(*secrets.remove("A").unwrap_err(), SecretsError::NotSet(_)));
    assert_eq!(reveal(&secrets, "A").unwrap_err(), "the secret `A` is not set");
    let names = |secrets: &Secrets| {
        secrets.list().unwrap().into_iter().map(|info| info.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&secrets), ["B"]);
    assert_eq!(names(&bed.open()), ["B"]);
}

#[test]
fn what_no_function_could_be_given_is_refused() {
    let bed = Bed::new();
    let secrets = bed.open();
    for name in ["", "1A", "A B", "A=B", "A\n", "\u{c4}"] {
        let error = set(&secrets, name, "x").unwrap_err();
        assert!(matches!(*error, SecretsError::Name(_)), "{name:?}: {error}");
    }
    set(&secrets, "LONG", &"x".repeat(MAX_VALUE)).unwrap();
    for value in ["x".repeat(MAX_VALUE + 1), "\0".to_owned()] {
        assert!(matches!(*set(&secrets, "A", &value).unwrap_err(), SecretsError::Value));
    }
}

type Harm<'a> = &'a dyn Fn(&Bed);

#[test]
fn a_damaged_file_or_a_wrong_key_is_told_and_nothing_is_lost() {
    let other = Bed::new();
    set(&other.open(), "X", "x").unwrap();
    let other_key = fs::read(other.path(KEY_FILE)).unwrap();
    let swap = |text: &str| text.replace("\"A\"", "\"C\"").replace("\"B\"", "\"A\"");
    let harms: [(&str, Harm<'_>, &str); 6] = [
        ("cut", &|bed| cut(&bed.path(FILE)), "is damaged"),
        ("empty", &|bed| fs::write(bed.path(FILE), "").unwrap(), "is damaged"),
        ("exchanged", &|bed| edit(&bed.path(FILE), swap), "cannot be decrypted"),
        (
            "another key",
            &|bed| fs::write(bed.path(KEY_FILE), &other_key).unwrap(),
            "is not its key",
        ),
        ("no key", &|bed| fs::remove_file(bed.path(KEY_FILE)).unwrap(), "is missing"),
        ("half a key", &|bed| cut(&bed.path(KEY_FILE)), "must hold a key"),
    ];
    for (what, harm, told) in harms {
        let bed = Bed::new();
        set(&bed.open(), "A", "1").unwrap();
        set(&bed.open(), "B", "2").unwrap();
        let whole = [FILE, KEY_FILE].map(|file| fs::read(bed.path(file)).unwrap());
        harm(&bed);
        let harmed = [FILE, KEY_FILE].map(|file| fs::read(bed.path(file)).ok());

        let secrets = bed.open();
        for error in [
            secrets.list().unwrap_err().to_string(),
            set(&secrets, "NEW", "3").unwrap_err().to_string(),
            secrets.remove("A").unwrap_err().to_string(),
            reveal(&secrets, "A").unwrap_err(),
        ] {
            assert!(error.contains(told), "{what}: {error}");
        }
        assert_eq!([FILE, KEY_FILE].map(|file| fs::read(bed.path(file)).ok()), harmed, "{what}");

        for (file, content) in [FILE, KEY_FILE].into_iter().zip(whole) {
            fs::write(bed.path(file), content).unwrap();
        }
        assert_eq!(reveal(&bed.open(), "B").unwrap(), "2", "{what}");
    }
}

fn cut(path: &Path) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() / 2]).unwrap();
}

fn edit(path: &Path, edit: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, edit(&text)).unwrap();
}
