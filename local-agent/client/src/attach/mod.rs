//! `lanyard attach`: a terminal of a machine, in this terminal.

mod choose;
mod escape;
mod exec;
mod interactive;
mod marker;
mod presence;
mod script;
mod tty;

use crate::client::Client;
use crate::failure::Failure;
use crate::keys::{Device, Machine, Store};
use crate::output;
use std::path::PathBuf;

/// Status of an `attach` that could not do what it was asked to.
const FAILED: u8 = 1;

/// What `lanyard attach` was asked to do.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A pairing link: pairs first, and remembers the machine.
    pub link: Option<String>,
    /// The machine's name or id, where several are remembered.
    pub machine: Option<String>,
    /// The terminal's name or id; without it the only one that runs, or a new one where none does.
    pub terminal: Option<String>,
    /// Creates a terminal in any case; under the name in `terminal`, if there is one.
    pub new: bool,
    /// Only watches: never asks for the right to type.
    pub view: bool,
    /// Runs this command under `sh -c` in a terminal of its own and leaves with its status.
    pub exec: Option<String>,
    /// How this device calls itself, at most 64 characters; by default it names the host.
    pub name: Option<String>,
    /// The device file; by default the user's.
    pub device_file: Option<PathBuf>,
}

/// Does it. Returns the status to leave with: that of the terminal's program (128 + n after signal n), 0 after a detach, 1 after an error,
/// which has been printed. Needs a Tokio runtime; afterwards a thread may still wait for a key, so the process should end.
pub async fn run(options: Options) -> u8 {
    match attach(&options).await {
        Ok(status) => status,
        Err(why) => {
            output::error(&why);
            FAILED
        }
    }
}

async fn attach(options: &Options) -> Result<u8, Failure> {
    let interactive = options.exec.is_none();
    check(options, interactive && !tty::is_terminal())?;
    let store = match &options.device_file {
        Some(path) => Store::at(path),
        None => Store::of_user()?,
    };
    let name = options.name.clone().unwrap_or_else(tty::device_name);
    let (device, machine) = match &options.link {
        Some(link) => {
            // A link that is none should not leave a device file behind.
            crate::client::check_link(link)?;
            let (device, _) = store.load_or_create(&name)?;
            let device = options
                .name
                .as_ref()
                .map_or(device.clone(), |name| device.named(name));
            let machine = pair(link, &device).await?;
            store.remember(machine.clone())?;
            (device, machine)
        }
        None => {
            let (device, machines) = store.load()?.ok_or_else(choose::never_paired)?;
            let device = options
                .name
                .as_ref()
                .map_or(device.clone(), |name| device.named(name));
            (
                device,
                choose::machine(machines, options.machine.as_deref())?,
            )
        }
    };
    let client = Client::connect_keeping(&device, &machine, &store).await?;
    let outcome = match &options.exec {
        Some(command) => exec::run(&client, command).await,
        None => interactive::run(&client, options).await,
    };
    client.close().await;
    outcome
}

fn check(options: &Options, no_terminal: bool) -> Result<(), Failure> {
    let both = |one: bool, other: bool| one && other;
    if both(
        options.exec.is_some(),
        options.view || options.terminal.is_some() || options.new,
    ) {
        return Err(Failure::local(
            "`--exec` runs in a terminal of its own",
            "leave `--terminal`, `--new` and `--view` away",
        ));
    }
    if both(options.new, options.view) {
        return Err(Failure::local(
            "a new terminal is there to be typed into",
            "leave `--new` or `--view` away",
        ));
    }
    if no_terminal {
        return Err(Failure::local(
            "standard input and output are not both a terminal",
            "run one command with `lanyard attach --exec COMMAND`",
        ));
    }
    if let Some(command) = &options.exec {
        script::check(command)?;
    }
    Ok(())
}

async fn pair(link: &str, device: &Device) -> Result<Machine, Failure> {
    let pairing = Client::pair(link, device).await?;
    let offer = pairing.offer();
    output::say(&format!(
        "Pairing with {} of {}.",
        offer.machine, offer.user
    ));
    for scope in &offer.scopes {
        output::say(&format!("This device may {}.", scope.words()));
    }
    output::say(&format!("Check words: {}", pairing.words().join(" ")));
    output::say("Waiting for a yes at the machine, which must show the same words…");
    let machine = pairing.wait().await?;
    output::say("Paired.");
    Ok(machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bad_link_leaves_no_device_file_behind() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("device.json");
        let options = Options {
            link: Some("https://relay.example/?relay=evil.example#pair=AAAA".to_owned()),
            exec: Some("true".to_owned()),
            device_file: Some(file.clone()),
            ..Options::default()
        };
        assert!(
            attach(&options)
                .await
                .unwrap_err()
                .sentence()
                .contains("query")
        );
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn without_a_pairing_the_way_to_one_is_shown() {
        let home = tempfile::tempdir().unwrap();
        let options = Options {
            exec: Some("true".to_owned()),
            device_file: Some(home.path().join("device.json")),
            ..Options::default()
        };
        assert!(
            attach(&options)
                .await
                .unwrap_err()
                .hint()
                .contains("lanyard pair")
        );
    }

    #[test]
    fn wishes_that_exclude_each_other_are_refused() {
        let exec = Options {
            exec: Some("true".to_owned()),
            new: true,
            ..Options::default()
        };
        assert!(check(&exec, false).is_err());
        let view = Options {
            view: true,
            new: true,
            ..Options::default()
        };
        assert!(check(&view, false).is_err());
        assert!(
            check(&Options::default(), true)
                .unwrap_err()
                .hint()
                .contains("--exec")
        );
    }
}
