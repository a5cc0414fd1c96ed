//! Landlock: which files may be read, that none may be written, and which may be started.

use crate::helper::Refusal;
use crate::job::Job;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use std::path::Path;

/// Without these rights a kernel cannot keep files from being written, moved and cut short.
const NEEDED: ABI = ABI::V3;

/// The system's programs and their data, which every reading program needs.
const SYSTEM: &[&str] = &[
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin",
];

/// Of `/etc` only what tells nothing of its owner.
const SETTINGS: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/magic",
    "/etc/magic.mime",
    "/etc/locale.alias",
    "/etc/os-release",
    "/etc/terminfo",
    "/etc/timezone",
];

const DEVICES: &[&str] = &["/dev/zero", "/dev/urandom", "/dev/random"];
const NULL: &str = "/dev/null";
const MACHINE: &[&str] = &["/proc", "/sys", "/run/utmp"];

/// The loaders that an ELF program names. The kernel opens them as it opens a program.
const LOADERS: &[&str] = &[
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// Puts the fences up for this process and all that it becomes.
pub(crate) fn put_up(job: &Job) -> Result<(), Refusal> {
    let mut rules = ruleset().map_err(Refusal::by("this kernel's Landlock cannot keep files"))?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let start = AccessFs::ReadFile | AccessFs::Execute;

    for path in SYSTEM.iter().chain(SETTINGS).chain(DEVICES) {
        rules = allow(rules, Path::new(path), read)?;
    }
    rules = allow(
        rules,
        Path::new(NULL),
        AccessFs::ReadFile | AccessFs::WriteFile,
    )?;
    if job.machine {
        for path in MACHINE {
            rules = allow(rules, Path::new(path), read)?;
        }
    }
    for path in job.read.iter().chain([&job.workspace]) {
        rules = allow(rules, path, read)?;
    }
    rules = allow(rules, &job.program, start)?;
    for path in LOADERS {
        rules = allow(rules, Path::new(path), start)?;
    }
    for path in &job.exec {
        rules = allow(rules, path, read | AccessFs::Execute)?;
    }

    let done = rules
        .restrict_self()
        .map_err(Refusal::by("Landlock could not be put up"))?;
    let enforced = done.ruleset != RulesetStatus::NotEnforced && done.no_new_privs;
    if !enforced || ABI::from(done.landlock) < NEEDED {
        return Err(Refusal::because("Landlock is not fully enforced"));
    }
    Ok(())
}

/// What is needed must be there; what newer kernels add is taken where there is any.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()
}

/// A path that is not there is nothing to allow.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, Refusal> {
    let fd = match openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(rules),
        Err(error) => return Err(Refusal::at(path)(error)),
    };
    let found = fstat(&fd).map_err(Refusal::at(path))?;
    let access = if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        access
    } else {
        access & !BitFlags::from(AccessFs::ReadDir)
    };
    rules
        .add_rule(PathBeneath::new(fd, access))
        .map_err(Refusal::at(path))
}

/// The version of Landlock that this kernel speaks; 0 where there is none.
pub(crate) fn landlock_version() -> i64 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes a null attribute of size 0 and only returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            VERSION,
        )
    };
    version.max(0)
}
