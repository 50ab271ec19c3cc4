//! The filters on system calls.

use std::ffi::CStr;

use nix::unistd::getpid;
use seccompiler::{BpfProgram, apply_filter};

use super::StepError;
use crate::sandbox::bpf::{
    ALLOW, JUMP_IF_EQUAL, LOAD, NUMBER, REFUSE, RETURN, argument, call, instruction,
};
use crate::sandbox::guard::kernel;
use crate::sandbox::{Confinement, system_calls};

/// Applies the list, and with it what a list cannot say. From here on only
/// `execve` of exactly this text, at exactly this place in memory, succeeds:
/// once, because the program that it makes of this process has other memory.
pub(in crate::sandbox) fn apply(plan: &Confinement, program: &CStr) -> Result<(), StepError> {
    let list = system_calls::decode(&plan.system_calls)?;
    if plan.programs {
        apply_filter(&unknown_clone3())?;
    } else {
        apply_filter(&doorway(program.as_ptr() as u64, getpid().as_raw().unsigned_abs()))?;
    }
    if plan.log_refusals {
        // What this needs, the other two have said already.
        kernel::apply_and_log(&list)?;
    } else {
        apply_filter(&list)?;
    }
    Ok(())
}

/// Answers `clone3` as a kernel that does not know it.
fn unknown_clone3() -> BpfProgram {
    vec![
        instruction(LOAD, 0, 0, NUMBER),
        instruction(JUMP_IF_EQUAL, 0, 1, call(libc::SYS_clone3)),
        instruction(RETURN, 0, 0, REFUSE | libc::ENOSYS.unsigned_abs()),
        instruction(RETURN, 0, 0, ALLOW),
    ]
}

/// The same, and: `execve` with that first argument only, `tgkill` to that
/// process only.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of an address")]
fn doorway(path: u64, own_id: u32) -> BpfProgram {
    let [low, high] = argument(0);
    vec![
        instruction(LOAD, 0, 0, NUMBER),
        instruction(JUMP_IF_EQUAL, 0, 1, call(libc::SYS_clone3)),
        instruction(RETURN, 0, 0, REFUSE | libc::ENOSYS.unsigned_abs()),
        instruction(JUMP_IF_EQUAL, 0, 4, call(libc::SYS_execve)),
        instruction(LOAD, 0, 0, low),
        instruction(JUMP_IF_EQUAL, 0, 6, path as u32),
        instruction(LOAD, 0, 0, high),
        instruction(JUMP_IF_EQUAL, 3, 4, (path >> 32) as u32),
        instruction(JUMP_IF_EQUAL, 0, 2, call(libc::SYS_tgkill)),
        instruction(LOAD, 0, 0, low),
        instruction(JUMP_IF_EQUAL, 0, 1, own_id),
        instruction(RETURN, 0, 0, ALLOW),
        instruction(RETURN, 0, 0, REFUSE | libc::EPERM.unsigned_abs()),
    ]
}
