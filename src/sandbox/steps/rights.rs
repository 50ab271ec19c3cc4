//! Who a process is and what it may do by that.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_keep_capabilities,
};

use super::StepError;
use crate::sandbox::{Confinement, Layer};

/// Of these the first that there is, is all that is ever left, and only to
/// programs of our own choice: a bundler reads a folder whoever owns it. Root in
/// a container often has but the second, with which other layers let it write
/// nothing more.
const READS_ANY_OWNER: [CapabilitySet; 2] =
    [CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE];

/// Nothing that is executed from here on can have a capability: not by its
/// file, not by being root's.
pub(in crate::sandbox) fn bound_capabilities(plan: &Confinement) -> Result<(), StepError> {
    let kept = kept(plan)?;
    if !capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        // Who may not bound them keeps no more than this: what he has is
        // dropped next, and without new privileges nothing comes back.
        return Ok(());
    }
    for capability in CapabilitySet::all().iter() {
        if capability == kept {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // One that this kernel does not know.
            Err(rustix::io::Errno::INVAL) => {}
            result => result?,
        }
    }
    clear_ambient_capability_set()?;
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED,
    )?;
    Ok(())
}

/// Becomes a user that nobody else is.
pub(in crate::sandbox) fn become_user(plan: &Confinement) -> Result<(), StepError> {
    if plan.reads_any_owner {
        set_keep_capabilities(true)?;
    }
    let (user, group) = (Uid::from_raw(plan.user), Gid::from_raw(plan.user));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    Ok(())
}

/// Gives up what it still has.
pub(in crate::sandbox) fn drop_capabilities(plan: &Confinement) -> Result<(), StepError> {
    let kept = kept(plan)?;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: kept })?;
    if !kept.is_empty() {
        configure_capability_in_ambient_set(kept, true)?;
    }
    Ok(())
}

fn kept(plan: &Confinement) -> Result<CapabilitySet, StepError> {
    if !plan.reads_any_owner || !plan.has(Layer::OwnUser) {
        return Ok(CapabilitySet::empty());
    }
    // A server without this right cannot pass it on.
    let permitted = capabilities(None)?.permitted;
    let found = READS_ANY_OWNER.into_iter().find(|capability| permitted.contains(*capability));
    Ok(found.unwrap_or(CapabilitySet::empty()))
}
