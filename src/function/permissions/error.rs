//! Why a flag is not a permission, and what to do about it.

use super::Kind;

/// Why a text is not a permission that a function can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Not a permission flag of `deno run`.
    #[error(
        "`{0}` is not a permission flag; expected `--allow-KIND`, `--allow-KIND=VALUE,…` or \
         `--deny-KIND…` with KIND one of net, read, write, env, sys"
    )]
    NotAFlag(String),
    /// A flag that lifts the sandbox.
    #[error(
        "`{0}` is refused, because it would let the function leave its sandbox; \
         name what it needs, for example `--allow-net=api.example.com`"
    )]
    AllowAll(String),
    /// A flag that needs the operator's word.
    #[error(
        "`{flag}` is refused; only the operator can allow it, by starting doze with \
         `--allow-permissions {kind}`"
    )]
    NeedsOperator {
        /// The flag as written.
        flag: String,
        /// What the operator would have to name.
        kind: Kind,
    },
    /// Code is bundled when it is published.
    #[error(
        "`{0}` is refused: a function is bundled when it is published and imports nothing later"
    )]
    Import(String),
    /// A `=` without a value, or an empty value between commas.
    #[error("`{0}` has an empty value; leave out the `=` to mean everything")]
    EmptyValue(String),
    /// Not a host that can stand in `--allow-net`.
    #[error(
        "`{value}` in `{flag}` is not a host; expected `host`, `host:port`, `1.2.3.4:80` or `[::1]:80`"
    )]
    BadHost {
        /// The flag as written.
        flag: String,
        /// The part that is not a host.
        value: String,
    },
    /// A path that is absolute or has a `..`.
    #[error(
        "`{value}` in `{flag}` leaves the function's folder; paths are relative to it, \
         for example `./data`"
    )]
    PathOutside {
        /// The flag as written.
        flag: String,
        /// The path.
        value: String,
    },
    /// A path that begins or ends with a blank.
    #[error("the path `{value}` in `{flag}` begins or ends with a blank; rename it")]
    BlankPath {
        /// The flag as written.
        flag: String,
        /// The path.
        value: String,
    },
    /// A character that no value may hold.
    #[error("a value in `{0}` holds a control character")]
    ControlCharacter(String),
}
