//! Which system calls a process may make: the list in `system_calls.json`,
//! compiled once when the server starts.
//!
//! The list names what is allowed, group by group with the reason. Everything
//! else is answered with `EPERM`.

mod tree;

use std::collections::{BTreeMap, BTreeSet};

use seccompiler::{BpfProgram, TargetArch, sock_filter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bpf::{JUMP_IF_EQUAL, LOAD, REFUSE};

/// The list.
const GROUPS: &str = include_str!("system_calls.json");
/// What a refused call comes back with (`EPERM`).
const REFUSED: u32 = libc::EPERM.unsigned_abs();

/// What kind of program a filter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program {
    /// It serves on a Unix socket.
    pub(super) serves: bool,
    /// It may connect to other machines.
    pub(super) connects: bool,
    /// It may run other programs.
    pub(super) runs_programs: bool,
}

impl Program {
    /// Every kind.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..8_u8).map(|bits| Self {
            serves: bits & 1 != 0,
            connects: bits & 2 != 0,
            runs_programs: bits & 4 != 0,
        })
    }
}

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilterError {
    #[error("there is no filter for this kind of processor")]
    Processor,
    #[error("read the list of system calls")]
    List(#[from] serde_json::Error),
    #[error("compile the list of system calls")]
    Compile(#[from] seccompiler::Error),
    #[error("the filter has {0} instructions, which is too many to jump over")]
    Size(usize),
    #[error("`{0}` is not an instruction")]
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the list, and for a test"))]
    name: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "the same"))]
    because: String,
    /// For programs that do this; without it, for all.
    when: Option<When>,
    /// For this processor; without it, for all.
    only: Option<String>,
    /// Allowed whatever their arguments are.
    #[serde(default)]
    allow: Vec<String>,
    /// Allowed with these arguments.
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    Serves,
    Connects,
    RunsPrograms,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    call: String,
    #[serde(flatten)]
    is: Is,
    and: Option<Is>,
}

/// One argument, of which the bits in `mask` are one of the values.
#[derive(Debug, Deserialize)]
struct Is {
    argument: u8,
    mask: Option<String>,
    equals: Vec<String>,
}

/// The filter for a kind of program, as text for [`decode`].
pub(super) fn compile(program: Program) -> Result<String, FilterError> {
    let mut plain = Vec::new();
    let mut looked_at = Vec::new();
    let mut conditional = Vec::new();
    for group in serde_json::from_str::<Vec<Group>>(GROUPS)? {
        let fits = match group.when {
            None => true,
            Some(When::Serves) => program.serves,
            Some(When::Connects) => program.connects,
            Some(When::RunsPrograms) => program.runs_programs,
        };
        if !fits || group.only.as_deref().is_some_and(|only| only != std::env::consts::ARCH) {
            continue;
        }
        let bare = |call: &String| json!({ "syscall": call });
        plain.extend(group.allow.iter().map(bare));
        looked_at.extend(group.rules.iter().map(|rule| bare(&rule.call)));
        conditional.extend(
            group
                .rules
                .iter()
                .flat_map(Rule::conditions)
                .map(|(call, args)| json!({ "syscall": call, "args": args })),
        );
    }
    let looks = assemble(&conditional)?;
    // The check of the processor's kind, which every such program begins with.
    let mut whole: BpfProgram = looks.iter().take(HEAD).cloned().collect();
    let refuse = REFUSE | REFUSED;
    whole.extend(tree::build(
        &numbers(&assemble(&plain)?),
        &numbers(&assemble(&looked_at)?),
        refuse,
    ));
    if whole.len() > usize::from(u8::MAX) {
        return Err(FilterError::Size(whole.len()));
    }
    whole.extend(looks);
    Ok(encode(&whole))
}

/// Instructions at the beginning of a program that look at the processor.
const HEAD: usize = 3;
fn assemble(rules: &[Value]) -> Result<BpfProgram, FilterError> {
    let architecture =
        TargetArch::try_from(std::env::consts::ARCH).map_err(|_| FilterError::Processor)?;
    let list = json!({ "all": {
        "mismatch_action": { "errno": REFUSED },
        "match_action": "allow",
        "filter": rules,
    }});
    let mut compiled: BTreeMap<_, _> =
        seccompiler::compile_from_json(list.to_string().as_bytes(), architecture)?
            .into_iter()
            .collect();
    Ok(compiled.remove("all").unwrap_or_default())
}

/// The numbers of the calls that a program without conditions allows: what it
/// compares the number with, once it has loaded that.
fn numbers(program: &BpfProgram) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    let mut loaded = None;
    for step in program {
        match step.code {
            LOAD => loaded = Some(step.k),
            JUMP_IF_EQUAL if loaded == Some(0) => {
                numbers.insert(step.k);
            }
            _ => {}
        }
    }
    numbers
}

impl Rule {
    /// Every combination of values, since conditions of one rule must all hold.
    fn conditions(&self) -> Vec<(&str, Vec<Value>)> {
        let first = self.is.conditions();
        let second = self.and.as_ref().map(Is::conditions);
        let pair = |first: &Value| match &second {
            None => vec![vec![first.clone()]],
            Some(second) => second.iter().map(|and| vec![first.clone(), and.clone()]).collect(),
        };
        first.iter().flat_map(pair).map(|args| (self.call.as_str(), args)).collect()
    }
}

impl Is {
    fn conditions(&self) -> Vec<Value> {
        let operator = match &self.mask {
            Some(mask) => json!({ "masked_eq": number(mask) }),
            None => json!("eq"),
        };
        let value = |value: &String| json!({ "index": self.argument, "type": "dword", "op": operator, "val": number(value) });
        self.equals.iter().map(value).collect()
    }
}

/// A number in the list. The tests read every one.
fn number(text: &str) -> u64 {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.unwrap_or(u64::MAX)
}

fn encode(program: &BpfProgram) -> String {
    let instruction =
        |i: &sock_filter| format!("{:04x}{:02x}{:02x}{:08x}", i.code, i.jt, i.jf, i.k);
    program.iter().map(instruction).collect()
}

/// A filter from its text.
pub(super) fn decode(text: &str) -> Result<BpfProgram, FilterError> {
    let wrong = || FilterError::Text(text.chars().take(16).collect());
    let instruction = |text: &[u8]| {
        let text = std::str::from_utf8(text).ok()?;
        Some(sock_filter {
            code: u16::from_str_radix(text.get(0..4)?, 16).ok()?,
            jt: u8::from_str_radix(text.get(4..6)?, 16).ok()?,
            jf: u8::from_str_radix(text.get(6..8)?, 16).ok()?,
            k: u32::from_str_radix(text.get(8..16)?, 16).ok()?,
        })
    };
    text.as_bytes().chunks(16).map(|text| instruction(text).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_compiles_for_every_kind_of_program_and_reads_back() {
        for program in Program::all() {
            let text = compile(program).unwrap();
            assert_eq!(encode(&decode(&text).unwrap()), text);
        }
    }

    #[test]
    fn every_group_says_why_and_every_number_is_one() {
        for group in serde_json::from_str::<Vec<Group>>(GROUPS).unwrap() {
            assert!(group.because.ends_with('.'), "{}", group.name);
            for rule in &group.rules {
                for is in [Some(&rule.is), rule.and.as_ref()].into_iter().flatten() {
                    let texts = is.equals.iter().chain(is.mask.as_ref());
                    assert!(texts.clone().all(|text| number(text) != u64::MAX), "{rule:?}");
                }
            }
        }
    }

    #[test]
    fn what_opens_a_way_out_is_in_no_group() {
        let list: Vec<Group> = serde_json::from_str(GROUPS).unwrap();
        let calls = list
            .iter()
            .flat_map(|group| group.allow.iter().chain(group.rules.iter().map(|rule| &rule.call)));
        let calls: Vec<_> = calls.map(String::as_str).collect();
        for call in [
            "ptrace",
            "process_vm_readv",
            "process_vm_writev",
            "pidfd_getfd",
            "bpf",
            "unshare",
            "setns",
            "mount",
            "pivot_root",
            "chroot",
            "open_by_handle_at",
            "perf_event_open",
            "io_uring_setup",
            "userfaultfd",
            "keyctl",
            "add_key",
            "init_module",
            "kexec_load",
            "reboot",
            "swapon",
            "setuid",
            "capset",
            "setsid",
            "setpgid",
            "seccomp",
            "personality",
        ] {
            assert!(!calls.contains(&call), "{call}");
        }
    }
}
