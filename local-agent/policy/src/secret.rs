//! Files that people keep keys and passwords in, known by name. Reading one asks, in the workspace too.
//!
//! The list can never be whole. What it misses, the sandbox does not send anywhere.

use std::path::{Component, Path};

/// Whole names, in small letters.
const NAMES: &[&str] = &[
    ".boto",
    ".dockercfg",
    ".dockerconfigjson",
    ".env",
    ".envrc",
    ".git-credentials",
    ".htpasswd",
    ".my.cnf",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".s3cfg",
    ".secrets",
    ".vault-token",
    "_netrc",
    "accesstokens.json",
    "application_default_credentials.json",
    "credentials",
    "credentials.db",
    "credentials.json",
    "credentials.tfrc.json",
    "credentials.toml",
    "credentials.yml",
    "credentials.yml.enc",
    "gshadow",
    "kubeconfig",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "service-account.json",
    "serviceaccount.json",
    "shadow",
    "sudoers",
    "terraform.tfstate",
    "terraform.tfstate.backup",
    "terraform.tfvars",
];

/// How names end.
const ENDINGS: &[&str] = &[
    ".env",
    ".jks",
    ".kdb",
    ".kdbx",
    ".key",
    ".keystore",
    ".ovpn",
    ".p12",
    ".p8",
    ".pem",
    ".pfx",
    ".ppk",
    "_history",
];

/// How names begin.
const BEGINNINGS: &[&str] = &[
    ".env-",
    ".env.",
    ".env_",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "ssh_host_",
];

/// Names that look like those, and are made to be shown.
const SHOWN: &[&str] = &[".dist", ".example", ".pub", ".sample", ".template"];

/// Folders of which everything is secret.
const FOLDERS: &[&str] = &[
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".password-store",
    ".ssh",
];

/// Secret only in this folder.
const IN_FOLDER: &[(&str, &str)] = &[
    (".docker", "config.json"),
    (".git", "config"),
    (".git", "config.worktree"),
    ("gh", "hosts.yml"),
    (".git", "credentials"),
];

/// Whether secrets are kept there, by its name or a folder's above it.
#[must_use]
pub fn is_secret(path: &Path) -> bool {
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
    let in_folder = |pair: &[String]| {
        let [folder, name] = pair else { return false };
        IN_FOLDER.contains(&(folder.as_str(), name.as_str()))
    };
    names.iter().any(|name| FOLDERS.contains(&name.as_str()))
        || names.windows(2).any(in_folder)
        || names.last().is_some_and(|name| is_secret_name(name))
}

/// In small letters.
fn is_secret_name(name: &str) -> bool {
    if SHOWN.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    NAMES.contains(&name)
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

/// Whether a pattern of a name (`*`, `?`) is made to meet secrets: it meets one, and nothing of every day.
#[must_use]
pub fn is_meant(pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let meets = |names: &[&str]| {
        names
            .iter()
            .any(|name| matches(pattern.as_bytes(), name.as_bytes()))
    };
    if !pattern.contains(['*', '?']) {
        return is_secret_name(&pattern);
    }
    let ends = pattern.rsplit(['*', '?']).next().unwrap_or_default();
    let begins = pattern.split(['*', '?']).next().unwrap_or_default();
    ENDINGS.iter().any(|ending| ends.ends_with(ending))
        || BEGINNINGS
            .iter()
            .any(|beginning| begins.starts_with(beginning))
        || meets(SECRETS) && !meets(EVERYDAY)
}

const SECRETS: &[&str] = &[
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "server.key",
    "cert.pem",
    "store.jks",
    "store.p12",
    "cert.pfx",
    "vault.kdbx",
    "prod.env",
    "credentials.json",
    "credentials",
    "secrets.yml",
    "terraform.tfstate",
    "terraform.tfvars",
    "key.p8",
    "client.ovpn",
    "key.ppk",
];

const EVERYDAY: &[&str] = &[
    "readme.md",
    "main.rs",
    "index.ts",
    "app.py",
    "package.json",
    "a.txt",
    "makefile",
    "config.yml",
    "src",
    "cargo.toml",
    "data.csv",
    "lib.c",
];

/// In time that grows with both lengths: at most the last star is tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut behind) = (0, 0);
    let mut star = None;
    while let Some(byte) = name.get(behind) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, behind));
                at += 1;
            }
            Some(sign) if *sign == b'?' || sign == byte => (at, behind) = (at + 1, behind + 1),
            Some(_) | None => {
                let Some((from, taken)) = star else {
                    return false;
                };
                star = Some((from, taken + 1));
                (at, behind) = (from + 1, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|sign| *sign == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_passwords_are_secret_wherever_they_lie() {
        for path in [
            ".env",
            "a/.ENV",
            ".env.production",
            "deploy/id_rsa",
            "certs/server.key",
            "x/.ssh/config",
            ".git/config",
            "sub/.git/config",
            "prod.env",
            ".docker/config.json",
            ".bash_history",
            "config/credentials.json",
        ] {
            assert!(is_secret(Path::new(path)), "{path}");
        }
        for path in [
            ".env.example",
            "id_rsa.pub",
            "src/keys.rs",
            "key.bin",
            "docker/config.json",
            ".git/HEAD",
            "environment.ts",
            "src/config",
        ] {
            assert!(!is_secret(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!is_meant(&format!("{}z", "*".repeat(10_000))));
    }

    #[test]
    fn a_pattern_made_for_keys_is_told_from_one_of_every_day() {
        for pattern in [
            "*.pem",
            "id_*",
            "*.k?y",
            "id_rs?",
            "*.P12",
            "deploy*.pem",
            "d*.key",
        ] {
            assert!(is_meant(pattern), "{pattern}");
        }
        for pattern in ["*", "*.rs", "*.json", "s*", "?.txt"] {
            assert!(!is_meant(pattern), "{pattern}");
        }
    }
}
