//! What a person is asked to approve: everything that will happen upon a yes, under one hash. An answer is about the hash, so that nothing else is
//! ever done by it (`docs/PROTOCOL.md`, section 4.6).

use crate::b64;
use crate::ids::{AgentId, ApprovalId, DeviceId};
use crate::limits::GRANT_MINUTES_MAX;
use crate::sign::{self, transcript};
use crate::time::UnixMs;
use ed25519_dalek::SigningKey;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

const REQUEST: &str = "lanyard/approval-request/v1";
/// Context of a device's answer.
pub const ANSWER_CONTEXT: &str = "lanyard/approval/v1";

/// A request, and everything that will happen if it is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export, rename = "ApprovalRequest")]
pub struct Request {
    /// Its name. Chosen by chance, so that two requests for the same are two.
    pub id: ApprovalId,
    /// Who asks.
    pub asker: Asker,
    /// What would run, as a shell reads it. Never empty.
    pub line: String,
    /// The programs that the line starts, as far as they are known, in its order.
    pub programs: Vec<Program>,
    /// Where it would start: an absolute path.
    pub folder: String,
    /// What it may change: an absolute path.
    pub workspace: String,
    /// What it would be kept to.
    pub fences: Fences,
    /// Why it is asked about, in a sentence.
    pub reason: String,
    /// The literal rules that would allow it the next time; none where no rule may be offered.
    pub rules: Vec<String>,
    /// The file in which they would be saved; empty where they cannot be.
    pub saved_in: String,
    /// When it was asked.
    pub asked: UnixMs,
    /// From then on it is denied.
    pub until: UnixMs,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
#[ts(export)]
pub enum Asker {
    /// A process of this user on the machine itself.
    Script {
        /// Its process id.
        pid: u32,
        /// What it calls itself; may be empty.
        name: String,
    },
    /// A coding agent on the machine, before it runs something by itself.
    Agent {
        /// The process id of its hook.
        pid: u32,
        /// What it is called.
        name: String,
        /// Its own name for the session.
        session: String,
    },
}

/// A program that a name means now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Program {
    /// As the line has it.
    pub name: String,
    /// The file.
    pub path: String,
}

/// What a command is kept to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "fences", deny_unknown_fields)]
#[ts(export)]
pub enum Fences {
    /// It changes the workspace and nothing else.
    Workspace {
        /// It reaches the network.
        network: bool,
        /// It writes repositories.
        repository: bool,
    },
    /// Nothing: it can do what its user can.
    Outside {},
}

impl Fences {
    /// Whether what is let run in these may also run in those: they let it do no more.
    #[must_use]
    pub const fn cover(self, other: Self) -> bool {
        match (self, other) {
            (Self::Outside {}, _) => true,
            (Self::Workspace { .. }, Self::Outside {}) => false,
            (
                Self::Workspace {
                    network,
                    repository,
                },
                Self::Workspace {
                    network: more,
                    repository: writes,
                },
            ) => (network || !more) && (repository || !writes),
        }
    }

    /// Whether it is the sandbox as it is for whoever asks for no more.
    #[must_use]
    pub const fn are_plain(self) -> bool {
        matches!(
            self,
            Self::Workspace {
                network: false,
                repository: false,
            }
        )
    }
}

/// What an answer is about: SHA-256 over all of a request.
pub type Hash = b64::Bytes<32>;

impl Request {
    /// No two different requests have the same.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let asker = match &self.asker {
            Asker::Script { pid, name } => {
                transcript("script", &[&pid.to_be_bytes(), name.as_bytes()])
            }
            Asker::Agent { pid, name, session } => transcript(
                "agent",
                &[&pid.to_be_bytes(), name.as_bytes(), session.as_bytes()],
            ),
        };
        let programs: Vec<&[u8]> = self
            .programs
            .iter()
            .flat_map(|program| [program.name.as_bytes(), program.path.as_bytes()])
            .collect();
        let fences = match self.fences {
            Fences::Workspace {
                network,
                repository,
            } => transcript("workspace", &[&[network.into()], &[repository.into()]]),
            Fences::Outside {} => transcript("outside", &[]),
        };
        let rules: Vec<&[u8]> = self.rules.iter().map(String::as_bytes).collect();
        let all = transcript(
            REQUEST,
            &[
                &self.id.0,
                &asker,
                self.line.as_bytes(),
                &transcript("programs", &programs),
                self.folder.as_bytes(),
                self.workspace.as_bytes(),
                &fences,
                self.reason.as_bytes(),
                &transcript("rules", &rules),
                self.saved_in.as_bytes(),
                &self.asked.0.to_be_bytes(),
                &self.until.0.to_be_bytes(),
            ],
        );
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &all).as_ref());
        b64::Bytes(hash)
    }
}

/// A request as people are shown it: what is worth a word is said, and what hides is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Card {
    /// What is asked. An answer is about its hash.
    pub request: Request,
    /// What comes of it, in capitals and few words.
    pub consequence: String,
    /// How bad that can be.
    pub risk: Risk,
    /// The line with every character that hides shown as its number.
    pub shown: String,
    /// What to beware of in the line, a sentence each.
    pub careful: Vec<String>,
    /// The commands of the line, as far as it could be read.
    pub parts: Vec<Part>,
}

/// How bad it can be if the person errs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Risk {
    /// It changes the workspace, which can be got back.
    Low,
    /// It deletes, changes a repository, or reaches the network.
    Medium,
    /// It can do what its user can, or cannot be judged by what is seen.
    High,
}

/// One command of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export, rename = "ApprovalPart")]
pub struct Part {
    /// Its words, with what hides shown.
    pub shown: String,
    /// Whether it would run without asking if it stood alone.
    pub allowed: bool,
    /// Why, or why not.
    pub reason: String,
}

/// What somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export, rename = "ApprovalVerdict")]
pub enum Verdict {
    /// Do it, once.
    Approved,
    /// Do not.
    Denied,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }
}

/// For how long a yes holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "for", deny_unknown_fields)]
#[ts(export, rename = "ApprovalHolds")]
pub enum Holds {
    /// For this request.
    Once {},
    /// For it, and for so long for whatever its rules allow.
    Time {
        /// From 1 to [`GRANT_MINUTES_MAX`].
        minutes: u32,
    },
    /// For it, and its rules are saved.
    Always {},
}

/// A verdict, and for how long it holds. A no holds once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Yes or no.
    pub verdict: Verdict,
    /// For how long.
    pub holds: Holds,
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Self {
        let holds = Holds::Once {};
        Self { verdict, holds }
    }
}

impl Said {
    /// Whether it is one that can be said of this request.
    #[must_use]
    pub fn fits(&self, request: &Request) -> bool {
        match (self.verdict, self.holds) {
            (_, Holds::Once {}) => true,
            (Verdict::Denied, _) => false,
            (Verdict::Approved, Holds::Time { minutes }) => {
                !request.rules.is_empty() && (1..=GRANT_MINUTES_MAX).contains(&minutes)
            }
            (Verdict::Approved, Holds::Always {}) => {
                !request.rules.is_empty() && !request.saved_in.is_empty()
            }
        }
    }

    fn signed(&self) -> Vec<u8> {
        match self.holds {
            Holds::Once {} => transcript("once", &[]),
            Holds::Time { minutes } => transcript("time", &[&minutes.to_be_bytes()]),
            Holds::Always {} => transcript("always", &[]),
        }
    }
}

/// What is done with what no rule decides, as a person has chosen it for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export, rename = "WorkMode")]
pub enum Mode {
    /// Nothing but what only reads.
    Plan,
    /// Everything else is asked for.
    Ask,
    /// Edits in the workspace are not.
    AcceptEdits,
}

/// Rules that a person lets stand for a time, until the agent ends at the latest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Granted {
    /// The request to which it was the answer.
    pub id: ApprovalId,
    /// As the person has read them.
    pub rules: Vec<String>,
    /// Where they count.
    pub workspace: String,
    /// For what is kept to these, or to more.
    pub fences: Fences,
    /// Until when.
    pub until: UnixMs,
    /// Who has said so: a device's name, or empty for the machine itself.
    pub by: String,
}

/// What a device answers to a request, on a stream of purpose `approve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export, rename = "ApprovalAnswer")]
pub struct Answer {
    /// Of the request that the person was shown.
    pub hash: Hash,
    /// The answer.
    pub verdict: Verdict,
    /// For how long it holds.
    pub holds: Holds,
    /// By the device key, over transcript `lanyard/approval/v1`.
    pub signature: b64::Bytes<64>,
}

impl Answer {
    /// Signs an answer.
    #[must_use]
    pub fn sign(key: &SigningKey, agent: AgentId, hash: Hash, said: impl Into<Said>) -> Self {
        let said = said.into();
        let device = DeviceId::of_key(key.verifying_key().as_bytes());
        let holds = said.signed();
        let fields = fields(&agent, &device, &hash, said.verdict, &holds);
        Self {
            hash,
            verdict: said.verdict,
            holds: said.holds,
            signature: b64::Bytes(sign::sign(key, ANSWER_CONTEXT, &fields)),
        }
    }

    /// What is answered.
    #[must_use]
    pub const fn said(&self) -> Said {
        Said {
            verdict: self.verdict,
            holds: self.holds,
        }
    }

    /// Whether the device with this key gave it, to this machine.
    #[must_use]
    pub fn is_by(&self, key: &[u8; 32], agent: AgentId) -> bool {
        let device = DeviceId::of_key(key);
        let holds = self.said().signed();
        let fields = fields(&agent, &device, &self.hash, self.verdict, &holds);
        sign::verify(key, ANSWER_CONTEXT, &fields, &self.signature.0)
    }
}

fn fields<'a>(
    agent: &'a AgentId,
    device: &'a DeviceId,
    hash: &'a Hash,
    verdict: Verdict,
    holds: &'a [u8],
) -> [&'a [u8]; 5] {
    let verdict = verdict.name().as_bytes();
    [&agent.0, &device.0, &hash.0, verdict, holds]
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Settled {
    /// Which.
    pub id: ApprovalId,
    /// What it was about.
    pub hash: Hash,
    /// The end of it.
    pub end: End,
    /// When.
    pub at: UnixMs,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "end", deny_unknown_fields)]
#[ts(export, rename = "ApprovalEnd")]
pub enum End {
    /// Somebody has answered.
    Answered {
        /// What.
        verdict: Verdict,
        /// For how long.
        holds: Holds,
        /// Who.
        by: By,
    },
    /// Nobody has, in all its time.
    Expired {},
    /// Whoever asked needs no answer any more.
    Withdrawn {},
    /// What is asked about was changed meanwhile: it may be asked again.
    Overtaken {},
}

impl End {
    /// Whether it may be acted on.
    #[must_use]
    pub fn is_approval(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                verdict: Verdict::Approved,
                ..
            }
        )
    }
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "at", deny_unknown_fields)]
#[ts(export, rename = "ApprovalBy")]
pub enum By {
    /// The person at the machine.
    Machine {},
    /// A device.
    Device {
        /// How it called itself then.
        name: String,
        /// Its key, after which it is called.
        key: b64::Bytes<32>,
        /// What it has signed: see [`Answer`].
        signature: b64::Bytes<64>,
    },
}

impl Settled {
    /// Whether what a device is said to have answered was signed by it. What no device has answered needs no signature.
    #[must_use]
    pub fn is_signed(&self, agent: AgentId) -> bool {
        let End::Answered {
            verdict,
            holds,
            by: By::Device { key, signature, .. },
        } = &self.end
        else {
            return true;
        };
        let answer = Answer {
            hash: self.hash,
            verdict: *verdict,
            holds: *holds,
            signature: *signature,
        };
        answer.is_by(&key.0, agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            id: ApprovalId([1; 16]),
            asker: Asker::Script {
                pid: 7,
                name: "make".to_owned(),
            },
            line: "npm test".to_owned(),
            programs: vec![Program {
                name: "npm".to_owned(),
                path: "/usr/bin/npm".to_owned(),
            }],
            folder: "/work".to_owned(),
            workspace: "/work".to_owned(),
            fences: Fences::Workspace {
                network: false,
                repository: false,
            },
            reason: "no rule speaks of `npm`".to_owned(),
            rules: vec!["Bash(npm test)".to_owned()],
            saved_in: "/work/.lanyard/settings.local.toml".to_owned(),
            asked: UnixMs(1),
            until: UnixMs(2),
        }
    }

    #[test]
    fn whatever_differs_in_a_request_its_hash_differs() {
        let whole = request();
        let changes: [fn(&mut Request); 18] = [
            |r| {
                r.asker = Asker::Agent {
                    pid: 7,
                    name: "make".to_owned(),
                    session: String::new(),
                }
            },
            |r| r.id = ApprovalId([2; 16]),
            |r| {
                r.asker = Asker::Script {
                    pid: 8,
                    name: "make".to_owned(),
                }
            },
            |r| {
                r.asker = Asker::Script {
                    pid: 7,
                    name: String::new(),
                }
            },
            |r| r.line.push(' '),
            |r| r.programs.clear(),
            |r| r.programs[0].path.push('x'),
            |r| {
                r.programs[0].name = "npm/".to_owned();
                r.programs[0].path = "usr/bin/npm".to_owned();
            },
            |r| r.folder.push('/'),
            |r| r.workspace = "/".to_owned(),
            |r| {
                r.fences = Fences::Workspace {
                    network: true,
                    repository: false,
                }
            },
            |r| r.fences = Fences::Outside {},
            |r| r.reason.clear(),
            |r| r.rules.clear(),
            |r| r.rules.push("Bash(npm test)".to_owned()),
            |r| r.saved_in.clear(),
            |r| r.asked = UnixMs(2),
            |r| r.until = UnixMs(3),
        ];
        let mut hashes = vec![whole.hash()];
        for change in changes {
            let mut other = whole.clone();
            change(&mut other);
            assert!(!hashes.contains(&other.hash()), "{other:?}");
            hashes.push(other.hash());
        }
        assert_eq!(whole.hash(), request().hash());
    }

    #[test]
    fn an_answer_is_by_one_device_to_one_machine_about_one_request() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let public = key.verifying_key().to_bytes();
        let (agent, hash) = (AgentId([9; 16]), request().hash());
        let answer = Answer::sign(&key, agent, hash, Verdict::Denied);
        assert!(answer.is_by(&public, agent));
        assert!(!answer.is_by(&public, AgentId([8; 16])));
        assert!(!answer.is_by(
            SigningKey::from_bytes(&[6; 32]).verifying_key().as_bytes(),
            agent
        ));
        let turned = Answer {
            verdict: Verdict::Approved,
            ..answer
        };
        assert!(!turned.is_by(&public, agent));
        let minutes = 15;
        for holds in [Holds::Always {}, Holds::Time { minutes }] {
            let longer = Answer { holds, ..answer };
            assert!(!longer.is_by(&public, agent));
        }
        let verdict = Verdict::Approved;
        let time = |minutes| Said {
            verdict,
            holds: Holds::Time { minutes },
        };
        let hour = Answer::sign(&key, agent, hash, time(60));
        assert!(hour.is_by(&public, agent));
        let holds = time(61).holds;
        assert!(!Answer { holds, ..hour }.is_by(&public, agent));
        let mut other = request();
        other.line.push('x');
        let moved = Answer {
            hash: other.hash(),
            ..answer
        };
        assert!(!moved.is_by(&public, agent));
    }

    #[test]
    fn what_is_let_do_less_is_not_let_do_more() {
        let within = |network, repository| Fences::Workspace {
            network,
            repository,
        };
        let outside = Fences::Outside {};
        let all = [
            within(false, false),
            within(true, false),
            within(false, true),
            within(true, true),
            outside,
        ];
        for one in all {
            assert!(outside.cover(one) && one.cover(within(false, false)) && one.cover(one));
            assert_eq!(one.cover(outside), one == outside);
        }
        assert!(!within(false, true).cover(within(true, false)));
        assert!(!within(true, false).cover(within(false, true)));
        assert!(!within(true, false).cover(within(true, true)));
    }

    #[test]
    fn only_a_yes_to_rules_that_were_shown_holds_for_longer_than_once() {
        let whole = request();
        let mut without = request();
        without.rules.clear();
        let mut unsaved = request();
        unsaved.saved_in.clear();
        let time = |minutes| Holds::Time { minutes };
        for (verdict, holds, request, fits) in [
            (Verdict::Denied, Holds::Once {}, &without, true),
            (Verdict::Approved, time(1), &unsaved, true),
            (Verdict::Approved, time(GRANT_MINUTES_MAX), &whole, true),
            (
                Verdict::Approved,
                time(GRANT_MINUTES_MAX + 1),
                &whole,
                false,
            ),
            (Verdict::Approved, time(0), &whole, false),
            (Verdict::Approved, time(15), &without, false),
            (Verdict::Denied, time(15), &whole, false),
            (Verdict::Approved, Holds::Always {}, &whole, true),
            (Verdict::Approved, Holds::Always {}, &unsaved, false),
            (Verdict::Approved, Holds::Always {}, &without, false),
            (Verdict::Denied, Holds::Always {}, &whole, false),
        ] {
            let said = Said { verdict, holds };
            assert_eq!(said.fits(request), fits, "{said:?}");
        }
    }
}
