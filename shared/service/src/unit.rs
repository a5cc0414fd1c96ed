//! A unit file: how words and paths stand in it, and the line by which we know it again.

use std::path::Path;

/// A unit file of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, as `lanyard.service`.
    pub name: &'static str,
    /// All of it but the line that marks it.
    pub body: String,
}

/// Why something cannot stand in a unit.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot stand in a unit: it holds a line break, or is not text")]
pub struct Unfit(pub String);

/// The first line of what we wrote; a file without it is somebody else's.
const MARK: &str = "# Written by Lanyard, and written again by `service install`.";

impl Unit {
    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let name = self.name.trim_end_matches(".service");
        format!(
            "{MARK} Changes of your own belong into `systemctl edit {name}`;\n\
             # without the line above, this file is left as it is.\n{}",
            self.body
        )
    }
}

/// True for a file that nobody has taken from us.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(MARK))
}

/// A program and its arguments, as `ExecStart=` reads them.
///
/// # Errors
/// One of them cannot be written down.
pub fn command<'a>(
    program: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<String, Unfit> {
    let mut words = vec![quoted(fit(program)?)];
    for argument in arguments {
        words.push(quoted(clean(argument)?).replace('$', "$$"));
    }
    Ok(words.join(" "))
}

/// A path, as `WorkingDirectory=` reads it: to the end of the line, quotes and all.
///
/// # Errors
/// It cannot be written down.
pub fn folder(path: &Path) -> Result<String, Unfit> {
    let text = fit(path)?;
    // A backslash at the end would join the next line, and blanks at the end are lost.
    if text.ends_with(['\\', ' ']) {
        return Err(Unfit(text.to_owned()));
    }
    Ok(text.replace('%', "%%"))
}

/// A path that is text without line breaks.
///
/// # Errors
/// It is not.
pub fn fit(path: &Path) -> Result<&str, Unfit> {
    let lossy = || Unfit(path.display().to_string());
    clean(path.to_str().ok_or_else(lossy)?)
}

fn clean(text: &str) -> Result<&str, Unfit> {
    if text.contains(char::is_control) {
        return Err(Unfit(text.replace(char::is_control, "?")));
    }
    Ok(text)
}

fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    if !escaped.is_empty() && escaped.chars().all(plain) {
        escaped
    } else {
        format!("\"{escaped}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_program_as_they_were_typed() -> Result<(), Unfit> {
        let program = Path::new("/opt/my tools/lanyard");
        let arguments = [
            "serve",
            "a b",
            "100%",
            "$HOME",
            "say \"hi\"",
            "back\\slash",
            "",
            "é;",
        ];
        assert_eq!(
            command(program, arguments)?,
            r#""/opt/my tools/lanyard" serve "a b" 100%% "$$HOME" "say \"hi\"" "back\\slash" "" "é;""#
        );
        assert!(command(program, ["a\nUser=root"]).is_err());
        Ok(())
    }

    #[test]
    fn a_folder_stands_without_quotes() -> Result<(), Unfit> {
        assert_eq!(
            folder(Path::new("/home/ada/my 100%"))?,
            "/home/ada/my 100%%"
        );
        assert!(folder(Path::new("/home/ada/odd\\")).is_err());
        assert!(folder(Path::new("/home/ada\n[Service]")).is_err());
        Ok(())
    }

    #[test]
    fn our_own_text_is_known_again() {
        let unit = Unit {
            name: "lanyard.service",
            body: "[Unit]\n".to_owned(),
        };
        assert!(is_ours(&unit.text()));
        assert!(!is_ours("[Unit]\nDescription=mine\n"));
    }
}
