//! The helper: this program, started again, that fences itself in and becomes the program that was asked for.
//!
//! The order matters: what needs a right is done before the right is dropped, and the filter of system calls comes last.

use crate::job::{Bounds, Job, Profile};
use crate::stage::{Keeps, Staged};
use crate::{calls, fences, handed, limits, privileges};
use rustix::fs::Mode;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The first argument that asks for the helper.
pub(crate) const HELPER_ARG: &str = "__sandbox-helper";
/// Written before the program is started. A report without it comes from no helper.
pub(crate) const READY: &[u8] = b"ready\n";

/// What the parent sends.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) job: Job,
    /// Whose death ends the helper.
    pub(crate) parent: i32,
    /// What surrounds it, in the workspace profile.
    pub(crate) staged: Option<Staged>,
}

/// Why the program did not start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) status: u8,
    pub(crate) reason: String,
}

/// Becomes the helper if this process was started as one, and then never returns.
///
/// It must be the first thing that `main` does, before threads exist.
pub fn helper_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(HELPER_ARG)) {
        return;
    }
    let descriptor = |argument: Option<OsString>| -> Option<OwnedFd> {
        let number: RawFd = argument?.to_str()?.parse().ok()?;
        // SAFETY: the parent left exactly these two open for us; nothing else in this process owns them, as nothing has run before.
        (number > 2).then(|| unsafe { OwnedFd::from_raw_fd(number) })
    };
    let (order, report) = (descriptor(arguments.next()), descriptor(arguments.next()));
    let (Some(order), Some(report)) = (order, report) else {
        std::process::exit(i32::from(limits::STATUS_REFUSED));
    };
    let mut report = File::from(report);
    let Err(refusal) = become_program(order, &mut report);
    if let Ok(said) = serde_json::to_vec(&refusal) {
        // A parent that no longer listens sees the status all the same.
        let _ = report.write_all(&said);
    }
    std::process::exit(i32::from(refusal.status));
}

/// Either this process is the program, or there is a reason why not.
fn become_program(order: OwnedFd, report: &mut File) -> Result<std::convert::Infallible, Refusal> {
    let Order {
        job,
        parent,
        staged,
    } = read_order(order)?;
    stay_with(parent)?;
    default_signals();
    close_at_start()?;
    let start = Start::of(&job)?;
    match &job.profile {
        Profile::ReadOnly { .. } => {
            let program = open_program(&job.program)?;
            let program = move_above_limit(&program)?;
            bound(&job.bounds)?;
            rustix::process::umask(Mode::RWXG | Mode::RWXO);
            enter(&job)?;
            privileges::drop_all()?;
            fences::put_up(&job, None)?;
            calls::put_up(calls::Held {
                pid: std::process::id(),
                program: program.as_raw_fd(),
                starts_programs: !job.exec.is_empty(),
            })?;
            ready(report)?;
            Err(start.exec(&program, c"", &job.program))
        }
        Profile::Workspace(changes) => {
            let staged = staged.ok_or_else(|| Refusal::because("nothing surrounds it"))?;
            bound(&job.bounds)?;
            if let Keeps::Mounts(mounts) = &staged.keeps {
                mounts.settle(&job.workspace)?;
                handed::replace()?;
            }
            enter(&job)?;
            privileges::drop_all()?;
            fences::put_up(&job, Some(&staged))?;
            calls::put_up_for_work(staged.is_apart(), changes.network)?;
            ready(report)?;
            // By its name, as an interpreter has to find its script.
            let path = CString::new(job.program.as_os_str().as_bytes());
            let path = path.map_err(Refusal::by("its path cannot be passed on"))?;
            Err(start.exec(&rustix::fs::CWD, &path, &job.program))
        }
    }
}

fn enter(job: &Job) -> Result<(), Refusal> {
    rustix::process::chdir(&job.folder).map_err(Refusal::at(&job.folder))
}

fn ready(report: &mut File) -> Result<(), Refusal> {
    report
        .write_all(READY)
        .map_err(Refusal::by("nobody waits for its report"))
}

fn read_order(order: OwnedFd) -> Result<Order, Refusal> {
    let mut text = Vec::new();
    File::from(order)
        .take(limits::JOB_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(Refusal::by("the job could not be read"))?;
    if text.len() as u64 > limits::JOB_BYTES {
        return Err(Refusal::because("the job is too long"));
    }
    let order: Order =
        serde_json::from_slice(&text).map_err(Refusal::by("the job could not be read"))?;
    if !order.job.program.is_absolute() {
        return Err(Refusal::because("the program's path is not absolute"));
    }
    Ok(order)
}

/// A session of its own keeps the program from the terminal, and makes the group that is ended with it.
fn stay_with(parent: i32) -> Result<(), Refusal> {
    rustix::process::setsid().map_err(Refusal::by("it got no session of its own"))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Refusal::by("it would outlive its parent"))?;
    if rustix::process::getppid().map(Pid::as_raw_pid) != Some(parent) {
        return Err(Refusal::because("its parent has gone"));
    }
    Ok(())
}

/// An ignored signal stays ignored in the program: without `SIGPIPE`, `yes` would never end.
fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default needs no handler that could be unsound; numbers that may not be set are refused and mean nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Whatever was inherited by mistake is closed at the start of the program, with the report.
fn close_at_start() -> Result<(), Refusal> {
    let (from, to) = (3_u32, u32::MAX);
    // SAFETY: it only marks descriptors; all owners in this process stay valid.
    let done = unsafe { libc::syscall(libc::SYS_close_range, from, to, libc::CLOSE_RANGE_CLOEXEC) };
    if done != 0 {
        let error = std::io::Error::last_os_error();
        return Err(Refusal::by("inherited files would stay open")(error));
    }
    Ok(())
}

fn open_program(path: &Path) -> Result<OwnedFd, Refusal> {
    let mut file = File::open(path).map_err(|error| Refusal::not_started(path, &error))?;
    let mut magic = [0; 4];
    let known = file.read_exact(&mut magic).is_ok() && magic == *b"\x7fELF";
    if !known {
        return Err(Refusal {
            status: limits::STATUS_NOT_STARTED,
            reason: format!("{} is not an ELF program", path.display()),
        });
    }
    Ok(file.into())
}

/// See [`limits::PROGRAM_FD`].
fn move_above_limit(program: &OwnedFd) -> Result<OwnedFd, Refusal> {
    let files = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: files.maximum,
        maximum: files.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, raised)
        .map_err(Refusal::by("its open files could not be bounded"))?;
    rustix::io::fcntl_dupfd_cloexec(program, limits::PROGRAM_FD)
        .map_err(Refusal::by("this process may open too few files"))
}

fn bound(bounds: &Bounds) -> Result<(), Refusal> {
    let wanted = [
        (Resource::Cpu, bounds.cpu_seconds),
        (Resource::As, bounds.memory_bytes),
        (Resource::Fsize, bounds.file_bytes),
        (Resource::Nofile, bounds.open_files),
        // Not 0: a crash is still handed to a program that collects them, of no size but this one (core(5)).
        (Resource::Core, 1),
        (Resource::Nproc, limits::PROCESSES),
    ];
    for (resource, most) in wanted {
        if most == u64::MAX {
            continue;
        }
        let had = rustix::process::getrlimit(resource).maximum;
        let most = had.map_or(most, |had| had.min(most));
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        rustix::process::setrlimit(resource, limit)
            .map_err(Refusal::by("what it may use up could not be bounded"))?;
    }
    Ok(())
}

/// Arguments and environment as the kernel takes them, made before the fences so that little is left to do behind them.
struct Start {
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Start {
    fn of(job: &Job) -> Result<Self, Refusal> {
        let text = |bytes: Vec<u8>| {
            CString::new(bytes).map_err(Refusal::by("an argument cannot be passed on"))
        };
        let arguments = job
            .arguments
            .iter()
            .map(|word| text(word.as_bytes().into()));
        let environment = job
            .environment
            .iter()
            .map(|(name, value)| text([name.as_bytes(), b"=", value.as_bytes()].concat()));
        Ok(Self {
            arguments: arguments.collect::<Result<_, _>>()?,
            environment: environment.collect::<Result<_, _>>()?,
        })
    }

    /// Returns only if the kernel did not start it.
    fn exec(&self, folder: &impl AsFd, name: &CStr, path: &Path) -> Refusal {
        let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([std::ptr::null()]).collect()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        let flags = if name.is_empty() {
            libc::AT_EMPTY_PATH
        } else {
            0
        };
        // SAFETY: both lists end with a null pointer, and they and the texts they point to live until the call returns.
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                folder.as_fd().as_raw_fd(),
                name.as_ptr(),
                arguments.as_ptr(),
                environment.as_ptr(),
                flags,
            )
        };
        Refusal::not_started(path, &std::io::Error::last_os_error())
    }
}

impl Refusal {
    pub(crate) fn because(reason: &str) -> Self {
        Self {
            status: limits::STATUS_REFUSED,
            reason: reason.to_owned(),
        }
    }

    /// What could not be done, and why.
    pub(crate) fn by<E: Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::because(&format!("{what}: {error}"))
    }

    /// The path that could not be fenced or entered, and why.
    pub(crate) fn at<E: Display>(path: &Path) -> impl Fn(E) -> Self {
        move |error| Self::because(&format!("{}: {error}", path.display()))
    }

    fn not_started(path: &Path, error: &std::io::Error) -> Self {
        let status = if error.kind() == std::io::ErrorKind::NotFound {
            limits::STATUS_NOT_FOUND
        } else {
            limits::STATUS_NOT_STARTED
        };
        let reason = format!("{}: {error}", path.display());
        Self { status, reason }
    }
}
