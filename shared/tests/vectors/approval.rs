//! What an answer is about, and what a device signs.

use crate::{hex, written_down};
use ed25519_dalek::SigningKey;
use lanyard_shared::approval::{Answer, Asker, Fences, Holds, Program, Request, Said, Verdict};
use lanyard_shared::ids::{AgentId, ApprovalId};
use lanyard_shared::time::UnixMs;
use serde_json::{Value, json};

const AGENT: AgentId = AgentId([0xa1; 16]);

fn request(line: &str, programs: &[(&str, &str)], fences: Fences) -> Request {
    let programs = programs.iter().map(|(name, path)| Program {
        name: (*name).to_owned(),
        path: (*path).to_owned(),
    });
    Request {
        id: ApprovalId([7; 16]),
        asker: Asker::Script {
            pid: 4711,
            name: "release".to_owned(),
        },
        line: line.to_owned(),
        programs: programs.collect(),
        folder: "/home/ada/src".to_owned(),
        workspace: "/home/ada".to_owned(),
        fences,
        reason: "no rule speaks of `make`".to_owned(),
        rules: vec![format!("Bash({line})"), "Bash(é)".to_owned()],
        saved_in: "/home/ada/.lanyard/settings.local.toml".to_owned(),
        asked: UnixMs(1_700_000_000_123),
        until: UnixMs(1_700_001_800_123),
    }
}

#[test]
fn answers_are_as_written_down() {
    let fences = |network, repository| Fences::Workspace {
        network,
        repository,
    };
    let make = ("make", "/usr/bin/make");
    let cases = [
        request("make", &[make], fences(false, false)),
        request("make", &[make], fences(true, false)),
        request("make", &[make], fences(false, true)),
        request("make", &[make], Fences::Outside {}),
        request("make \u{202e}é\n", &[], fences(true, true)),
        request("a|b", &[("a", "/a"), ("b", "/b")], fences(false, false)),
    ];
    let mut by_agent = request("make", &[make], Fences::Outside {});
    by_agent.asker = Asker::Agent {
        pid: 4712,
        name: "Claude Code".to_owned(),
        session: "0b5e".to_owned(),
    };
    let cases = cases.into_iter().chain([by_agent]);
    let longer = |holds| Said {
        verdict: Verdict::Approved,
        holds,
    };
    let said = [
        Said::from(Verdict::Approved),
        Said::from(Verdict::Denied),
        longer(Holds::Time { minutes: 15 }),
        longer(Holds::Always {}),
    ];
    let key = SigningKey::from_bytes(&[1; 32]);
    let written: Vec<Value> = cases
        .zip(said.into_iter().cycle())
        .map(|(request, said)| {
            let answer = Answer::sign(&key, AGENT, request.hash(), said);
            json!({"request": request, "answer": answer})
        })
        .collect();
    let case = json!({
        "agent": AGENT, "seed": hex(&[1; 32]), "key": hex(key.verifying_key().as_bytes()),
        "cases": written,
    });
    written_down("approval/answers.json", &case);
}
