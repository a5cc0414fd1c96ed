//! What the workspace profile sees of a home: programs, their libraries, and who the user is to Git.

use crate::job::Job;
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

/// Programs and their libraries; no credentials.
const FOLDERS: &[&str] = &[
    ".asdf",
    ".bun/bin",
    ".cargo/bin",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".fnm",
    ".ghcup",
    ".goenv",
    ".jenv",
    ".juliaup",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pnpm",
    ".local/share/uv/python",
    ".local/share/uv/tools",
    ".nvm",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".sdkman",
    ".volta",
    "go/bin",
    "go/pkg",
];

/// Settings of Git.
const FILES: &[&str] = &[
    ".config/git/attributes",
    ".config/git/config",
    ".config/git/ignore",
    ".gitconfig",
];

/// Of a home what is nobody's to read, wherever a link leads. The list can never be whole: what is not shown is not seen, whatever its name.
const SECRETS: &[&str] = &[
    ".aws",
    ".azure",
    ".config/BraveSoftware",
    ".config/chromium",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/google-chrome",
    ".config/microsoft-edge",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".ssh",
    ".thunderbird",
    ".vault-token",
];

/// One of them that is there.
#[derive(Debug)]
pub(crate) struct ToolChain {
    /// Where programs look for it.
    pub(crate) at: PathBuf,
    /// What is there, behind links.
    pub(crate) real: PathBuf,
}

/// Those that are there. A link is followed only to what is of its kind and holds nothing secret: somebody may have left it.
pub(crate) fn tool_chains(job: &Job) -> Vec<ToolChain> {
    if !job.home.is_absolute() {
        return Vec::new();
    }
    let found = |path: &&'static str| {
        let at = job.home.join(path);
        let real = canonicalize(&at).ok()?;
        Some(ToolChain { at, real })
    };
    let folders = FOLDERS.iter().filter_map(found);
    let files = FILES.iter().filter_map(found);
    let folders = folders.filter(|found| found.real.is_dir());
    let files = files.filter(|found| found.real.is_file());
    let all = folders.chain(files);
    all.filter(|found| !holds_secrets(job, &found.real))
        .collect()
}

/// Whether it lies in what no command may see, or the other way round.
fn holds_secrets(job: &Job, real: &Path) -> bool {
    let home = real_or_named(&job.home);
    let secrets = SECRETS.iter().map(|path| job.home.join(path));
    let mut closed = job.hidden.iter().cloned().chain(secrets);
    home.starts_with(real)
        || closed.any(|path| {
            let path = real_or_named(&path);
            path.starts_with(real) || real.starts_with(&path)
        })
}

/// Of what is not there yet, its name: it can come to be.
pub(crate) fn real_or_named(path: &Path) -> PathBuf {
    canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Why a command that can change this folder could choose what later ones start or read; `None` if it could not.
pub(crate) fn is_led_by(workspace: &Path, home: &Path) -> Option<&'static str> {
    let home = real_or_named(home);
    let lists = FOLDERS.iter().chain(FILES);
    // By its name, where it can come to be, and where a link leads.
    let mut chains = lists.flat_map(|path| {
        let named = home.join(path);
        [real_or_named(&named), named]
    });
    if chains.any(|path| path.starts_with(workspace) || workspace.starts_with(&path)) {
        return Some("programs of yours are started from there");
    }
    let below = workspace.strip_prefix(&home).ok()?;
    let mut parts = below.components();
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    let whole = first.starts_with('.') && parts.next().is_none();
    let in_secret = SECRETS.iter().any(|path| below.starts_with(path));
    (whole || in_secret || below.starts_with(".config"))
        .then_some("it holds settings or secrets of yours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_tool_chain_is_linked_to_is_no_workspace_either() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("disk/rustup/bin")).unwrap();
        std::fs::create_dir(top.join("home")).unwrap();
        std::os::unix::fs::symlink(top.join("disk/rustup"), top.join("home/.rustup")).unwrap();
        for (path, led) in [("disk", true), ("disk/rustup/bin", true), ("other", false)] {
            let why = is_led_by(&top.join(path), &top.join("home"));
            assert_eq!(why.is_some(), led, "{path}");
        }
    }

    #[test]
    fn what_leads_other_programs_is_no_workspace() {
        let home = Path::new("/nonexistent/home");
        for (path, led) in [
            ("go", true),
            ("go/pkg/mod/x", true),
            ("go/src/x", false),
            (".local", true),
            (".local/share", true),
            (".local/src/x", false),
            (".ssh", true),
            (".config/nvim", true),
            (".dotfiles", true),
            (".dotfiles/x", false),
            ("src/x", false),
        ] {
            assert_eq!(is_led_by(&home.join(path), home).is_some(), led, "{path}");
        }
    }
}
