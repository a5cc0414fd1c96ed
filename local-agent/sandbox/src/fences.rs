//! Landlock: which files may be read, which may be written if any, and which may be started.

mod around;

use crate::helper::Refusal;
use crate::job::{Changes, Job, Profile};
use crate::stage::{Keeps, Staged};
use crate::tool_chains::tool_chains;
use around::around;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

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

/// What the workspace profile has beside: programs that were put there by hand.
const MORE_PROGRAMS: &[&str] = &["/opt", "/nix/store"];

/// And of `/etc` what compilers, interpreters and their like cannot do without. No passwords, no keys.
const MORE_SETTINGS: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/mime.types",
    "/etc/perl",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// The programs that the workspace profile may start wherever it works.
pub(crate) fn programs() -> impl Iterator<Item = &'static Path> {
    SYSTEM.iter().chain(MORE_PROGRAMS).map(Path::new)
}

/// The settings that it may read.
pub(crate) fn settings() -> impl Iterator<Item = &'static Path> {
    SETTINGS.iter().chain(MORE_SETTINGS).map(Path::new)
}

/// Puts the fences up for this process and all that it becomes.
pub(crate) fn put_up(job: &Job, staged: Option<&Staged>) -> Result<(), Refusal> {
    let (rules, needed) = match (&job.profile, staged) {
        (Profile::ReadOnly { machine }, None) => (reading(job, *machine)?, NEEDED),
        (Profile::Workspace(changes), Some(staged)) => changing(job, changes, staged)?,
        (Profile::ReadOnly { .. }, Some(_)) | (Profile::Workspace(_), None) => {
            return Err(Refusal::because("the job is not of its profile"));
        }
    };
    let done = rules
        .restrict_self()
        .map_err(Refusal::by("Landlock could not be put up"))?;
    let enforced = done.ruleset != RulesetStatus::NotEnforced && done.no_new_privs;
    if !enforced || ABI::from(done.landlock) < needed {
        return Err(Refusal::because("Landlock is not fully enforced"));
    }
    Ok(())
}

fn reading(job: &Job, machine: bool) -> Result<RulesetCreated, Refusal> {
    let mut rules = ruleset(NEEDED, true).map_err(Refusal::by(CANNOT_KEEP))?;
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
    if machine {
        for path in MACHINE {
            rules = allow(rules, Path::new(path), read)?;
        }
    }
    rules = allow_real(rules, &job.workspace, read)?;
    for path in beside(job, &job.read) {
        rules = allow_real(rules, path, read)?;
    }
    rules = allow(rules, &job.program, start)?;
    for path in LOADERS {
        rules = allow(rules, Path::new(path), start)?;
    }
    for path in beside(job, &job.exec) {
        rules = allow_real(rules, path, read | AccessFs::Execute)?;
    }
    Ok(rules)
}

/// In namespaces of its own, what may not be written is mounted so. Without them Landlock has to name all that may be.
fn changing(
    job: &Job,
    changes: &Changes,
    staged: &Staged,
) -> Result<(RulesetCreated, ABI), Refusal> {
    let (needed, without_network) = match staged.keeps {
        Keeps::Mounts(_) => (NEEDED, false),
        Keeps::Landlock(_) => (ABI::V6, !changes.network),
    };
    let rules = ruleset(needed, without_network);
    let mut rules = rules.map_err(Refusal::by(CANNOT_KEEP))?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let start = read | AccessFs::Execute;
    let all = AccessFs::from_all(ABI::V5);

    for path in programs() {
        rules = allow(rules, path, start)?;
    }
    for path in settings().chain([Path::new("/sys")]) {
        rules = allow(rules, path, read)?;
    }
    for path in DEVICES.iter().chain([&NULL, &"/dev/full"]) {
        let use_it = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        rules = allow(rules, Path::new(path), use_it)?;
    }
    for path in &staged.private {
        rules = allow_real(rules, path, all)?;
    }
    for chain in tool_chains(job) {
        rules = allow_real(rules, &chain.real, start)?;
    }
    for path in beside(job, std::slice::from_ref(&job.program)) {
        rules = allow(rules, path, start)?;
    }
    for path in beside(job, &job.exec) {
        rules = allow_real(rules, path, start)?;
    }
    for path in beside(job, &job.read) {
        rules = allow_real(rules, path, read)?;
    }
    rules = allow_real(rules, &job.workspace, start)?;
    rules = match &staged.keeps {
        Keeps::Mounts(_) => {
            rules = allow(rules, Path::new("/proc"), read)?;
            for path in ["/dev/shm", "/dev/pts", "/dev/ptmx"].map(Path::new) {
                rules = allow(rules, path, all)?;
            }
            allow_real(rules, &job.workspace, all)?
        }
        Keeps::Landlock(places) => {
            for path in OF_KERNEL.iter().map(Path::new) {
                rules = allow(rules, path, read)?;
            }
            let kept = places.iter().map(|place| job.workspace.join(&place.path));
            let kept: Vec<_> = kept.collect();
            allow_around(rules, &job.workspace, &kept, all)?
        }
    };
    Ok((rules, needed))
}

/// What the kernel says of the machine and of nobody's processes, but for the program's own first one.
const OF_KERNEL: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
];

const CANNOT_KEEP: &str = "this kernel's Landlock cannot keep files";

/// Allows all in a folder but these. Nothing of it may be a link by now, as other programs may change the folder.
fn allow_around(
    mut rules: RulesetCreated,
    folder: &Path,
    without: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, Refusal> {
    for whole in around(folder, without).map_err(Refusal::at(folder))? {
        rules = allow_real(rules, &whole, access)?;
    }
    Ok(rules)
}

/// What lies in the workspace is seen with it: other programs may change it, and put a link in its place.
fn beside<'a>(job: &'a Job, paths: &'a [PathBuf]) -> impl Iterator<Item = &'a Path> {
    let paths = paths.iter().map(PathBuf::as_path);
    paths.filter(|path| !path.starts_with(&job.workspace))
}

/// As [`allow`], but a path with a link in it is refused: its caller has named the real one.
fn allow_real(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, Refusal> {
    let how = OFlags::PATH | OFlags::CLOEXEC;
    match openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(fd) => allow_open(rules, fd, access).map_err(Refusal::at(path)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(rules),
        Err(error) => Err(Refusal::at(path)(error)),
    }
}

/// What is needed must be there; what newer kernels add is taken where there is any.
fn ruleset(needed: ABI, without_network: bool) -> Result<RulesetCreated, RulesetError> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(needed))?;
    let rules = if needed >= ABI::V6 {
        rules.scope(Scope::from_all(ABI::V6))?
    } else {
        rules
            .set_compatibility(CompatLevel::BestEffort)
            .scope(Scope::from_all(ABI::V6))?
    };
    let rules = rules
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?;
    let rules = if without_network {
        rules.handle_access(AccessNet::from_all(ABI::V4))?
    } else {
        rules
    };
    rules.create()
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
    allow_open(rules, fd, access).map_err(Refusal::at(path))
}

fn allow_open(
    rules: RulesetCreated,
    fd: OwnedFd,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, String> {
    let found = fstat(&fd).map_err(|error| error.to_string())?;
    let access = if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        access
    } else {
        access & AccessFs::from_file(ABI::V5)
    };
    if access.is_empty() {
        return Ok(rules);
    }
    let rule = PathBeneath::new(fd, access);
    rules.add_rule(rule).map_err(|error| error.to_string())
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
