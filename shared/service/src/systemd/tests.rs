use super::*;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const NAME: &str = "lanyard.service";

/// A manager that writes down what it is asked, and answers with what lies in `answer`.
struct Rig {
    dir: TempDir,
    systemd: Systemd,
}

impl Rig {
    fn new() -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        for folder in ["booted", "bin"] {
            std::fs::create_dir(at(folder))?;
        }
        let script = format!(
            "#!/bin/sh\necho \"$(basename $0) $*\" >> {0}/asked\n[ -e {0}/answer ] && cat {0}/answer\n[ ! -e {0}/no ] || {{ cat {0}/no >&2; exit 1; }}\n",
            dir.path().display()
        );
        for program in ["systemctl", "loginctl", "systemd-sysusers"] {
            let path = at("bin").join(program);
            std::fs::write(&path, &script)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        }
        let systemd = Systemd {
            scope: Scope::User,
            units: at("units"),
            manager: Some(Manager {
                programs: at("bin"),
                booted: at("booted"),
            }),
        };
        Ok(Self { dir, systemd })
    }

    fn put(&self, name: &str, text: &str) -> io::Result<()> {
        std::fs::write(self.dir.path().join(name), text)
    }

    fn asked(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(self.dir.path().join("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    fn install(&self, force: bool) -> Result<PathBuf, ServiceError> {
        self.systemd.install(&unit(), force, Wait::No)
    }
}

fn unit() -> Unit {
    Unit {
        name: NAME,
        body: "[Service]\n".to_owned(),
    }
}

#[test]
fn an_installed_unit_is_read_enabled_and_started_and_goes_the_same_way_back()
-> Result<(), Box<dyn std::error::Error>> {
    let rig = Rig::new()?;
    let path = rig.install(false)?;
    assert_eq!(std::fs::read_to_string(&path)?, unit().text());
    let beside = std::fs::read_dir(path.parent().ok_or("a folder")?)?.count();
    assert_eq!(beside, 1, "nothing is left beside it");
    // Once more is no fault: it is ours.
    rig.install(false)?;
    let asked = [
        "systemctl --user daemon-reload",
        "systemctl --user enable lanyard.service",
        "systemctl --user restart --no-block lanyard.service",
    ];
    assert_eq!(rig.asked(), [asked, asked].concat());
    assert!(rig.systemd.uninstall(NAME, false)?);
    assert!(!path.exists());
    assert_eq!(
        rig.asked()[6..],
        [
            "systemctl --user disable --now lanyard.service",
            "systemctl --user daemon-reload"
        ]
    );
    assert!(
        !rig.systemd.uninstall(NAME, false)?,
        "there is none any more"
    );
    Ok(())
}

#[test]
fn a_unit_that_somebody_else_wrote_is_left_alone_unless_forced()
-> Result<(), Box<dyn std::error::Error>> {
    let rig = Rig::new()?;
    let path = rig.install(false)?;
    std::fs::write(&path, "[Service]\nExecStart=/bin/mine\n")?;
    let before = rig.asked().len();
    assert!(matches!(rig.install(false), Err(ServiceError::Foreign(_))));
    let removed = rig.systemd.uninstall(NAME, false);
    assert!(matches!(removed, Err(ServiceError::Foreign(_))));
    assert_eq!(rig.asked().len(), before, "nothing was asked for");
    assert!(std::fs::read_to_string(&path)?.contains("/bin/mine"));
    rig.install(true)?;
    assert_eq!(std::fs::read_to_string(&path)?, unit().text());
    Ok(())
}

#[test]
fn without_systemd_nothing_is_written_and_a_file_can_still_be_removed()
-> Result<(), Box<dyn std::error::Error>> {
    let rig = Rig::new()?;
    std::fs::remove_dir(rig.dir.path().join("booted"))?;
    assert!(matches!(rig.install(false), Err(ServiceError::NoSystemd)));
    let path = rig.systemd.path(NAME);
    assert!(!path.exists());
    assert!(matches!(
        rig.systemd.status(NAME),
        Err(ServiceError::NoSystemd)
    ));
    write(&path, &unit().text())?;
    assert!(rig.systemd.uninstall(NAME, false)?);
    assert!(rig.asked().is_empty());
    Ok(())
}

#[test]
fn a_manager_that_refuses_is_quoted() -> Result<(), Box<dyn std::error::Error>> {
    let rig = Rig::new()?;
    rig.put("no", "Failed to connect to bus: No medium found\n")?;
    let Err(error) = rig.install(false) else {
        return Err("the manager said no".into());
    };
    assert_eq!(
        error.to_string(),
        "`systemctl --user daemon-reload` failed: Failed to connect to bus: No medium found"
    );
    assert!(error.hint().starts_with("log in as this user"));
    assert!(!rig.systemd.linger());
    Ok(())
}

#[test]
fn what_the_manager_shows_is_read() -> Result<(), Box<dyn std::error::Error>> {
    let rig = Rig::new()?;
    rig.put(
        "answer",
        "UnitFileState=enabled\nActiveState=active\nStateChangeTimestamp=@1700000000\nStatusText=online at a=b\n",
    )?;
    write(&rig.systemd.path(NAME), &unit().text())?;
    let status = rig.systemd.status(NAME)?;
    assert_eq!(
        status.lines(|at| at.to_string())[1..],
        [
            "enabled    yes",
            "state      active, since 1700000000000",
            "says       online at a=b"
        ]
    );
    rig.put(
        "answer",
        "UnitFileState=\nActiveState=inactive\nStateChangeTimestamp=\nStatusText=\n",
    )?;
    std::fs::remove_file(rig.systemd.path(NAME))?;
    let status = rig.systemd.status(NAME)?;
    assert_eq!((status.enabled, status.since), (false, None));
    assert!(status.lines(|at| at.to_string())[0].starts_with("not installed"));
    Ok(())
}

#[test]
fn below_a_root_only_files_are_written() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let systemd = Systemd::below(dir.path(), Scope::System)?;
    let path = systemd.install(&unit(), false, Wait::Ready)?;
    assert_eq!(path, dir.path().join("etc/systemd/system").join(NAME));
    systemd.make_user("lanyard-relay", "", "/")?;
    assert!(systemd.uninstall(NAME, false)?);
    Ok(())
}
