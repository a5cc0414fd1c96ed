//! Files that decide what runs later: nobody writes them by a saved rule, and what is approved cannot write them either.

use std::path::{Component, Path};

/// Paths from the workspace that commands never write, in the sandbox of what is approved too. A folder stands for all in it. They
/// are kept from being made where they do not exist.
pub const NEVER_WRITTEN: &[&str] = &[
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".claude",
    ".envrc",
    ".git/config",
    ".git/config.worktree",
    ".git/hooks",
    ".git/info/attributes",
    ".gitconfig",
    ".gitmodules",
    ".husky",
    ".idea",
    ".lanyard",
    ".mcp.json",
    ".npmrc",
    ".profile",
    ".vscode",
    ".yarnrc",
    ".yarnrc.yml",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
];

/// Whether an edit of it always asks: one of those files in any folder, or anything of a repository's own.
#[must_use]
pub fn is_protected(path: &Path) -> bool {
    let names: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().to_lowercase()),
            Component::Prefix(_)
            | Component::RootDir
            | Component::CurDir
            | Component::ParentDir => None,
        })
        .collect();
    names.iter().any(|name| name == ".git")
        || NEVER_WRITTEN
            .iter()
            .filter(|path| !path.contains('/'))
            .any(|path| names.iter().any(|name| name == path))
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
        ] {
            assert!(is_protected(Path::new(path)), "{path}");
        }
        for path in [
            "src/git.rs",
            "lanyard/settings.toml",
            ".github/x.yml",
            ".gitignore",
            "docs/.bashrc.md",
        ] {
            assert!(!is_protected(Path::new(path)), "{path}");
        }
    }
}
