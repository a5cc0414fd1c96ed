//! When it is written down that a device was here.

use super::rig::{Keys, Rig};
use super::{BOTH, CONN};
use crate::core::Effect;
use lanyard_shared::ids::ConnId;
use std::time::Duration;

#[test]
fn a_device_that_comes_back_within_a_minute_costs_no_write_to_disk() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let notes = |rig: &mut Rig| {
        let before = rig.effects.len();
        rig.effects.retain(|e| !matches!(e, Effect::NoteDevices));
        before - rig.effects.len()
    };
    // The first session brings the device's name.
    rig.session(&keys, &grant, CONN);
    notes(&mut rig);
    rig.session(&keys, &grant, ConnId([8; 16]));
    assert_eq!(notes(&mut rig), 0);
    rig.pass(Duration::from_secs(60));
    rig.session(&keys, &grant, ConnId([9; 16]));
    assert_eq!(notes(&mut rig), 1);
    let seen = rig.core.devices().get(keys.id()).unwrap().seen;
    assert_eq!(seen, rig.now.unix);
}
