//! Drops every capability for good, so that even the superuser gains nothing by starting a program.

use crate::helper::Refusal;
use rustix::io::Errno;
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities,
    capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

/// Leaves the process without capabilities and without a way to any.
///
/// Without `CAP_SETPCAP` the bounding set and the secure bits cannot be changed. `no_new_privs` alone then keeps a program from gaining what its caller does not hold.
pub(crate) fn drop_all() -> Result<(), Refusal> {
    let held = capabilities(None).map_err(Refusal::by("its capabilities could not be read"))?;
    clear_ambient_capability_set().map_err(Refusal::by("its ambient capabilities stay"))?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        empty_the_bounding_set()?;
        lock_secure_bits()?;
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(Refusal::by("its capabilities stay"))?;
    let left = capabilities(None).map_err(Refusal::by("its capabilities could not be read"))?;
    if left != none {
        return Err(Refusal::because("its capabilities stay"));
    }
    set_no_new_privs(true).map_err(Refusal::by("it could still gain privileges"))
}

/// The kernel refuses the first number that is no capability, which ends the list.
fn empty_the_bounding_set() -> Result<(), Refusal> {
    for number in 0..u64::BITS {
        let Some(capability) = CapabilitySet::from_bits(1 << number) else {
            continue;
        };
        match capability_is_in_bounding_set(capability) {
            Ok(true) => remove_capability_from_bounding_set(capability)
                .map_err(Refusal::by("its bounding set stays"))?,
            Ok(false) => {}
            Err(Errno::INVAL) => return Ok(()),
            Err(error) => return Err(Refusal::by("its bounding set could not be read")(error)),
        }
    }
    Ok(())
}

fn lock_secure_bits() -> Result<(), Refusal> {
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    set_capabilities_secure_bits(bits).map_err(Refusal::by("its secure bits could not be locked"))
}
