//! The relay's unit, and what it denies the relay.

use super::super::serve::Serve;
use crate::limits::SERVICE_DESCRIPTORS;
use lanyard_service::systemd::Scope;
use lanyard_service::unit::{Unfit, Unit, command, fit};
use std::path::Path;

/// What the unit is called.
pub const NAME: &str = "lanyard-relay.service";
/// As whom it runs on a machine. A user that stays, not one for each start: operators reach the relay's socket as this user, and the key of a
/// certificate must belong to it.
pub const USER: &str = "lanyard-relay";
/// Where its data is then.
pub const DATA: &str = "/var/lib/lanyard-relay";

/// What any manager can deny a service, a user's own too.
const DENIED: &str = "\
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
LimitCORE=0
UMask=0077
";

/// What only the machine's manager can deny: it takes privileges to hide files.
const HIDDEN: &str = "\
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RemoveIPC=yes
";

/// Runs `exe serve` with these options.
pub fn unit(exe: &Path, typed: &[String], options: &Serve, scope: Scope) -> Result<Unit, Unfit> {
    let mut words = vec!["serve"];
    if scope == Scope::System {
        words.extend(["--data", DATA]);
    }
    words.extend(typed.iter().map(String::as_str));
    let start = command(exe, words)?;
    let reload = match options.data() {
        Some(data) => command(exe, ["tls", "reload", "--data", fit(data)?])?,
        None if scope == Scope::System => command(exe, ["tls", "reload", "--data", DATA])?,
        None => command(exe, ["tls", "reload"])?,
    };
    let (ordering, place, target) = match scope {
        Scope::System => (
            "After=network-online.target\nWants=network-online.target\n",
            place(options.is_on_low_port()),
            "multi-user.target",
        ),
        Scope::User => (
            "",
            "# A user's manager has no privileges and cannot hide files; installed by root, more is denied.\n"
                .to_owned(),
            "default.target",
        ),
    };
    let body = format!(
        "[Unit]
Description=Lanyard relay
Documentation=https://github.com/lanyard-dev/lanyard/blob/main/docs/OPERATING.md
{ordering}# An address that is not there yet may come at any time: it is tried for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={start}
# Takes another certificate; links that stand go on.
ExecReload={reload}
# It tells everybody that it restarts, which takes a few seconds at most.
TimeoutStopSec=15
WatchdogSec=30
Restart=on-failure
RestartSec=2
# Neither options that are wrong nor files that are damaged become right by themselves.
RestartPreventExitStatus=2 3
# Every link is a descriptor.
LimitNOFILE={SERVICE_DESCRIPTORS}

{place}{DENIED}
[Install]
WantedBy={target}
"
    );
    Ok(Unit { name: NAME, body })
}

/// Who it is on a machine, and what it sees and may there.
fn place(low_port: bool) -> String {
    let capabilities = if low_port {
        "# For its port below 1024, and nothing else.\n\
         CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
         AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
    } else {
        "CapabilityBoundingSet=\nAmbientCapabilities=\n"
    };
    format!(
        "# A user of its own that stays: operators reach the relay's socket as this user, and the key of a certificate must belong to it.\n\
         User={USER}\n\
         Group={USER}\n\
         # The one folder it can write to.\n\
         StateDirectory={USER}\n\
         StateDirectoryMode=0700\n\
         {capabilities}{HIDDEN}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;
    use clap::Parser as _;

    fn text(typed: &[&str], scope: Scope) -> String {
        let line = [&["serve"], typed].concat();
        let options = Options::try_parse_from(line).map(|options| options.serve);
        let typed: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
        let unit = options.map(|options| unit(Path::new("/bin/relay"), &typed, &options, scope));
        unit.map(|unit| unit.map(|unit| unit.text()).unwrap_or_default())
            .unwrap_or_default()
    }

    #[test]
    fn it_is_not_started_again_when_only_a_person_can_help() {
        for scope in [Scope::System, Scope::User] {
            assert!(text(&[], scope).contains("\nRestartPreventExitStatus=2 3\n"));
        }
    }

    #[test]
    fn only_a_port_below_1024_brings_a_capability() {
        for typed in [
            &["--listen", "0.0.0.0:443"][..],
            &["--http-listen", "127.0.0.1:80"],
        ] {
            let unit = text(typed, Scope::System);
            assert!(unit.contains("\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"));
        }
        let high = text(&["--listen", "0.0.0.0:1024"], Scope::System);
        assert!(high.contains("\nCapabilityBoundingSet=\n"));
        assert!(!text(&["--listen", "0.0.0.0:443"], Scope::User).contains("Capability"));
    }

    #[test]
    fn the_machines_relay_writes_to_its_own_folder_alone_and_the_users_one_is_not_denied_what_it_cannot_be()
     {
        let (system, user) = (text(&[], Scope::System), text(&[], Scope::User));
        assert!(system.contains("\nExecStart=/bin/relay serve --data /var/lib/lanyard-relay\n"));
        assert!(system.contains("\nProtectSystem=strict\n"));
        assert!(user.contains("\nExecStart=/bin/relay serve\n"));
        for setting in HIDDEN.lines().chain(["User=", "StateDirectory="]) {
            assert!(!user.contains(&format!("\n{setting}")), "{setting}");
        }
        for setting in DENIED.lines() {
            assert!(
                system.contains(setting) && user.contains(setting),
                "{setting}"
            );
        }
    }
}
