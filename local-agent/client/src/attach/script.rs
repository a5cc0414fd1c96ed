//! What is typed into a fresh shell to run one command between marks.
//!
//! The first line replaces the shell by `sh` with a fixed script, quoted so that bash, zsh, dash and fish read the same: single quotes
//! around text without single quotes or doubled backslashes. The script says that it is ready, then reads the command in short lines of
//! letters, digits and escapes; so neither a shell's line editor, nor its quoting, nor a terminal's 4,096-byte lines can change it.
//! Lines without the tag are not the command's, so the first line may be typed again when a slow shell seems to have lost it.

use crate::failure::Failure;
use crate::limits::{COMMAND_LINE_MAX, COMMAND_MAX};
use std::fmt::Write as _;

/// `$0` and `$1` are the halves of the tag: in no echo of the line do they stand together.
const SCRIPT: &str = concat!(
    r#"a=$0; b=$1; c=; m() { printf "\033]7717;%s%s;%s\007" "$a" "$b" "$1"; }; m ready; "#,
    r#"while IFS= read -r l; do case $l in "$b.") break;; "$b"*) c=$c${l#"$b"};; esac; done; "#,
    r#"c=$(printf "%bx" "$c"); m begin; sh -c "${c%x}"; s=$?; m "end;$s"; exit $s"#,
);

/// A tag, in halves of 16 letters.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    first: String,
    second: String,
}

impl Tag {
    /// The tag with these bytes, which must be random.
    pub fn new(bytes: [u8; 16]) -> Self {
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        Self {
            first: hex(&bytes[..8]),
            second: hex(&bytes[8..]),
        }
    }

    /// As it stands in marks.
    pub fn whole(&self) -> String {
        format!("{}{}", self.first, self.second)
    }
}

/// Refuses a command that cannot be run as it is.
pub(super) fn check(command: &str) -> Result<(), Failure> {
    if command.contains('\0') {
        return Err(Failure::local(
            "the command holds a zero byte, which no command can",
            "",
        ));
    }
    if command.len() > COMMAND_MAX {
        return Err(Failure::local(
            format!(
                "the command is {} bytes long; at most {COMMAND_MAX} can be run",
                command.len()
            ),
            "put it into a file on the machine and run that",
        ));
    }
    Ok(())
}

/// The first line, with the key that ends it. The space keeps it out of most shells' histories.
pub(super) fn first_line(tag: &Tag) -> String {
    format!(" exec sh -c '{SCRIPT}' {} {}\r", tag.first, tag.second)
}

/// The lines that carry the command, each with the key that ends it.
pub(super) fn command_lines(tag: &Tag, command: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for byte in command.bytes() {
        if line.len() + 5 > COMMAND_LINE_MAX {
            let _ = write!(out, "{}{line}\r", tag.second);
            line.clear();
        }
        // What `%b` reads (POSIX, printf): a zero and up to three octal digits.
        let _ = if byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'/' | b'-') {
            write!(line, "{}", char::from(byte))
        } else {
            write!(line, "\\0{byte:03o}")
        };
    }
    if !line.is_empty() {
        let _ = write!(out, "{}{line}\r", tag.second);
    }
    let _ = write!(out, "{}.\r", tag.second);
    out
}

#[cfg(test)]
mod tests {
    use super::super::marker::{Found, Markers};
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn tag() -> Tag {
        Tag::new([0xab; 16])
    }

    /// What the script prints between its marks, and its status, when a shell runs the first line. A copy of it comes late.
    fn run(command: &str) -> (Vec<u8>, Option<i32>) {
        let line = first_line(&tag());
        let mut sh = Command::new("sh");
        let sh = sh.arg("-c").arg(line.trim_end());
        let mut child = sh
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let typed = format!("{line}{}", command_lines(&tag(), command)).replace('\r', "\n");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let mut markers = Markers::new(&tag().whole());
        let mut found = markers.feed(&output.stdout);
        found.extend(markers.rest());
        let inside = found.iter().filter_map(|found| {
            if let Found::Output(bytes) = found {
                Some(&bytes[..])
            } else {
                None
            }
        });
        (inside.collect::<Vec<_>>().concat(), output.status.code())
    }

    #[test]
    fn the_command_runs_as_it_is_whatever_is_in_it() {
        for (command, output) in [
            ("echo hi", "hi\n"),
            ("printf '%s' \"a'b\\\\c\" $((1+1))", "a'b\\c2"),
            ("printf %s 'é\t\u{1}!\"$`'", "é\t\u{1}!\"$`"),
            ("echo a\necho b\n", "a\nb\n"),
            ("cat <<'X'\n\\c \\0101 %s\nX\n", "\\c \\0101 %s\n"),
            ("", ""),
        ] {
            assert_eq!(
                run(command),
                (output.as_bytes().to_vec(), Some(0)),
                "{command}"
            );
        }
        assert_eq!(run("exit 7").1, Some(7));
        assert_eq!(run("kill -9 $$").1, Some(137));
    }

    #[test]
    fn a_long_command_arrives_whole_in_short_lines() {
        let command = format!("printf %s '{}'", "é\n".repeat(20_000));
        assert!(check(&command).is_ok());
        assert!(
            command_lines(&tag(), &command)
                .split('\r')
                .all(|line| line.len() < 4000)
        );
        assert_eq!(run(&command).0, "é\n".repeat(20_000).into_bytes());
        assert!(check(&"x".repeat(COMMAND_MAX + 1)).is_err());
        assert!(check("a\0b").is_err());
    }

    #[test]
    fn no_echo_of_what_is_typed_holds_a_mark_or_the_whole_tag() {
        let typed = format!(
            "{}{}",
            first_line(&tag()),
            command_lines(&tag(), "echo \x1b]7717;")
        );
        assert!(!typed.contains('\x1b') && !typed.contains(&tag().whole()));
        assert!(first_line(&tag()).len() < 1024);
        assert!(!SCRIPT.contains('\'') && !SCRIPT.contains("\\\\") && !SCRIPT.contains('!'));
    }
}
