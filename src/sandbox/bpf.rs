//! The words of classic BPF that our filters on system calls are written in.

use seccompiler::sock_filter;

/// Load a word of what the kernel tells about a call (`BPF_LD | BPF_W | BPF_ABS`).
pub(super) const LOAD: u16 = 0x20;
/// Go on elsewhere.
pub(super) const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
pub(super) const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGE | BPF_K`.
pub(super) const JUMP_IF_AT_LEAST: u16 = 0x35;
/// End with an answer.
pub(super) const RETURN: u16 = 0x06;

/// Where the call's number is (`offsetof(struct seccomp_data, nr)`).
pub(super) const NUMBER: u32 = 0;

/// The answers. An error is added to the second one.
pub(super) const ALLOW: u32 = 0x7fff_0000;
pub(super) const REFUSE: u32 = 0x0005_0000;
/// Ask whoever listens.
pub(super) const ASK: u32 = 0x7fc0_0000;

/// Where the lower and the upper half of an argument are, the first being 0.
pub(super) const fn argument(index: u32) -> [u32; 2] {
    [16 + 8 * index, 20 + 8 * index]
}

/// An instruction; `then` and `otherwise` are what it skips.
pub(super) const fn instruction(code: u16, then: u8, otherwise: u8, value: u32) -> sock_filter {
    sock_filter { code, jt: then, jf: otherwise, k: value }
}

/// A call's number as a filter sees it.
pub(super) fn call(number: libc::c_long) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
