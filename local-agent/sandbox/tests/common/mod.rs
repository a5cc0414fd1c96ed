//! A workspace, a secret beside it, and users who run programs in the sandbox.
#![allow(dead_code)]

use lanyard_sandbox::{Ending, Job, Limits, Ran};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub const NOBODY: u32 = 65534;
pub const CANARY: &str = "canary-3f1c9a77";
pub const SECRET: &str = "secret-b81e20d4";

pub type Tried = Result<Ran, (u8, String)>;

/// A folder with a workspace, a canary beside it and the helper, all of which belong to one user.
pub struct Fixture {
    uid: Option<u32>,
    dir: tempfile::TempDir,
    pub workspace: PathBuf,
    pub outside: PathBuf,
    pub helper: PathBuf,
}

/// The superuser and nobody, or whoever runs the tests.
pub fn everyone() -> Vec<Fixture> {
    if rustix::process::getuid().is_root() {
        vec![Fixture::of(None), Fixture::of(Some(NOBODY))]
    } else {
        vec![Fixture::of(None)]
    }
}

impl Fixture {
    pub fn of(uid: Option<u32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (workspace, outside) = (dir.path().join("workspace"), dir.path().join("outside"));
        for folder in [&workspace, &outside] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(workspace.join("notes.txt"), "a note\nanother\n").unwrap();
        fs::create_dir(workspace.join("folder")).unwrap();
        fs::write(workspace.join("folder/inner.txt"), "inner\n").unwrap();
        fs::write(outside.join("canary.txt"), CANARY).unwrap();
        let helper = dir.path().join("helper");
        fs::copy(env!("CARGO_BIN_EXE_sandbox-test-helper"), &helper).unwrap();
        let fixture = Self {
            uid,
            workspace,
            outside,
            helper,
            dir,
        };
        fixture.hand_over();
        fixture
    }

    pub fn uid(&self) -> Option<u32> {
        self.uid
    }

    pub fn is_root(&self) -> bool {
        self.uid.is_none() && rustix::process::getuid().is_root()
    }

    /// Gives all of it to its user.
    pub fn hand_over(&self) {
        fs::set_permissions(self.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if let Some(uid) = self.uid {
            give(self.dir.path(), uid);
        }
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.workspace.join(name);
        fs::write(&path, text).unwrap();
        if let Some(uid) = self.uid {
            give(&path, uid);
        }
        path
    }

    pub fn job(&self, words: &[&str]) -> Job {
        let (name, rest) = words.split_first().unwrap();
        let program = lanyard_sandbox::resolve(name, Path::new("/etc")).unwrap();
        let mut job = Job::reading(&program, &self.workspace);
        job.environment = lanyard_sandbox::reading(&program, &self.workspace);
        job.arguments = vec![OsString::from(name)];
        job.arguments.extend(rest.iter().map(OsString::from));
        job
    }

    /// A shell that may start the system's programs.
    pub fn shell(&self, line: &str) -> Job {
        let mut job = self.job(&["bash", "-c", line]);
        job.exec = vec![PathBuf::from("/usr")];
        job
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        command
    }

    /// Outside of the sandbox, in the workspace.
    pub fn git(&self) -> Command {
        let mut git = self.command("git".as_ref());
        git.current_dir(&self.workspace)
            .env("HOME", "/nonexistent")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
        git
    }

    /// Of all that is in the workspace.
    pub fn make_repository(&self) {
        must(self.git().args(["init", "-q", "-b", "main"]));
        must(self.git().args(["add", "."]));
        must(self.git().args(["commit", "-qm", "the first"]));
    }

    pub fn driver(&self) -> Command {
        let mut command = self.command(&self.helper);
        command.env("LANYARD_TEST_SECRET", SECRET);
        command
    }

    pub fn run(&self, job: Job) -> Ran {
        self.tried(job).unwrap()
    }

    pub fn tried(&self, job: Job) -> Tried {
        let most = Limits {
            time: Duration::from_secs(20),
            output_bytes: 1024 * 1024,
        };
        self.run_all(vec![(job, vec![])], most).remove(0)
    }

    pub fn run_all(&self, jobs: Vec<(Job, Vec<u8>)>, limits: Limits) -> Vec<Tried> {
        drive(self.driver(), &jobs, limits)
    }

    pub fn succeeds(&self, words: &[&str]) -> String {
        let ran = self.run(self.job(words));
        assert_eq!(ran.status, Ending::Exited(0), "{words:?}: {}", said(&ran));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// The workspace and what lies beside it.
    pub fn seen(&self) -> [BTreeMap<PathBuf, String>; 2] {
        [inodes(&self.workspace), inodes(&self.outside)]
    }

    /// The line cannot do what it says, and the workspace stays as it was.
    pub fn fails(&self, line: &str) -> Ran {
        let before = self.seen();
        let ran = self.run(self.shell(line));
        assert_ne!(ran.status, Ending::Exited(0), "{line}: {}", said(&ran));
        assert_eq!(before, self.seen(), "{line}");
        ran
    }
}

pub fn drive(mut driver: Command, jobs: &[(Job, Vec<u8>)], limits: Limits) -> Vec<Tried> {
    let mut driver = driver
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = serde_json::to_vec(&(jobs, limits)).unwrap();
    driver.stdin.take().unwrap().write_all(&text).unwrap();
    let output = driver.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn said(ran: &Ran) -> String {
    let text = [ran.stdout.as_slice(), b" | ", &ran.stderr].concat();
    format!("{:?} {}", ran.status, String::from_utf8_lossy(&text))
}

/// The process ends, if it has not yet. Nothing else waits so long.
pub fn gone(pid: &str) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    let time = Timespec {
        tv_sec: 20,
        tv_nsec: 0,
    };
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&time)).unwrap();
    assert_eq!(ended, 1, "{pid:?} lives on");
}

/// A real command of the test's own, outside of the sandbox.
pub fn must(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn give(path: &Path, uid: u32) {
    lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

/// All that the kernel keeps of each file, and what is in it. The time of the last look is left out: reading sets it.
pub fn inodes(dir: &Path) -> BTreeMap<PathBuf, String> {
    use std::os::unix::fs::MetadataExt;
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(path) = folders.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_file() {
            fs::read(&path).unwrap()
        } else if meta.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            vec![]
        };
        let told = format!(
            "{:?} {:o} {}:{} links {} size {} mtime {}.{} ctime {}.{} content {:x}",
            meta.file_type(),
            meta.mode(),
            meta.uid(),
            meta.gid(),
            meta.nlink(),
            meta.size(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
            digest(&content),
        );
        if meta.is_dir() {
            folders.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        found.insert(path, told);
    }
    found
}

fn digest(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
