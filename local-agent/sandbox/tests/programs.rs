//! Programs: which may start, what they may reach, and when they end.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::{CANARY, everyone, said};
use lanyard_sandbox::{Cut, Ending, Limits, Profile};
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

#[test]
fn no_socket_is_made_and_a_listener_hears_nothing() {
    for user in everyone() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let path = user.workspace.join("socket");
        let unix = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let name = format!("lanyard-sandbox-{}", tcp.local_addr().unwrap().port());
        let hidden = SocketAddr::from_abstract_name(&name).unwrap();
        let hidden = UnixListener::bind_addr(&hidden).unwrap();
        for listener in [&unix, &hidden] {
            listener.set_nonblocking(true).unwrap();
        }
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();

        let (to_tcp, to_udp) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
        for line in [
            format!("echo x > /dev/tcp/127.0.0.1/{}", to_tcp.port()),
            format!("perl -MIO::Socket::INET -e 'IO::Socket::INET->new(\"{to_tcp}\") or exit 1'"),
            format!(
                "perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new(Proto=>\"udp\",PeerAddr=>\"{to_udp}\") or exit 1; $s->send(\"x\")'"
            ),
            "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer=>\"socket\") or exit 1'"
                .to_owned(),
            format!(
                "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer=>\"\\0{name}\") or exit 1'"
            ),
            "perl -MSocket -e 'socketpair(A,B,AF_UNIX,SOCK_STREAM,0) or exit 1'".to_owned(),
            "perl -MSocket -e 'socket(A,16,SOCK_RAW,0) or exit 1'".to_owned(),
        ] {
            user.fails(&line);
        }
        let nothing = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
        nothing(tcp.accept().map(drop).unwrap_err());
        nothing(udp.recv(&mut [0; 8]).map(drop).unwrap_err());
        nothing(unix.accept().map(drop).unwrap_err());
        nothing(hidden.accept().map(drop).unwrap_err());
    }
}

#[test]
fn an_inherited_file_is_closed() {
    for user in everyone() {
        let secret = fs::File::open(user.outside.join("canary.txt")).unwrap();
        let fd = secret.as_raw_fd();
        let mut driver = user.driver();
        // SAFETY: it makes two calls that are safe between fork and exec.
        unsafe {
            driver.pre_exec(move || match libc::dup2(fd, 77) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            })
        };
        let most = Limits {
            time: Duration::from_secs(20),
            output_bytes: 4096,
        };
        let line = "cat <&77 || perl -e 'open(F,\"<&=77\") and print <F>'";
        let ran = common::drive(driver, &[(user.shell(line), vec![])], most).remove(0);
        let ran = ran.unwrap();
        assert!(!said(&ran).contains(CANARY), "{}", said(&ran));
        assert!(said(&ran).contains("Bad file descriptor"), "{}", said(&ran));
    }
}

#[test]
fn without_exec_no_second_program_starts() {
    for user in everyone() {
        for words in [
            &["env", "ls"][..],
            &["find", ".", "-exec", "ls", "{}", ";"],
            &["perl", "-e", "exec(\"/usr/bin/id\"); exit 1"],
            &["perl", "-e", "exit(system(\"/usr/bin/id\") != 0)"],
            &["perl", "-e", "defined(fork()) or exit 1"],
            &["bash", "-c", "exec id"],
            &["bash", "-c", "id"],
            &["awk", "BEGIN { exit system(\"id\") != 0 }"],
            &["sed", "1e id", "notes.txt"],
            &[
                "perl",
                "-e",
                "exit(system(\"/lib64/ld-linux-x86-64.so.2\", \"/usr/bin/id\") != 0)",
            ],
            &[
                "perl",
                "-e",
                "exec(\"/usr/bin/perl\", \"-e\", \"print \\\"uid=\\\"\"); exit 1",
            ],
        ] {
            let ran = user.run(user.job(words));
            assert!(!said(&ran).contains("uid="), "{words:?} {}", said(&ran));
            assert_ne!(ran.status, Ending::Exited(0), "{words:?} {}", said(&ran));
        }
        let mut job = user.job(&["xargs", "id"]);
        job.environment = vec![];
        let most = Limits {
            time: Duration::from_secs(20),
            output_bytes: 4096,
        };
        let ran = user.run_all(vec![(job, b"-u\n".to_vec())], most).remove(0);
        assert_ne!(ran.unwrap().status, Ending::Exited(0));
    }
}

#[test]
fn a_program_in_the_workspace_does_not_start() {
    for user in everyone() {
        let copy = user.workspace.join("copy");
        fs::copy("/usr/bin/id", &copy).unwrap();
        user.hand_over();
        assert!(!said(&user.fails("./copy")).contains("uid="));
        // Nor by the loader, as long as no programs may be started.
        let perl = "exec(\"/lib64/ld-linux-x86-64.so.2\", \"./copy\"); exit 1";
        let ran = user.run(user.job(&["perl", "-e", perl]));
        assert!(!said(&ran).contains("uid="), "{}", said(&ran));
    }
}

#[test]
fn a_file_without_a_name_cannot_be_made() {
    for user in everyone() {
        #[cfg(target_arch = "x86_64")]
        user.fails("perl -e 'syscall(319, \"x\", 0) < 0 and exit 1'");
    }
}

#[test]
fn calls_that_reach_further_are_denied() {
    // Numbers of x86_64: ptrace, unshare, setns, mount, bpf, perf_event_open, keyctl, process_vm_readv, userfaultfd, personality, shmget, msgget, setsid, setpgid, seccomp, io_uring_setup, chroot, setuid, prctl(PR_SET_DUMPABLE), inotify_init1, fcntl(F_SETOWN), prlimit64.
    #[cfg(target_arch = "x86_64")]
    for user in everyone() {
        for call in [
            "101, 0, 0, 0, 0",
            "272, 0x10000000",
            "308, 0, 0",
            "165, 0, 0, 0, 0, 0",
            "321, 0, 0, 0",
            "298, 0, 0, 0, 0, 0",
            "250, 0, 0, 0, 0, 0",
            "310, $$, 0, 0, 0, 0, 0",
            "323, 0",
            "135, 0x0040000",
            "29, 0, 4096, 0600 | 01000",
            "68, 0, 0600 | 01000",
            "112",
            "109, 0, 0",
            "317, 0, 0, 0",
            "425, 1, 0",
            "161, my $p = \".\"",
            "105, 0",
            "157, 4, 1, 0, 0, 0",
            "294, 0",
            "72, 0, 8, $$",
            "302, 0, 7, my $p = pack(\"QQ\", 4096, 4096), 0",
        ] {
            let perl = format!("exit(syscall({call}) < 0 && ($! == 1 || $! == 38) ? 0 : 1)");
            let ran = user.run(user.job(&["perl", "-e", &perl]));
            assert_eq!(ran.status, Ending::Exited(0), "{call}: {}", said(&ran));
        }
    }
}

#[test]
fn a_setuid_program_gains_nothing() {
    for user in everyone() {
        let mut job =
            user.shell("grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid)' /proc/self/status; su -c id");
        job.profile = Profile::ReadOnly { machine: true };
        let ran = user.run(job);
        let said = said(&ran);
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(
                said.contains(&format!("{name}:\t0000000000000000")),
                "{said}"
            );
        }
        assert!(said.contains("NoNewPrivs:\t1"), "{said}");
        assert!(said.contains("Seccomp:\t2"), "{said}");
        assert!(!said.contains("uid="), "{said}");
    }
}

#[test]
fn the_superuser_loses_the_bounding_set_too() {
    for user in everyone().iter().filter(|user| user.is_root()) {
        let mut job = user.job(&["cat", "/proc/self/status"]);
        job.profile = Profile::ReadOnly { machine: true };
        assert!(said(&user.run(job)).contains("CapBnd:\t0000000000000000"));
    }
}

#[test]
fn another_process_cannot_be_signalled() {
    for user in everyone() {
        for target in ["$PPID", "1", "-1", "0"] {
            let ran = user.fails(&format!("kill -9 {target}"));
            assert_eq!(ran.status, Ending::Exited(1), "{}", said(&ran));
        }
    }
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_all_it_started() {
    for user in everyone() {
        let most = Limits {
            time: Duration::from_millis(300),
            output_bytes: 4096,
        };
        let line = "perl -e 'sleep 1000' & perl -e 'print $$, \"\\n\"; $|=1; sleep 1000'";
        let ran = user
            .run_all(vec![(user.shell(line), vec![])], most)
            .remove(0);
        let ran = ran.unwrap();
        assert_eq!(ran.cut, Some(Cut::Time));
        assert_eq!(ran.status, Ending::Signalled(9));
    }
}

#[test]
fn what_a_program_leaves_behind_is_ended() {
    for user in everyone() {
        let line = "coproc perl -e '$|=1; print \"$$\\n\"; sleep 1000'; read -u ${COPROC[0]} x; echo $x; exit 3";
        let ran = user.run(user.shell(line));
        assert_eq!(ran.status, Ending::Exited(3), "{}", said(&ran));
        common::gone(String::from_utf8(ran.stdout).unwrap().trim());
    }
}

#[test]
fn a_program_that_says_too_much_is_ended() {
    for user in everyone() {
        let most = Limits {
            time: Duration::from_secs(20),
            output_bytes: 10_000,
        };
        let ran = user
            .run_all(vec![(user.job(&["yes"]), vec![])], most)
            .remove(0);
        let ran = ran.unwrap();
        assert_eq!(ran.cut, Some(Cut::Output));
        assert_eq!(ran.stdout.len(), 10_000);
    }
}

#[test]
fn a_program_reads_its_input() {
    for user in everyone() {
        let most = Limits {
            time: Duration::from_secs(20),
            output_bytes: 1024 * 1024,
        };
        let text = vec![b'x'; 300_000];
        let jobs = vec![
            (user.job(&["cat"]), text.clone()),
            (user.job(&["head", "-c", "1"]), text.clone()),
        ];
        let ran = user.run_all(jobs, most);
        assert_eq!(ran[0].as_ref().unwrap().stdout, text);
        assert_eq!(ran[1].as_ref().unwrap().stdout, b"x");
    }
}

#[test]
fn processor_time_and_memory_are_bounded() {
    for user in everyone() {
        let mut job = user.job(&["perl", "-e", "1 while 1"]);
        job.bounds.cpu_seconds = 1;
        assert_eq!(user.run(job).status, Ending::Signalled(libc::SIGKILL));
        let mut job = user.job(&["perl", "-e", "$x = 'x' x (1 << 30)"]);
        job.bounds.memory_bytes = 256 * 1024 * 1024;
        assert_ne!(user.run(job).status, Ending::Exited(0));
    }
}

#[test]
fn a_program_that_is_missing_or_none_is_named() {
    for user in everyone() {
        let mut job = user.job(&["cat"]);
        job.program = "/usr/bin/there-is-none".into();
        assert_eq!(user.tried(job.clone()).unwrap_err().0, 127);
        job.program = user.workspace.join("notes.txt");
        let (code, why) = user.tried(job.clone()).unwrap_err();
        assert_eq!(code, 126);
        assert!(why.contains("is not an ELF program"), "{why}");
        job.program = "cat".into();
        assert_eq!(user.tried(job).unwrap_err().0, 125);
    }
}

#[test]
fn a_helper_that_is_none_is_not_taken_for_a_run() {
    let user = common::Fixture::of(None);
    let launcher = lanyard_sandbox::Launcher {
        helper: "/bin/true".into(),
    };
    let most = Limits {
        time: Duration::from_secs(20),
        output_bytes: 10,
    };
    let ran = lanyard_sandbox::run(&launcher, &user.job(&["cat"]), &[], most);
    assert!(matches!(ran, Err(lanyard_sandbox::SandboxError::NoHelper)));
}

#[test]
fn this_machine_enforces_the_profile_fully() {
    let user = common::Fixture::of(None);
    let launcher = lanyard_sandbox::Launcher {
        helper: user.helper.clone(),
    };
    let status = lanyard_sandbox::status(&launcher);
    assert!(
        status.read_only && status.seccomp && status.landlock >= 3,
        "{status:?}"
    );
    assert_eq!(status.workspace, Some("bubblewrap"));
    assert_eq!(status.sentences.len(), 5);
}

#[test]
fn a_name_means_only_what_the_superuser_put_there() {
    use lanyard_sandbox::{ResolveError, resolve};
    let user = common::Fixture::of(None);
    assert!(
        resolve("ls", &user.workspace)
            .unwrap()
            .starts_with("/usr/bin")
    );
    for name in ["", ".", "..", "./ls", "/bin/ls", "a/b"] {
        assert!(matches!(
            resolve(name, &user.workspace),
            Err(ResolveError::NotAName(_))
        ));
    }
    let missing = resolve("there-is-none", &user.workspace);
    assert!(matches!(missing, Err(ResolveError::NotFound(_))));
    let inside = resolve("ls", Path::new("/usr"));
    assert!(matches!(inside, Err(ResolveError::InWorkspace(_))));
}
