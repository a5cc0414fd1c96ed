//! seccomp: the system calls that a reading program needs, and no others.
//!
//! Absent on purpose: every call that makes a socket, changes a file or its metadata, maps a file without a name, looks into or signals another process, or asks to be told of changes (`inotify` tells of folders that Landlock keeps closed).

mod working;

use crate::helper::Refusal;
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Built<T> = Result<T, seccompiler::BackendError>;

/// What the filter must know of the process that it holds.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// The process, which may signal itself.
    pub(crate) pid: u32,
    /// The descriptor of the one program that it may become.
    pub(crate) program: i32,
    /// Whether it may start others.
    pub(crate) starts_programs: bool,
}

/// Puts up the filters of the workspace profile: `apart`, in namespaces of its own.
pub(crate) fn put_up_for_work(apart: bool, network: bool) -> Result<(), Refusal> {
    apply(working::filters(apart, network))
}

/// Puts the filters up. The kernel takes the strictest word of them, so that the order means nothing but that only the last may forbid another.
pub(crate) fn put_up(held: Held) -> Result<(), Refusal> {
    apply(vec![
        answering(PROBED, libc::ENOSYS),
        answering(ASKED_OF_SOCKETS, libc::ENOTSOCK),
        allowed(held),
    ])
}

fn apply(filters: Vec<Built<BpfProgram>>) -> Result<(), Refusal> {
    for filter in filters {
        let filter = filter.map_err(Refusal::by("seccomp rules do not compile"))?;
        apply_filter(&filter).map_err(Refusal::by("seccomp could not be put up"))?;
    }
    Ok(())
}

/// Programs try these and fall back on others, if they hear that the kernel lacks them. `EPERM` would end them.
const PROBED: &[c_long] = &[
    libc::SYS_clone3,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_tee,
    libc::SYS_vmsplice,
    libc::SYS_io_uring_setup,
    libc::SYS_pidfd_open,
    libc::SYS_inotify_init1,
];

/// A shell asks whether its input is a socket, and reads its settings if it cannot be told that it is none.
const ASKED_OF_SOCKETS: &[c_long] = &[libc::SYS_getpeername, libc::SYS_getsockname];

fn answering(calls: &[c_long], error: libc::c_int) -> Built<BpfProgram> {
    let rules = calls.iter().map(|call| (*call, vec![])).collect();
    let answer = SeccompAction::Errno(error.cast_unsigned());
    SeccompFilter::new(rules, SeccompAction::Allow, answer, ARCH)?.try_into()
}

fn allowed(held: Held) -> Built<BpfProgram> {
    let mut rules = Rules::new();
    for call in PLAIN.iter().chain(OF_THIS_ARCH) {
        rules.insert(*call, vec![]);
    }
    // Let through here, as the other filters answer for them.
    for call in PROBED.iter().chain(ASKED_OF_SOCKETS) {
        rules.insert(*call, vec![]);
    }
    one_of(&mut rules, libc::SYS_fcntl, 1, FCNTL)?;
    one_of(&mut rules, libc::SYS_ioctl, 1, IOCTL)?;
    one_of(&mut rules, libc::SYS_prctl, 0, PRCTL)?;
    only_itself(&mut rules, held.pid)?;
    // Limits may be read, not set.
    let reads = SeccompCondition::new(2, Width::Qword, Is::Eq, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![reads])?]);
    starting(&mut rules, held)?;

    let denied = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, denied, SeccompAction::Allow, ARCH)?.try_into()
}

/// Threads, and the one program; with `starts_programs` also processes, and programs that Landlock lets it start.
fn starting(rules: &mut Rules, held: Held) -> Built<()> {
    let thread = if held.starts_programs {
        0
    } else {
        libc::CLONE_THREAD as u64
    };
    let flags = Is::MaskedEq(NEVER_CLONED | thread);
    let flags = SeccompCondition::new(0, Width::Qword, flags, thread)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![flags])?]);

    let program = SeccompCondition::new(0, Width::Dword, Is::Eq, held.program as u64)?;
    let empty = libc::AT_EMPTY_PATH as u64;
    let itself = SeccompCondition::new(4, Width::Dword, Is::Eq, empty)?;
    rules.insert(
        libc::SYS_execveat,
        vec![SeccompRule::new(vec![program, itself])?],
    );
    if held.starts_programs {
        for call in STARTING {
            rules.insert(*call, vec![]);
        }
    }
    Ok(())
}

fn only_itself(rules: &mut Rules, pid: u32) -> Built<()> {
    for call in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill] {
        let itself = SeccompCondition::new(0, Width::Dword, Is::Eq, u64::from(pid))?;
        rules.insert(call, vec![SeccompRule::new(vec![itself])?]);
    }
    Ok(())
}

fn one_of(rules: &mut Rules, call: c_long, argument: u8, values: &[u64]) -> Built<()> {
    let rule = |value: &u64| {
        let value = SeccompCondition::new(argument, Width::Dword, Is::Eq, *value)?;
        SeccompRule::new(vec![value])
    };
    let values: Built<Vec<_>> = values.iter().map(rule).collect();
    rules.insert(call, values?);
    Ok(())
}

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;

/// Nobody gets a namespace, a child that is not its own, or one that is traced. `CLONE_NEWTIME` shares its bit with the signal number, so that this call cannot mean it.
const NEVER_CLONED: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_PARENT
    | libc::CLONE_PTRACE) as u64;

const FCNTL: &[u64] = &[
    libc::F_DUPFD as u64,
    libc::F_DUPFD_CLOEXEC as u64,
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_SETFL as u64,
];

/// Questions to a terminal or a file. None puts a key in a terminal's queue or a mark on a file.
#[allow(clippy::unnecessary_cast)] // The C libraries do not agree on the type.
const IOCTL: &[u64] = &[
    libc::TCGETS as u64,
    libc::TIOCGWINSZ as u64,
    libc::TIOCGPGRP as u64,
    libc::FIONREAD as u64,
    libc::FIOCLEX as u64,
    libc::FIONCLEX as u64,
    libc::FS_IOC_GETFLAGS as u64,
];

const PRCTL: &[u64] = &[
    libc::PR_SET_NAME as u64,
    libc::PR_GET_NAME as u64,
    libc::PR_GET_DUMPABLE as u64,
    libc::PR_GET_PDEATHSIG as u64,
    libc::PR_GET_NO_NEW_PRIVS as u64,
    libc::PR_GET_SECCOMP as u64,
    libc::PR_GET_SECUREBITS as u64,
    libc::PR_GET_TIMERSLACK as u64,
    libc::PR_CAPBSET_READ as u64,
];

/// What starts a program, in a process of its own.
#[cfg(target_arch = "x86_64")]
const STARTING: &[c_long] = &[libc::SYS_execve, libc::SYS_fork, libc::SYS_vfork];
#[cfg(target_arch = "aarch64")]
const STARTING: &[c_long] = &[libc::SYS_execve];

/// Files: reading, and writing to what is open. Whether a file may be opened is for Landlock to say.
/// Memory, time, waiting, and questions about the process itself.
const PLAIN: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_umask,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_capget,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_getcpu,
    libc::SYS_getpriority,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getitimer,
    libc::SYS_setitimer,
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_gettime,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_delete,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrlimit,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The older forms of the same, which newer architectures never had.
#[cfg(target_arch = "x86_64")]
const OF_THIS_ARCH: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getpgrp,
    libc::SYS_time,
    libc::SYS_alarm,
    libc::SYS_pause,
    libc::SYS_arch_prctl,
];
#[cfg(target_arch = "aarch64")]
const OF_THIS_ARCH: &[c_long] = &[];
