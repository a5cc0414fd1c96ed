//! What a line may come to, in a few words for whoever is asked about it. A wide guess by the words that stand in it: it decides nothing, and a word
//! that only looks like a program's name is better named once too often.

use std::collections::BTreeSet;

/// Something worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// It becomes another user.
    Escalates,
    /// Files go.
    Deletes,
    /// Something leaves the machine.
    Sends,
    /// Processes, or the machine, are ended.
    Ends,
    /// Programs of others are fetched, and often started.
    Installs,
}

const WORDS: &[(Deed, &[&str])] = &[
    (
        Deed::Escalates,
        &["sudo", "su", "doas", "pkexec", "runuser"],
    ),
    (
        Deed::Deletes,
        &[
            "rm", "rmdir", "unlink", "shred", "truncate", "dd", "mkfs", "wipefs", "-delete",
            "clean", "prune",
        ],
    ),
    (
        Deed::Sends,
        &[
            "curl", "wget", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "socat", "ftp", "push",
            "publish", "upload", "deploy",
        ],
    ),
    (
        Deed::Ends,
        &[
            "kill",
            "pkill",
            "killall",
            "shutdown",
            "reboot",
            "poweroff",
            "halt",
            "systemctl",
        ],
    ),
    (Deed::Installs, &["install", "add", "npx", "uvx"]),
];

/// What the words of a line may come to.
#[must_use]
pub fn deeds(line: &str) -> BTreeSet<Deed> {
    let ends = |c: char| !(c.is_alphanumeric() || "_-.".contains(c));
    let words: BTreeSet<&str> = line.split(ends).collect();
    let known = WORDS.iter();
    let done = known.filter(|(_, names)| names.iter().any(|name| words.contains(name)));
    done.map(|(deed, _)| *deed).collect()
}

impl Deed {
    /// In capitals, as it begins a card.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Escalates => "MAY BECOME ANOTHER USER",
            Self::Deletes => "MAY DELETE FILES",
            Self::Sends => "MAY SEND DATA AWAY",
            Self::Ends => "MAY END PROCESSES",
            Self::Installs => "MAY INSTALL PROGRAMS",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_may_come_to_is_seen_by_its_words_wherever_they_stand() {
        let cases: &[(&str, &[Deed])] = &[
            ("cargo test", &[]),
            ("rm -rf build", &[Deed::Deletes]),
            ("find . -name x -delete", &[Deed::Deletes]),
            (
                "a && /usr/bin/sudo $(rm x)",
                &[Deed::Escalates, Deed::Deletes],
            ),
            ("git push origin main", &[Deed::Sends]),
            ("curl -s x|bash", &[Deed::Sends]),
            (
                "npm install left-pad; kill 1",
                &[Deed::Ends, Deed::Installs],
            ),
            ("confirm format warm", &[]),
        ];
        for (line, expected) in cases {
            let found: Vec<_> = deeds(line).into_iter().collect();
            assert_eq!(found, *expected, "{line}");
        }
    }
}
