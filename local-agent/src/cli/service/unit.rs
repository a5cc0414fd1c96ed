//! The agent's unit.

use lanyard_service::unit::{Unfit, Unit, command, fit, folder};
use std::path::Path;

/// What the unit is called.
pub const NAME: &str = "lanyard.service";

/// Runs `exe up` on the state, with new terminals in `cwd`, and the history kept for so long if another time than usual is wanted.
pub fn unit(exe: &Path, state: &Path, cwd: &Path, kept: &[(&str, &str)]) -> Result<Unit, Unfit> {
    let up = ["--state", fit(state)?, "up", "--no-pair"];
    let kept = kept.iter().flat_map(|(flag, time)| [*flag, *time]);
    let start = command(exe, up.into_iter().chain(kept))?;
    let cwd = folder(cwd)?;
    let body = format!(
        "[Unit]
Description=Lanyard agent
Documentation=https://github.com/lanyard-dev/lanyard/blob/main/docs/OPERATING.md
# What is missing at the start, a network or a disk, may come at any time: it is tried for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
# No pairing link: whoever reads the journal could use it. `lanyard pair` prints one.
ExecStart={start}
WorkingDirectory={cwd}
# It is up when its relay has accepted it, and a relay may be away for days.
TimeoutStartSec=infinity
TimeoutStopSec=15
WatchdogSec=60
Restart=on-failure
RestartSec=10
# Neither options that are wrong nor keys that are damaged become right by themselves.
RestartPreventExitStatus=2 3

# The shells of terminals run below this service and outlive it: a restart finds them again, so only the agent itself is stopped.
KillMode=process
# A compiler in a terminal that takes all memory is killed alone.
OOMPolicy=continue
TasksMax=infinity

# Nothing here hides files, forbids privileges or limits resources: it would hold for the shells too, which are to be those of a login. The
# agent sees to its own memory: it leaves no core file, and other programs of its user cannot look into it.

[Install]
WantedBy=default.target
"
    );
    Ok(Unit { name: NAME, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would hold for the shells as well.
    const LIMITS: &[&str] = &[
        "NoNewPrivileges",
        "Protect",
        "Private",
        "Restrict",
        "SystemCall",
        "Capability",
        "Limit",
        "UMask",
        "MemoryDeny",
        "LockPersonality",
        "ReadOnly",
        "Inaccessible",
    ];

    #[test]
    fn shells_below_the_service_outlive_it_and_are_not_limited_by_it() -> Result<(), Unfit> {
        let unit = unit(
            Path::new("/bin/lanyard"),
            Path::new("/s"),
            Path::new("/w"),
            &[],
        )?;
        let settings: Vec<&str> = unit
            .body
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert!(settings.contains(&"KillMode=process"));
        for setting in settings {
            let allowed = ["RestartSec=", "RestartPreventExitStatus=", "StartLimit"];
            let limits = LIMITS.iter().any(|limit| setting.starts_with(limit));
            assert!(
                !limits || allowed.iter().any(|name| setting.starts_with(name)),
                "{setting}"
            );
        }
        Ok(())
    }

    #[test]
    fn it_is_not_started_again_when_only_a_person_can_help() -> Result<(), Unfit> {
        let unit = unit(
            Path::new("/bin/lanyard"),
            Path::new("/s"),
            Path::new("/w"),
            &[],
        )?;
        assert!(unit.body.contains("\nRestartPreventExitStatus=2 3\n"));
        Ok(())
    }

    #[test]
    fn the_agent_starts_with_its_state_and_prints_no_link() -> Result<(), Unfit> {
        let unit = unit(
            Path::new("/opt/my tools/lanyard"),
            Path::new("/home/ada/100%"),
            Path::new("/home/ada/my src"),
            &[("--keep-history", "7d")],
        )?;
        let start = r#"ExecStart="/opt/my tools/lanyard" --state /home/ada/100%% up --no-pair --keep-history 7d"#;
        assert!(unit.body.contains(&format!("\n{start}\n")), "{}", unit.body);
        assert!(unit.body.contains("\nWorkingDirectory=/home/ada/my src\n"));
        Ok(())
    }
}
