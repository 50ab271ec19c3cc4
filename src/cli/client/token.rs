//! Where the operator's token is found: the flag, the variable, the file that
//! the server has made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Address, ClientArgs, Failure};

/// The operator's token, and who gave it.
#[derive(Debug)]
pub(super) struct Token {
    text: String,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Given,
    File(PathBuf),
}

impl Token {
    pub(super) fn find(args: &ClientArgs) -> Result<Self, Failure> {
        // A variable that is set to nothing is meant as one that is not set.
        if let Some(text) = args.token.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            return Ok(Self { text: text.to_owned(), origin: Origin::Given });
        }
        let file = args.admin_token_file.clone();
        let file = file.unwrap_or_else(|| args.data_folder.join("admin-token"));
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Self { text: text.trim().to_owned(), origin: Origin::File(file) }),
            Err(error) => Err(unreadable(&file, &error)),
        }
    }

    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.text)
    }

    pub(super) fn in_url(&self) -> String {
        utf8_percent_encode(&self.text, NON_ALPHANUMERIC).to_string()
    }

    /// The server does not know it.
    pub(super) fn refused(&self, server: &Address) -> Failure {
        match &self.origin {
            Origin::Given => Failure::new(format!("{server} does not accept the token"))
                .hint("compare --token (DOZE_TOKEN) with the file `admin-token` in the server's data folder"),
            Origin::File(file) => {
                let file = file.display();
                Failure::new(format!("{server} does not accept the token in `{file}`")).hint(
                    "it belongs to another server: name that one's file with --admin-token-file \
                     (DOZE_ADMIN_TOKEN_FILE), or give the token in DOZE_TOKEN",
                )
            }
        }
    }
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let shown = file.display();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(format!(
            "there is no operator's token: DOZE_TOKEN is not set, and there is no file `{shown}`"
        ))
        .hint(
            "the server makes that file when it starts: run this in the server's folder, \
                     or name its data folder in DOZE_DATA or the file with --admin-token-file",
        ),
        io::ErrorKind::PermissionDenied => {
            Failure::new(format!("this user may not read the operator's token in `{shown}`"))
                .hint("run this as the server's user, or give the token in DOZE_TOKEN")
        }
        _ => Failure::new(format!("the operator's token in `{shown}` cannot be read: {error}")),
    }
}
