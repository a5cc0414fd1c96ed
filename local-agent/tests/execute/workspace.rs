//! A disposable workspace in which everyday lines find something, and what runs lines in it.

use lanyard_agent::execute::{Executor, Gathered, Outcome, Outputs, Until, Work};
use lanyard_agent::policy::files::Disk;
use lanyard_policy::decide::Policy;
use lanyard_policy::place::{Files, Place};
use lanyard_policy::settings::{Level, Mode, Scopes, Settings};
use lanyard_sandbox::Launcher;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// More than any line here needs, however busy the machine is.
pub const LONG: Duration = Duration::from_secs(100);
pub const MOST: usize = 16 * 1024 * 1024;

pub struct Workspace {
    dir: tempfile::TempDir,
    pub scopes: Scopes,
    pub mode: Mode,
    /// What programs get that change something.
    pub work: Option<Work>,
    /// Beside it, and read too.
    pub folders: Vec<PathBuf>,
}

impl Workspace {
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/secret.txt"), "the canary\n").unwrap();
        Self {
            dir,
            scopes: Scopes::merge(Vec::new(), true),
            mode: Mode::Ask,
            work: None,
            folders: Vec::new(),
        }
    }

    pub fn with_rules(mut self, allow: &[&str], ask: &[&str], deny: &[&str]) -> Self {
        let text = format!("[permissions]\nallow = {allow:?}\nask = {ask:?}\ndeny = {deny:?}\n");
        let settings = Settings::read(Level::User, "settings.toml", &text).unwrap();
        self.scopes = Scopes::merge(vec![settings], true);
        self
    }

    /// This machine keeps programs that a rule allows to the workspace.
    pub fn working(mut self) -> Self {
        self.work = Some(Work::here(&launcher()).unwrap());
        self
    }

    pub fn path(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap().join("work")
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn link(&self, name: &str, to: &str) {
        symlink(to, self.path().join(name)).unwrap();
    }

    pub fn run(&self, line: &str) -> Gathered {
        self.run_until(line, &Disk, MOST, Until::deadline(Instant::now() + LONG))
    }

    pub fn run_until(&self, line: &str, files: &dyn Files, most: usize, until: Until) -> Gathered {
        let place = Place::new(&self.path(), &self.folders, files);
        self.executing(|executor| executor.gather(line, &place, most, until))
            .unwrap()
    }

    /// Runs a line that writes to these.
    pub fn run_to(&self, line: &str, outputs: &Outputs) -> Outcome {
        let place = Place::new(&self.path(), &self.folders, &Disk);
        let until = Until::deadline(Instant::now() + LONG);
        self.executing(|executor| executor.run(line, &place, outputs, &until))
    }

    fn executing<T>(&self, run: impl FnOnce(Executor<'_>) -> T) -> T {
        let policy = Policy {
            scopes: &self.scopes,
            grants: &[],
            mode: self.mode,
            trusted: true,
            home: None,
            now: 0,
        };
        let launcher = launcher();
        run(Executor {
            policy: &policy,
            launcher: &launcher,
            work: self.work.as_ref(),
            hidden: &[],
        })
    }

    /// What Bash makes of the line, with the same environment, in the same folder.
    pub fn bash(&self, line: &str) -> std::process::Output {
        Command::new("/bin/bash")
            .args(["-c", line])
            .env_clear()
            .envs(lanyard_sandbox::reading(
                Path::new("/usr/bin/git"),
                &self.path(),
            ))
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(words)
            .env_clear()
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("HOME", "/nonexistent"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
                ("GIT_AUTHOR_NAME", "A Person"),
                ("GIT_AUTHOR_EMAIL", "person@example.com"),
                ("GIT_AUTHOR_DATE", "2024-03-01T10:00:00Z"),
                ("GIT_COMMITTER_NAME", "A Person"),
                ("GIT_COMMITTER_EMAIL", "person@example.com"),
                ("GIT_COMMITTER_DATE", "2024-03-01T10:00:00Z"),
            ])
            .current_dir(self.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// A project of a few languages, with a history.
    pub fn project() -> Self {
        let project = Self::empty();
        project.git(&["init", "-q", "-b", "main"]);
        for (name, text) in FILES {
            project.write(name, text);
        }
        let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
        for name in [
            "logo.png",
            "key.bin",
            "header.bin",
            "frame.bin",
            "file.bin",
            "assets/logo.png",
        ] {
            project.write(name, &binary);
        }
        fs::copy("/bin/true", project.path().join("app")).unwrap();
        fs::create_dir_all(project.path().join("bin")).unwrap();
        fs::copy("/bin/true", project.path().join("bin/tool")).unwrap();
        fs::create_dir_all(project.path().join("dist")).unwrap();
        project.write("dist/app.js", "console.log(1)\n");
        project.write("scripts/run.sh", "#!/bin/sh\n");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(project.path().join("scripts/run.sh"), executable).unwrap();
        project.link("link.txt", "README.md");
        project.link("current", "src");
        project.git(&["add", "."]);
        project.git(&["commit", "-q", "-m", "Begin"]);
        project.git(&["tag", "v1.0.0"]);
        for number in 1..4 {
            project.write(
                "src/lib.rs",
                format!("// TODO {number}\npub fn handle() {{}}\n"),
            );
            project.git(&[
                "commit",
                "-q",
                "-am",
                &format!("Change the library, {number}"),
            ]);
        }
        project.git(&["branch", "feature/a"]);
        project.git(&["branch", "dev"]);
        project.write("src/main.rs", "fn main() { println!(\"{}\", 2) }\n");
        project.git(&["stash", "-q"]);
        project.write("src/parser.rs", "pub fn parse() -> u32 { 2 }\n");
        project.write("untracked.txt", "new\n");
        // What looking changes, it has changed: git's list of files, and when each file was read.
        project.git(&["status"]);
        project.bash("grep -rc '' . && ls -R && cat link.txt");
        project
    }
}

pub fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).unwrap();
}

const FILES: &[(&str, &str)] = &[
    (
        "README.md",
        "# A project\n\nIt says foo and bar.\n- [ ] TODO\n",
    ),
    (
        "Cargo.toml",
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
    ),
    ("Cargo.lock", "version = 4\n"),
    ("Makefile", "all:\n\techo done\n"),
    (
        ".gitignore",
        "target/\nnode_modules/\n# a comment\n\n*.log\n",
    ),
    (".nvmrc", "22\n"),
    (".env.example", "A=1\nB=2\n"),
    (".github/workflows/ci.yml", "on: push\n"),
    (
        "package.json",
        "{\"name\": \"a\", \"version\": \"1.2.3\", \"scripts\": {\"build\": \"vite\", \"test\": \"vitest\"}, \"dependencies\": {\"svelte\": \"5\"}, \"devDependencies\": {\"vite\": \"7\"}}\n",
    ),
    ("package-lock.json", "{}\n"),
    (
        "tsconfig.json",
        "{\"compilerOptions\": {\"strict\": true}}\n",
    ),
    (
        "data.json",
        "[{\"id\": 2, \"name\": \"b\"}, {\"id\": 1, \"name\": \"a\"}]\n",
    ),
    ("a.json", "{\"a\": 1}\n"),
    ("data.csv", "id,name,kind\n1,a,x\n2,b,y\n3,c,x\n"),
    ("a.csv", "1,b\n2,a\n3,b\n"),
    ("a.txt", "one\ntwo\ntwo\nthree\n"),
    ("b.txt", "one\nthree\nfour\n"),
    ("b.sorted", "one\nthree\n"),
    ("names.txt", "carol\nalice\nbob\n"),
    ("notes.txt", "foo\nbar\nfoo bar\n"),
    ("table.txt", "a  b   c\nd e  f\n"),
    ("config.yml", "database:\n  host: a\n  port: 1\nother: 2\n"),
    (
        "access.log",
        "10.0.0.1 - GET /\n10.0.0.2 - GET /a\n10.0.0.1 - POST /\n",
    ),
    (
        "app.log",
        "INFO begins\nERROR 500 fails\nWARN slow\nERROR again\n",
    ),
    ("logs/app.log", "info\nError: no\n"),
    ("logs/dev.log", "warn: a\n"),
    ("old.conf", "a = 1\n"),
    ("new.conf", "a = 2\n"),
    ("a", "same\n"),
    ("b", "same\n"),
    ("a.rs", "fn a() {}\nfn b() {}\nunsafe fn c() {}\n"),
    ("src/lib.rs", "// TODO\n"),
    ("src/main.rs", "fn main() { println!(\"{}\", 1) }\n"),
    ("src/parser.rs", "pub fn parse() -> u32 { 1 }\n"),
    ("src/token.rs", "impl Display for Token {}\n"),
    ("src/limits.rs", "fn b() {}\nfn a() {}\n"),
    (
        "src/index.ts",
        "import { a } from './utils'\nexport const b = a\n",
    ),
    (
        "src/app.ts",
        "export function handleSubmit() {}\nfunction useStore() {}\n",
    ),
    ("src/utils.ts", "export const a = 1\n"),
    ("src/old.ts", "a\n"),
    ("src/new.ts", "b\n"),
    ("src/app.py", "def run():\n    pass  # TODO\n"),
    ("src/main.c", "int main(void) { return 0; }\n"),
    ("src/server.js", "server.listen(8080)\n"),
    ("src/server/router.ts", "export const router = 1\n"),
    ("src/core/link.ts", "export const link = 1\n"),
    ("tests/auth.test.ts", "describe('auth', () => {})\n"),
    ("tests/a.rs", "#[test]\nfn a() {}\n"),
    ("tests/fixtures/a.json", "{\"b\": 1, \"a\": 2}\n"),
    ("docs/intro.md", "# Intro\nsee https://example.com/a\n"),
    ("docs/wanted.txt", "a\nb\n"),
    ("docs/present.txt", "a\n"),
    ("dir1/a", "1\n"),
    ("dir2/a", "2\n"),
    (
        "relay/web/package.json",
        "{\"devDependencies\": {\"svelte\": \"5\"}}\n",
    ),
    ("relay/web/src/a.ts", "import x from 'svelte'\n"),
    ("packages/ui/a.ts", "a\n"),
    ("crates/core/src/lib.rs", "impl Display for A {}\n"),
    ("api/go.mod", "module a\n"),
    ("sub/a.txt", "a\n"),
    ("web/index.html", "<p>\n"),
    ("My Documents/a.txt", "a\n"),
    ("design notes/drafts/a.txt", "a\n"),
];

fn launcher() -> Launcher {
    Launcher {
        helper: PathBuf::from(env!("CARGO_BIN_EXE_lanyard")),
    }
}
