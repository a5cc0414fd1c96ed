//! Files that decide what runs later: nobody writes them by a saved rule, and what is approved cannot write them either.

use std::path::{Component, Path};

/// Names at the top of the workspace that commands never write, in the sandbox of what is approved too. A folder stands for all in it. They
/// are kept from being made where they do not exist.
pub const NEVER_WRITTEN: &[&str] = &[
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".cargo",
    ".claude",
    ".codex",
    ".config",
    ".cursor",
    ".devcontainer",
    ".envrc",
    ".exrc",
    ".gdbinit",
    ".gemini",
    ".gitattributes",
    ".gitconfig",
    ".githooks",
    ".github",
    ".gitmodules",
    ".husky",
    ".idea",
    ".inputrc",
    ".kiro",
    ".lanyard",
    ".lldbinit",
    ".mcp.json",
    ".nvim.lua",
    ".nvimrc",
    ".opencode",
    ".pdbrc",
    ".profile",
    ".ripgreprc",
    ".ssh",
    ".vimrc",
    ".vscode",
    ".windsurf",
    ".zed",
    ".zlogin",
    ".zlogout",
    ".zprofile",
    ".zshenv",
    ".zshrc",
];

/// A repository's own folder. Only Git itself writes it, and what was given leave to.
pub const REPOSITORY: &str = ".git";

/// What of it even these never write: each of them leads to programs that run with the next look at the repository.
pub const OF_REPOSITORY: &[&str] = &[
    ".git/commondir",
    ".git/config",
    ".git/config.worktree",
    ".git/hooks",
    ".git/info/attributes",
    ".git/modules",
    ".git/worktrees",
];

/// Names that an edit always asks for, but that approved commands may write: their programs fail where they find anything else in their place, and
/// they run no sooner than others that commands may write, as `package.json`.
const ALWAYS_ASKED: &[&str] = &[
    ".ghci",
    ".hg",
    ".irbrc",
    ".jj",
    ".mise.toml",
    ".npmrc",
    ".pre-commit-config.yaml",
    ".rprofile",
    ".tool-versions",
    ".yarnrc",
    ".yarnrc.yml",
];

/// What keeps one of them from being made where it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// An empty folder, which no program takes for the file and Git does not see.
    Folder,
    /// A file of this text.
    File(&'static str),
}

/// What stands in for one of those paths while approved commands run.
#[must_use]
pub fn stand_in(path: &str) -> StandIn {
    match path {
        // Git looks whether it is there at all; this one says that nothing lies elsewhere (gitrepository-layout(5)).
        ".git/commondir" => StandIn::File(".\n"),
        _ => StandIn::Folder,
    }
}

/// Whether an edit of it always asks: one of those files in any folder, or anything of a repository's own.
#[must_use]
pub fn is_protected(path: &Path) -> bool {
    let names: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(as_others_read(&name.to_string_lossy())),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => None,
        })
        .collect();
    names.iter().any(|name| name == ".git" || name == "git~1")
        || NEVER_WRITTEN
            .iter()
            .chain(ALWAYS_ASKED)
            .any(|path| names.iter().any(|name| name == path))
}

/// A name as file systems read it that know no case, drop dots and blanks at its end, or characters that have no width.
fn as_others_read(name: &str) -> String {
    let seen: String = name
        .chars()
        .filter(|c| c.is_ascii() || c.is_alphanumeric())
        .collect();
    seen.trim_end_matches(['.', ' ']).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_later_is_protected_in_every_folder_and_in_any_case() {
        for path in [
            ".git/hooks/pre-commit",
            "sub/.git/config",
            ".lanyard/settings.toml",
            ".VSCode/tasks.json",
            "a/.envrc",
            "/h/.bashrc",
            ".git./config",
            ".g\u{200c}it/config",
            "GIT~1/config",
            ".github/workflows/x.yml",
            "a/.npmrc",
        ] {
            assert!(is_protected(Path::new(path)), "{path}");
        }
        for path in [
            "src/git.rs",
            "lanyard/settings.toml",
            ".gitignore",
            "docs/.bashrc.md",
        ] {
            assert!(!is_protected(Path::new(path)), "{path}");
        }
    }
}
