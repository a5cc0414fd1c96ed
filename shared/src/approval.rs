//! What a person is asked to approve: everything that will happen upon a yes, under one hash. An answer is about the hash, so that nothing else is
//! ever done by it (`docs/PROTOCOL.md`, section 8).

use crate::b64;
use crate::ids::ApprovalId;
use crate::sign::transcript;
use crate::time::UnixMs;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

const REQUEST: &str = "lanyard/approval-request/v1";

/// A request, and everything that will happen if it is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
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
    /// When it was asked.
    pub asked: UnixMs,
    /// From then on it is denied.
    pub until: UnixMs,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
pub enum Asker {
    /// A process of this user on the machine itself.
    Script {
        /// Its process id.
        pid: u32,
        /// What it calls itself; may be empty.
        name: String,
    },
}

/// A program that a name means now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// As the line has it.
    pub name: String,
    /// The file.
    pub path: String,
}

/// What a command is kept to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "fences", deny_unknown_fields)]
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
                &self.asked.0.to_be_bytes(),
                &self.until.0.to_be_bytes(),
            ],
        );
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &all).as_ref());
        b64::Bytes(hash)
    }
}

/// What somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Do it, once.
    Approved,
    /// Do not.
    Denied,
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
            asked: UnixMs(1),
            until: UnixMs(2),
        }
    }

    #[test]
    fn whatever_differs_in_a_request_its_hash_differs() {
        let whole = request();
        let changes: [fn(&mut Request); 14] = [
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
}
