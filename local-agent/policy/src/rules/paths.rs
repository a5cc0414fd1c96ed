//! Files: `Read(docs/**)`, `Read(./.env)`, `Read(~/notes/**)`, `Read(//etc/hosts)`, `Edit(src/**)`.
//!
//! A pattern is of the workspace, of the home folder (`~/`), or of the whole file system (`//`). `*` and `?` stay within a name, `**` stands
//! alone between slashes for any folders. What a rule allows is the file that its pattern says. What it denies is that file in any case of
//! letters, all below it if it is a folder, and for a single name (`.env`, `*.pem`) every file of that name wherever it is, as in a
//! `.gitignore`.

use super::BadRule;
use crate::limits::PATH_MAX;
use globset::{GlobBuilder, GlobMatcher};
use std::path::{Component, Path, PathBuf};

/// What would be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It would be read, or listed.
    Read,
    /// It would be written, made or removed.
    Edit,
}

impl Access {
    /// Whether one who may not do this may not do the other.
    pub(super) fn includes(self, other: Self) -> bool {
        self == other || self == Self::Read
    }
}

/// Where relative paths begin. Links are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Absolute.
    pub workspace: PathBuf,
    /// Absolute; nobody's if it is not known.
    pub home: Option<PathBuf>,
}

/// The files that a rule names.
#[derive(Clone, Debug)]
pub(super) enum Paths {
    Every,
    These(Box<Named>),
}

#[derive(Clone, Debug)]
pub(super) struct Named {
    base: Base,
    narrow: GlobMatcher,
    /// In lower case.
    wide: GlobMatcher,
    /// One name, in the workspace: those below it are denied too.
    anywhere: bool,
    all: bool,
    /// What of it stands before any sign, in lower case.
    fixed: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Workspace,
    Home,
    Root,
}

impl Paths {
    pub fn parse(inside: Option<&str>) -> Result<Self, BadRule> {
        let Some(inside) = inside else {
            return Ok(Self::Every);
        };
        let (base, rest, bare) = if let Some(rest) = inside.strip_prefix("//") {
            (Base::Root, rest, false)
        } else if inside.starts_with('/') {
            return Err(BadRule::OneSlash);
        } else if let Some(rest) = inside.strip_prefix("~/") {
            (Base::Home, rest, false)
        } else if let Some(rest) = inside.strip_prefix("./") {
            (Base::Workspace, rest, false)
        } else {
            (Base::Workspace, inside, true)
        };
        if let Some(sign) = rest
            .chars()
            .find(|c| matches!(c, '[' | ']' | '{' | '}' | '\\' | '!'))
        {
            return Err(BadRule::Sign(sign));
        }
        let folder = rest.ends_with('/');
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut fixed = PathBuf::new();
        let mut plain = true;
        for part in rest.split('/') {
            if matches!(part, "" | "." | ".." | "~") {
                return Err(BadRule::Part(part.to_owned()));
            }
            if part.contains("**") && part != "**" {
                return Err(BadRule::Glob);
            }
            plain &= !part.contains(['*', '?']);
            if plain {
                fixed.push(part.to_lowercase());
            }
        }
        let pattern = match folder {
            true => format!("{rest}/**"),
            false => rest.to_owned(),
        };
        Ok(Self::These(Box::new(Named {
            base,
            narrow: glob(&pattern)?,
            wide: glob(&pattern.to_lowercase())?,
            anywhere: bare && !folder && !rest.contains('/') && rest != "**",
            all: rest == "**",
            fixed,
        })))
    }

    pub fn allow(&self, path: &Path, place: &Place) -> bool {
        if !is_resolved(path) || path.as_os_str().len() > PATH_MAX {
            return false;
        }
        let Self::These(named) = self else {
            return true;
        };
        let below = match named.base {
            Base::Workspace => path.strip_prefix(&place.workspace).ok(),
            Base::Home => place
                .home
                .as_ref()
                .and_then(|home| path.strip_prefix(home).ok()),
            Base::Root => path.strip_prefix("/").ok(),
        };
        below.is_some_and(|below| {
            named.narrow.is_match(below) || (named.all && below.as_os_str().is_empty())
        })
    }

    pub fn touch(&self, path: &Path, place: &Place) -> bool {
        let Self::These(named) = self else {
            return true;
        };
        if path.as_os_str().len() > PATH_MAX {
            return true;
        }
        let path = lowered(path, place);
        let Some(base) = named.base_in(place) else {
            // Whose home it is is not known, so it may be any folder.
            return suffixes(&path).any(|below| named.covers(below));
        };
        if named.anywhere && path.iter().any(|part| named.wide.is_match(Path::new(part))) {
            return true;
        }
        path.strip_prefix(base)
            .is_ok_and(|below| named.covers(below))
    }

    pub fn touch_below(&self, folder: &Path, place: &Place) -> bool {
        let Self::These(named) = self else {
            return true;
        };
        let folder = lowered(folder, place);
        let Some(base) = named.base_in(place) else {
            return true;
        };
        let fixed = base.join(&named.fixed);
        named.anywhere || fixed.starts_with(&folder) || folder.starts_with(&fixed)
    }

    pub fn dangerous(&self, access: Access) -> Option<&'static str> {
        let whole = match self {
            Self::Every => true,
            Self::These(named) => named.base != Base::Workspace && named.all,
        };
        match access {
            Access::Read if whole => {
                Some("every file could be read without asking, keys and passwords among them")
            }
            Access::Edit if whole => Some(
                "every file could be changed without asking, start-up files of shells among them",
            ),
            Access::Read | Access::Edit => None,
        }
    }
}

impl Named {
    fn base_in(&self, place: &Place) -> Option<PathBuf> {
        match self.base {
            Base::Workspace => Some(lowered(&place.workspace, place)),
            Base::Home => place.home.as_ref().map(|home| lowered(home, place)),
            Base::Root => Some(PathBuf::from("/")),
        }
    }

    /// Whether it, or a folder that it is in, is meant.
    fn covers(&self, below: &Path) -> bool {
        if self.all || self.fixed == below {
            return true;
        }
        below
            .ancestors()
            .take_while(|part| !part.as_os_str().is_empty())
            .any(|part| self.wide.is_match(part))
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, BadRule> {
    let mut builder = GlobBuilder::new(pattern);
    let glob = builder
        .literal_separator(true)
        .backslash_escape(false)
        .build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|_| BadRule::Glob)
}

/// Absolute, with nothing in it that leads elsewhere.
fn is_resolved(path: &Path) -> bool {
    let parts = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    path.is_absolute()
        && path.components().all(parts)
        && path
            .to_str()
            .is_some_and(|path| !path.contains("/./") && !path.ends_with("/."))
}

/// The path from the root, `.` and `..` carried out as written, in lower case.
fn lowered(path: &Path, place: &Place) -> PathBuf {
    let mut out = PathBuf::new();
    for part in place.workspace.join(path).components() {
        match part {
            Component::Prefix(_) | Component::RootDir => out = PathBuf::from("/"),
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(name) => out.push(name.to_string_lossy().to_lowercase()),
        }
    }
    out
}

fn suffixes(path: &Path) -> impl Iterator<Item = &Path> {
    let mut parts = path.components();
    std::iter::from_fn(move || {
        parts.next()?;
        Some(parts.as_path())
    })
}
