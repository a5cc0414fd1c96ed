//! Tokens: each file of `vectors/token/` holds one that must be refused, with its fault, and an honest twin that must pass.

mod cases;
mod forge;
mod meaning;

use crate::{folder, hex, written_down};
use cases::Case;
use lanyard_shared::ids::{AgentId, ConnId, DeviceId};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token::{
    Device, Expected, Purpose, Terminal, TokenFault, View, verify, verify_any,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn every_committed_case_is_refused_by_its_fault_and_its_twin_passes() {
    for case in cases::all() {
        written_down(&format!("token/{}.json", case.name), &described(&case));
    }
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder().join("token")).unwrap() {
        let path = entry.unwrap().path();
        let case: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let fault = case["fault"].as_str().unwrap();
        assert_ne!(case["honest"], case["faulty"], "{path:?}");
        assert_eq!(outcome(&case, "honest"), Ok(()), "honest twin in {path:?}");
        let refused = outcome(&case, "faulty").map_err(TokenFault::name);
        assert_eq!(refused, Err(fault), "{path:?}");
        seen.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    let expected: BTreeSet<String> = cases::all().into_iter().map(|case| case.name).collect();
    assert_eq!(seen, expected, "files in vectors/token/");
}

#[test]
fn every_fault_that_a_token_can_have_has_a_case() {
    let cases = cases::all();
    for fault in TokenFault::ALL {
        // These need a permit, or a process in which another provider came first; unit tests have them.
        let elsewhere = matches!(
            fault,
            TokenFault::OpenedLate
                | TokenFault::WrongToken
                | TokenFault::Shortened
                | TokenFault::NoProvider
        );
        let here = cases.iter().any(|case| case.fault == *fault);
        assert!(here != elsewhere, "{}", fault.name());
    }
}

fn described(case: &Case) -> Value {
    let id = |bytes: [u8; 16]| lanyard_shared::b64::encode(bytes);
    json!({
        "now": case.now,
        "purpose": case.purpose,
        "keys": case.keys.iter().map(|key| hex(key)).collect::<Vec<_>>(),
        "expect": {
            "agent": id(forge::AGENT),
            "device": id(forge::DEVICE),
            "conn": id(forge::CONN),
            "epoch": forge::EPOCH,
            "early_ms": case.early,
        },
        "honest": case.honest,
        "faulty": case.faulty,
        "fault": case.fault.name(),
    })
}

/// Verifies one of the two tokens of a case, by its purpose and, as a relay does, without knowing it.
fn outcome(case: &Value, which: &str) -> Result<(), TokenFault> {
    let expect = &case["expect"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = Expected {
        agent: AgentId::parse(&text(&expect["agent"])).unwrap(),
        device: DeviceId::parse(&text(&expect["device"])).unwrap(),
        conn: ConnId::parse(&text(&expect["conn"])),
        epoch: expect["epoch"].as_u64().unwrap().try_into().unwrap(),
        early: Duration::from_millis(expect["early_ms"].as_u64().unwrap()),
    };
    let keys: Vec<[u8; 32]> = case["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| forge::unhex(key.as_str().unwrap()))
        .collect();
    let now = UnixMs(case["now"].as_u64().unwrap());
    let raw = text(&case[which]);
    let any = verify_any(now, &raw, &keys, &expected);
    let typed = match case["purpose"].as_str().unwrap() {
        Device::NAME => {
            let typed = verify::<Device>(now, &raw, &keys, &expected).map(drop);
            assert!(
                typed.is_err() || any.is_err(),
                "a relay takes a grant for a token"
            );
            return typed;
        }
        View::NAME => verify::<View>(now, &raw, &keys, &expected).map(drop),
        Terminal::NAME => verify::<Terminal>(now, &raw, &keys, &expected).map(drop),
        other => panic!("purpose {other}"),
    };
    // For who does not ask for a purpose there is no wrong one.
    if typed != Err(TokenFault::WrongPurpose) {
        assert_eq!(any.map(drop), typed);
    }
    typed
}
