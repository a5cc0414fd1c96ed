//! seccomp for the workspace profile: every system call but those that reach beyond files and the program's own processes.
//!
//! What is a file is kept by mounts and Landlock. What is named here they do not see.

use super::{ARCH, Built, NEVER_CLONED, Rules, answering};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// The filters, of which the kernel takes the strictest word.
pub(super) fn filters(apart: bool, network: bool) -> Vec<Built<BpfProgram>> {
    let mut filters = vec![
        known(),
        answering(ABSENT, libc::ENOSYS),
        answering(NEVER, libc::EPERM),
        unless(restricted(apart || network)),
    ];
    filters.push(unless(other_users_modes()));
    if !apart {
        filters.push(answering(NOT_KEPT_BY_LANDLOCK, libc::EPERM));
        filters.push(unless(shared_with_others()));
    }
    filters
}

/// The calls that there were when this was written; another architecture's on this one, and later ones, there are not.
fn known() -> Built<BpfProgram> {
    let rules = (0..=LAST).map(|call| (call, vec![])).collect();
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, absent, SeccompAction::Allow, ARCH)?.try_into()
}

/// `mseal`, of Linux 6.10: the numbers of all architectures agree from 424 on.
const LAST: i64 = 462;

/// Programs try these and fall back on others. What `openat2` would set as a mode is nothing that a filter sees.
const ABSENT: &[c_long] = &[
    libc::SYS_openat2,
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Mounts and namespaces, the kernel itself, its keys, its clocks, and other processes' memory.
const NEVER: &[c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    libc::SYS_acct,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
];

/// Without mounts and namespaces that say otherwise, these change files which Landlock keeps only from being written, reach what other programs
/// share and how they run, or have processes leave the group that is ended with the program.
const NOT_KEPT_BY_LANDLOCK: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_inotify_add_watch,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setsid,
    libc::SYS_setpgid,
];

/// Linux 6.6.
const FCHMODAT2: c_long = 452;

/// Whatever no rule matches is let through.
fn unless(rules: Built<Rules>) -> Built<BpfProgram> {
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    SeccompFilter::new(rules?, SeccompAction::Allow, denied, ARCH)?.try_into()
}

fn restricted(sockets: bool) -> Built<Rules> {
    let mut rules = Rules::new();
    let flags = (0..u64::BITS).map(|bit| NEVER_CLONED & (1 << bit));
    let flags = flags.filter(|flag| *flag != 0).map(|flag| {
        let set = SeccompCondition::new(0, Width::Qword, Is::MaskedEq(flag), flag)?;
        SeccompRule::new(vec![set])
    });
    rules.insert(libc::SYS_clone, flags.collect::<Built<_>>()?);
    rules.insert(libc::SYS_socket, no_socket_of_a_path(sockets)?);
    rules.insert(libc::SYS_socketpair, only_connected_pairs()?);
    rules.insert(libc::SYS_ioctl, any_of(1, TERMINALS)?);
    rules.insert(libc::SYS_fcntl, any_of(1, HOLDS_UP)?);
    Ok(rules)
}

/// Of a Unix socket the path is seen by nothing here, so that none is made. Where there are others, they are of the internet, or ask for
/// its addresses.
fn no_socket_of_a_path(sockets: bool) -> Built<Vec<SeccompRule>> {
    if !sockets {
        return Ok(vec![]);
    }
    let family = |is: Is, family: libc::c_int| {
        SeccompCondition::new(0, Width::Dword, is, u64::from(family.cast_unsigned()))
    };
    let others = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
        .map(|of| family(Is::Ne, of))
        .into_iter()
        .collect::<Built<Vec<_>>>()?;
    let routes = u64::from(libc::NETLINK_ROUTE.cast_unsigned());
    let kernel = vec![
        family(Is::Eq, libc::AF_NETLINK)?,
        SeccompCondition::new(2, Width::Dword, Is::Ne, routes)?,
    ];
    Ok(vec![SeccompRule::new(others)?, SeccompRule::new(kernel)?])
}

/// A pair of datagram sockets can be sent to any path.
fn only_connected_pairs() -> Built<Vec<SeccompRule>> {
    const TYPES: u64 = 0xf;
    let unix = u64::from(libc::AF_UNIX.cast_unsigned());
    let other = SeccompCondition::new(0, Width::Dword, Is::Ne, unix)?;
    let mut rules = vec![SeccompRule::new(vec![other])?];
    let connected =
        [libc::SOCK_STREAM, libc::SOCK_SEQPACKET].map(|of| u64::from(of.cast_unsigned()));
    for kind in (0..=TYPES).filter(|kind| !connected.contains(kind)) {
        let is = SeccompCondition::new(1, Width::Dword, Is::MaskedEq(TYPES), kind)?;
        rules.push(SeccompRule::new(vec![is])?);
    }
    Ok(rules)
}

/// A file that runs as its owner for whoever starts it must not be left behind.
fn other_users_modes() -> Built<Rules> {
    const RUNS_AS_OTHERS: [u64; 2] = [libc::S_ISUID as u64, libc::S_ISGID as u64];
    // A call that makes nothing has no mode, whatever stands in its place.
    const MAKES: [u64; 2] = [
        libc::O_CREAT as u64,
        (libc::O_TMPFILE & !libc::O_DIRECTORY) as u64,
    ];
    let has = |argument: u8, bit: u64| {
        SeccompCondition::new(argument, Width::Dword, Is::MaskedEq(bit), bit)
    };
    let set = |argument: u8, flags: Option<u8>| {
        let mut rules = Vec::new();
        for mode in RUNS_AS_OTHERS {
            let Some(flags) = flags else {
                rules.push(SeccompRule::new(vec![has(argument, mode)?])?);
                continue;
            };
            for makes in MAKES {
                let both = vec![has(argument, mode)?, has(flags, makes)?];
                rules.push(SeccompRule::new(both)?);
            }
        }
        Built::Ok(rules)
    };
    let mut rules = Rules::new();
    #[cfg(target_arch = "x86_64")]
    {
        rules.insert(libc::SYS_chmod, set(1, None)?);
        rules.insert(libc::SYS_creat, set(1, None)?);
        rules.insert(libc::SYS_mknod, set(1, None)?);
        rules.insert(libc::SYS_open, set(2, Some(1))?);
    }
    rules.insert(libc::SYS_fchmod, set(1, None)?);
    rules.insert(libc::SYS_fchmodat, set(2, None)?);
    rules.insert(FCHMODAT2, set(2, None)?);
    rules.insert(libc::SYS_mknodat, set(2, None)?);
    rules.insert(libc::SYS_openat, set(3, Some(2))?);
    Ok(rules)
}

/// Marks of files, and limits of other processes than the caller: 0.
fn shared_with_others() -> Built<Rules> {
    let mut rules = Rules::new();
    rules.insert(libc::SYS_ioctl, any_of(1, MARKS)?);
    let another = SeccompCondition::new(0, Width::Dword, Is::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![another])?]);
    Ok(rules)
}

fn any_of(argument: u8, values: &[u64]) -> Built<Vec<SeccompRule>> {
    let rule = |value: &u64| {
        let is = SeccompCondition::new(argument, Width::Dword, Is::Eq, *value)?;
        SeccompRule::new(vec![is])
    };
    values.iter().map(rule).collect()
}

/// What has others wait who open a file, or tells of what they do in a folder: leases and `dnotify` (`fcntl(2)`).
#[allow(clippy::unnecessary_cast)] // As below.
const HOLDS_UP: &[u64] = &[libc::F_SETLEASE as u64, libc::F_NOTIFY as u64];

/// What puts keys into a terminal's queue, or takes its messages.
#[allow(clippy::unnecessary_cast)] // The C libraries do not agree on the type.
const TERMINALS: &[u64] = &[
    libc::TIOCSTI as u64,
    libc::TIOCLINUX as u64,
    libc::TIOCCONS as u64,
    libc::TIOCSETD as u64,
];

/// What marks a file that is only open for reading (`chattr(1)`): `FS_IOC_SETFLAGS`, `FS_IOC_FSSETXATTR`, `FS_IOC_SETVERSION`, and the first
/// for programs of 32 bits.
#[allow(clippy::unnecessary_cast)] // As above.
const MARKS: &[u64] = &[
    libc::FS_IOC_SETFLAGS as u64,
    0x401c_5820,
    libc::FS_IOC_SETVERSION as u64,
    libc::FS_IOC32_SETFLAGS as u64,
];
