//! Which folders are trusted on this machine. A project's own settings loosen nothing, and its repository is not looked at, until a person at the
//! machine has said yes to just these settings in just this folder.

use super::settings::Found;
use crate::limits::TRUSTED_MAX;
use lanyard_policy::prompt;
use lanyard_policy::settings::{Effect, Mode};
use lanyard_shared::b64;
use lanyard_shared::sign::transcript;
use lanyard_shared::time::UnixMs;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::path::Path;

const CONTEXT: &str = "lanyard/project-settings/v1";

/// The settings that come with a project, all bytes of them.
pub type ProjectHash = b64::Bytes<32>;

/// The hash of these files of a project: each as it is, or not there.
#[must_use]
pub fn hash(files: &[Option<Vec<u8>>]) -> ProjectHash {
    let fields: Vec<Vec<u8>> = files
        .iter()
        .map(|file| match file {
            Some(text) => [b"+", text.as_slice()].concat(),
            None => b"-".to_vec(),
        })
        .collect();
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &transcript(CONTEXT, &fields)).as_ref());
    b64::Bytes(hash)
}

/// What a person has said of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// The folder, absolute and without links.
    pub folder: String,
    /// Its settings, as they were then.
    pub hash: ProjectHash,
    /// Whether it was yes.
    pub trusted: bool,
    /// When.
    pub at: UnixMs,
}

/// All of them, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    words: Vec<Word>,
}

/// What is known of a folder with its settings of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Somebody said yes to them.
    Trusted,
    /// Somebody said no to them.
    Refused,
    /// Somebody said yes to others.
    Changed,
    /// Nobody was asked.
    Nothing,
}

impl Trust {
    /// What is known of a folder whose settings are these.
    #[must_use]
    pub fn of(&self, folder: &Path, hash: &ProjectHash) -> Known {
        let its = |word: &&Word| Path::new(&word.folder) == folder;
        match self.words.iter().rev().find(its) {
            Some(word) if word.hash == *hash && word.trusted => Known::Trusted,
            Some(word) if word.hash == *hash => Known::Refused,
            Some(word) if word.trusted => Known::Changed,
            Some(_) | None => Known::Nothing,
        }
    }

    /// Takes a person's word, in the place of what was said of that folder before. The oldest is forgotten when there are too many.
    pub fn take(&mut self, word: Word) {
        self.forget(Path::new(&word.folder));
        if self.words.len() >= TRUSTED_MAX {
            self.words.remove(0);
        }
        self.words.push(word);
    }

    /// Forgets a folder. False if nothing was known of it.
    pub fn forget(&mut self, folder: &Path) -> bool {
        let before = self.words.len();
        self.words.retain(|word| Path::new(&word.folder) != folder);
        self.words.len() != before
    }

    /// All that was said.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }
}

/// What a folder would be allowed if it were trusted, a line each; nothing if that changes nothing.
#[must_use]
pub fn would_allow(found: &Found, folder: &Path) -> Vec<String> {
    let (with, without) = (found.scopes(true), found.scopes(false));
    let mut lines: Vec<String> = with
        .allow()
        .iter()
        .filter(|placed| placed.level.comes_with_project())
        .map(|placed| {
            let warns = placed.rule.dangerous().map(str::to_owned);
            let warns = warns.or_else(|| placed.rule.never_allows().map(|why| why.to_string()));
            let warns = warns.map(|why| format!(" (careful: {why})"));
            let rule = prompt::show(&placed.rule.to_string()).text;
            let effect = Effect::Allow;
            format!("{effect} {rule}{}", warns.unwrap_or_default())
        })
        .collect();
    for added in with
        .folders()
        .iter()
        .filter(|one| one.level.comes_with_project())
    {
        lines.push(format!(
            "read files below {}",
            prompt::show(&added.path).text
        ));
    }
    if with.mode() > without.mode() {
        lines.push(match with.mode() {
            Mode::AcceptEdits => "change files in it without asking".to_owned(),
            Mode::Ask | Mode::Plan => "ask for more than to read".to_owned(),
        });
    }
    if folder.join(".git").symlink_metadata().is_ok() {
        lines.push("look at its Git repository without asking (git status, diff, log)".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_policy::settings::Level;

    fn word(folder: &str, number: u8, trusted: bool) -> Word {
        Word {
            folder: folder.to_owned(),
            hash: b64::Bytes([number; 32]),
            trusted,
            at: UnixMs(1),
        }
    }

    #[test]
    fn a_yes_is_for_one_folder_and_its_settings_as_they_were() {
        let mut trust = Trust::default();
        let of = |trust: &Trust, folder: &str, number| {
            trust.of(Path::new(folder), &b64::Bytes([number; 32]))
        };
        assert_eq!(of(&trust, "/a", 1), Known::Nothing);
        trust.take(word("/a", 1, true));
        assert_eq!(of(&trust, "/a", 1), Known::Trusted);
        assert_eq!(of(&trust, "/a", 2), Known::Changed);
        assert_eq!(of(&trust, "/a/b", 1), Known::Nothing);
        trust.take(word("/a", 2, false));
        assert_eq!(of(&trust, "/a", 2), Known::Refused);
        assert_eq!(of(&trust, "/a", 1), Known::Nothing);
        assert!(trust.forget(Path::new("/a")) && !trust.forget(Path::new("/a")));
        for number in 0..=TRUSTED_MAX {
            trust.take(word(&format!("/{number}"), 1, true));
        }
        assert_eq!(trust.words().len(), TRUSTED_MAX);
        assert_eq!(of(&trust, "/0", 1), Known::Nothing);
    }

    #[test]
    fn the_hash_is_of_every_byte_and_of_what_is_not_there() {
        let hashes = [
            hash(&[None, None]),
            hash(&[Some(Vec::new()), None]),
            hash(&[None, Some(Vec::new())]),
            hash(&[Some(b"a".to_vec()), Some(b"b".to_vec())]),
            hash(&[Some(b"ab".to_vec()), Some(Vec::new())]),
        ];
        for (at, one) in hashes.iter().enumerate() {
            assert!(hashes.iter().skip(at + 1).all(|other| other != one));
        }
    }

    #[test]
    fn all_that_a_project_would_loosen_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.toml");
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        let text = "mode = \"accept-edits\"\n[permissions]\nallow = [\"Bash(make *)\", \"Bash(python:*)\"]\ndeny = [\"Bash(rm:*)\"]\nfolders = [\"../more\"]\n";
        std::fs::write(&file, text).unwrap();
        let found = Found::read(vec![(Level::Project, file)]);
        let lines = would_allow(&found, dir.path());
        let all = lines.join("\n");
        for part in [
            "allow Bash(make *)",
            "Bash(python:*) (careful:",
            "read files below ../more",
            "change files in it without asking",
            "look at its Git repository",
        ] {
            assert!(all.contains(part), "{all}");
        }
        assert_eq!(lines.len(), 5, "{all}");
        let plain = tempfile::tempdir().unwrap();
        assert!(would_allow(&Found::read(Vec::new()), plain.path()).is_empty());
    }
}
