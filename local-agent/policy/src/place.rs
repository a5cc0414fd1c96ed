//! Where a path leads: inside the workspace or not, and whether secrets are kept there.

use crate::grammar::{Piece, Word};
use crate::secret;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// What may be known of the file system. The engine itself looks at nothing.
pub trait Files {
    /// The absolute path with every link resolved, as far as it exists; what does not exist yet is kept as it is. `None` if that cannot be
    /// said, which is as good as outside.
    fn resolve(&self, path: &Path) -> Option<PathBuf>;

    /// Whether something of this name is in a folder.
    fn holds(&self, folder: &Path, name: &str) -> bool;
}

/// Knows of no links. For rules that are tried on a machine that is not theirs.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        Some(plain(path))
    }

    fn holds(&self, _: &Path, _: &str) -> bool {
        false
    }
}

/// The folder in which commands may read, and where in it one starts.
#[derive(Clone)]
pub struct Place<'a> {
    roots: Vec<PathBuf>,
    current: PathBuf,
    files: &'a dyn Files,
}

/// What a command does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Shows what is in it.
    Content,
    /// Shows its name, size, owner: no secret.
    Name,
}

/// Why a path may not be read without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It leads out of the workspace.
    Outside(String),
    /// Secrets are kept there.
    Secret(String),
}

/// A path as it says and as it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// As it says, from the root.
    pub named: PathBuf,
    /// With links resolved.
    pub real: PathBuf,
}

impl Whole {
    /// Whether either of them is.
    pub fn any(&self, is: impl Fn(&Path) -> bool) -> bool {
        is(&self.named) || is(&self.real)
    }
}

impl fmt::Display for Barred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(path) => write!(f, "`{path}` leads out of the workspace"),
            Self::Secret(path) => write!(f, "`{path}` may hold secrets"),
        }
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("roots", &self.roots)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl<'a> Place<'a> {
    /// Commands start in the workspace itself. Paths are absolute; `folders` may be read beside it.
    #[must_use]
    pub fn new(workspace: &Path, folders: &[PathBuf], files: &'a dyn Files) -> Self {
        let resolved = |path: &Path| files.resolve(path).unwrap_or_else(|| plain(path));
        let mut roots = vec![resolved(workspace)];
        roots.extend(folders.iter().map(|folder| resolved(folder)));
        Self {
            current: resolved(workspace),
            roots,
            files,
        }
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        self.roots.first().map_or(Path::new("/"), PathBuf::as_path)
    }

    /// Further folders that may be read.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        self.roots.get(1..).unwrap_or_default()
    }

    /// The present folder.
    #[must_use]
    pub fn current(&self) -> &Path {
        &self.current
    }

    /// Whether the present folder still is where it was when it was entered: a link in its place would lead elsewhere.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.files.resolve(&self.current).as_ref() == Some(&self.current)
    }

    /// Goes to another folder, as `cd` does.
    ///
    /// # Errors
    /// It is outside.
    pub fn enter(&mut self, folder: &str) -> Result<(), Barred> {
        self.current = self.inside(folder)?;
        Ok(())
    }

    /// Where a path leads, if it may be read.
    ///
    /// # Errors
    /// It is outside, or holds secrets.
    pub fn path(&self, path: &str, look: Look) -> Result<PathBuf, Barred> {
        if path == "/dev/null" {
            return Ok(PathBuf::from(path));
        }
        let real = self.inside(path)?;
        let named = plain(&self.current.join(path));
        let secret = secret::is_secret(&named) || secret::is_secret(&real);
        if look == Look::Content && secret {
            return Err(Barred::Secret(path.to_owned()));
        }
        Ok(real)
    }

    /// The same of a pattern: wherever its signs lead.
    ///
    /// # Errors
    /// It may lead outside, or is made to meet secrets.
    pub fn pattern(&self, word: &Word, look: Look) -> Result<(), Barred> {
        let mut shown = String::new();
        // Every name that it may meet has the same length of path, so one that stands for all is enough to see whether it leaves.
        let mut stands = String::new();
        for piece in &word.0 {
            match piece {
                Piece::Text(text) => {
                    shown.push_str(text);
                    stands.push_str(text);
                }
                Piece::Any => shown.push('*'),
                Piece::One => shown.push('?'),
            }
            if !matches!(piece, Piece::Text(_)) {
                stands.push('x');
            }
        }
        // `.*` meets `..`, and a name that is dotted and guessed is seldom an everyday one.
        let mut at = Path::new(&shown).components();
        if at.any(|part| matches!(part, Component::Normal(name) if is_dotted_pattern(name.to_string_lossy().as_ref()))) {
            return Err(Barred::Outside(shown));
        }
        if Path::new(&shown)
            .components()
            .any(|part| part == Component::ParentDir)
        {
            return Err(Barred::Outside(shown));
        }
        self.inside(&stands)?;
        let folder = Path::new(&stands).parent().unwrap_or(Path::new(""));
        let in_secret = secret::is_secret(&plain(&self.current.join(folder)));
        let names = Path::new(&shown)
            .components()
            .filter_map(|part| match part {
                Component::Normal(name) => name.to_str(),
                Component::Prefix(_)
                | Component::RootDir
                | Component::CurDir
                | Component::ParentDir => None,
            });
        let meets = names.into_iter().any(secret::is_meant);
        if look == Look::Content && (in_secret || meets) {
            return Err(Barred::Secret(shown));
        }
        Ok(())
    }

    /// Whether a repository lies between the workspace and the present folder, which git would take for its own: one that came with the
    /// files of the workspace, with a configuration that nobody has looked at. A folder that only has the form of one is one.
    #[must_use]
    pub fn is_in_another_repository(&self) -> bool {
        let is_repository = |folder: &Path| {
            let has = |name| self.files.holds(folder, name);
            has(".git") || has("HEAD") && (has("objects") || has("refs") || has("commondir"))
        };
        let folders = self.current.ancestors();
        folders
            .take_while(|folder| *folder != self.workspace())
            .any(is_repository)
    }

    /// Whether links lead a path elsewhere than it says.
    #[must_use]
    pub fn leads_elsewhere(&self, path: &str) -> bool {
        let whole = self.whole(path);
        whole.real != whole.named
    }

    /// A path as it says and as it leads, wherever that is.
    #[must_use]
    pub fn whole(&self, path: &str) -> Whole {
        let joined = self.current.join(path);
        let real = self.files.resolve(&joined);
        let named = plain(&joined);
        Whole {
            real: real.unwrap_or_else(|| named.clone()),
            named,
        }
    }

    fn inside(&self, path: &str) -> Result<PathBuf, Barred> {
        let outside = || Barred::Outside(path.to_owned());
        let whole = self.current.join(path);
        // Some shells read more dots as more folders up.
        let dots = |part: &str| part.len() > 2 && part.bytes().all(|byte| byte == b'.');
        if path.split('/').any(dots) {
            return Err(outside());
        }
        // What it says, and where it leads: each alone can be made to look harmless.
        if !self.holds(&plain(&whole)) {
            return Err(outside());
        }
        let real = self.files.resolve(&whole).ok_or_else(outside)?;
        if self.holds(&real) {
            Ok(real)
        } else {
            Err(outside())
        }
    }

    fn holds(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
    }
}

fn is_dotted_pattern(name: &str) -> bool {
    name.starts_with('.') && name.contains(['*', '?'])
}

/// Without `.`, and with `..` taken as the text says.
#[must_use]
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    plain
}
