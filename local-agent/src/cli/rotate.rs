//! `lanyard rotate` and `trust`: new keys for old ones, and which of two copies is meant.

use super::end::device;
use super::talk::{ask, connect, lost, status_of, unexpected};
use super::{Failure, output, show};
use crate::core::keys::Urgency;
use crate::core::rotation::{Rotated, Rotation};
use crate::daemon::owner::{Notice, OwnerConn, Request, Status};
use crate::limits::ROTATE_WAIT;
use crate::state::StateDir;
use clap::ValueEnum;
use std::process::ExitCode;

/// Flags of `lanyard rotate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// Which keys
    #[arg(value_name = "KEYS")]
    what: What,
    /// With `device`: this one only; its id, the beginning of its id, or its name
    #[arg(value_name = "DEVICE", allow_hyphen_values = true)]
    who: Option<String>,
    /// End the old keys at once; who is away may have to pair again
    #[arg(long)]
    now: bool,
    /// The old keys may be in other hands: end them at once, and all that hangs on them
    #[arg(long)]
    compromised: bool,
    /// Do not wait for the relay or a device to take the new keys
    #[arg(long)]
    no_wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What can be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The key that signs tokens; in memory only
    Signer,
    /// The key this machine proves itself with to its relay
    Identity,
    /// The key that opens sessions, which devices know
    Noise,
    /// The keys of a device, or of all
    Device,
    /// All of these
    All,
}

/// Flags of `lanyard trust`.
#[derive(Debug, clap::Args)]
pub struct TrustArgs {
    /// A suspended device: its id, the beginning of its id, or its name
    #[arg(value_name = "DEVICE", allow_hyphen_values = true)]
    who: String,
}

pub async fn rotate(state: StateDir, args: RotateArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    let status = status_of(&mut owner).await?;
    let rotation = meant(&status, &args)?;
    let urgency = match (args.compromised, args.now) {
        (true, _) => Urgency::Compromised,
        (false, true) => Urgency::Now,
        (false, false) => Urgency::Overlap,
    };
    let Notice::Rotated { mut rotated } =
        ask(&mut owner, Request::Rotate { rotation, urgency }).await?
    else {
        return Err(unexpected());
    };
    if !args.json {
        for one in &rotated {
            output::say(&sentence(&status, one));
        }
    }
    if !args.no_wait {
        wait(&mut owner, &status, &mut rotated, args.json).await?;
    }
    if args.json {
        output::json(&rotated);
    }
    Ok(ExitCode::SUCCESS)
}

fn meant(status: &Status, args: &RotateArgs) -> Result<Rotation, Failure> {
    if args.who.is_some() && args.what != What::Device {
        return Err(Failure {
            sentence: "only the keys of a device belong to a device".to_owned(),
            hint: "`lanyard rotate device NAME` changes the keys of one".to_owned(),
        });
    }
    Ok(match args.what {
        What::Signer => Rotation::Signer {},
        What::Identity => Rotation::Identity {},
        What::Noise => Rotation::Noise {},
        What::Device => Rotation::Device {
            device: args
                .who
                .as_deref()
                .map(|wanted| device(status, wanted))
                .transpose()?,
        },
        What::All => Rotation::All {},
    })
}

/// Waits until nobody needs to be waited for, or for so long that somebody must be away. What is under way goes on by itself.
async fn wait(
    owner: &mut OwnerConn,
    status: &Status,
    rotated: &mut [Rotated],
    json: bool,
) -> Result<(), Failure> {
    let waiting = |rotated: &[Rotated]| rotated.iter().any(|one| !one.waits.is_empty());
    let until = tokio::time::Instant::now() + ROTATE_WAIT;
    while waiting(rotated) {
        let Ok(notice) = tokio::time::timeout_at(until, owner.next()).await else {
            if !json {
                output::say("that goes on by itself; `lanyard tokens` shows how far it is");
            }
            return Ok(());
        };
        let Some(notice) = notice.map_err(lost)? else {
            return Ok(());
        };
        let Notice::RotationDone { rotated: done } = notice else {
            continue;
        };
        let same = |one: &&mut Rotated| one.key == done.key && one.device == done.device;
        if let Some(one) = rotated.iter_mut().find(same) {
            if !json {
                output::say(&sentence(status, &done));
            }
            *one = done;
        }
    }
    Ok(())
}

/// What was begun or is done, and when the old key stops working.
fn sentence(status: &Status, rotated: &Rotated) -> String {
    let what = match (rotated.key.as_str(), rotated.device) {
        ("device", Some(device)) => format!("keys of {}", show::name_of(status, device)),
        (key, _) => key.to_owned(),
    };
    let ends = match (rotated.ends, rotated.waits.as_str()) {
        (Some(ends), "device") => format!(
            "the old ones do nothing since {} but change themselves, when the device is there",
            show::instant(ends)
        ),
        (Some(ends), _) if ends <= status.time => {
            format!("the old one stopped working at {}", show::instant(ends))
        }
        (Some(ends), _) => format!("the old one stops working at {}", show::instant(ends)),
        (None, "relay") => "the old one stops working when the relay has the new one".to_owned(),
        (None, _) => "the old ones stop working when the device has new ones".to_owned(),
    };
    let lost = match rotated.pair_again {
        0 => String::new(),
        1 => "; 1 device must pair again".to_owned(),
        more => format!("; {more} devices must pair again"),
    };
    format!("{what}: {ends}{lost}")
}

pub async fn trust(state: StateDir, args: TrustArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    let status = status_of(&mut owner).await?;
    let device = device(&status, &args.who)?;
    ask(&mut owner, Request::Trust { device }).await?;
    output::say("trusted: the first of the copies that comes back is taken for it");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser as _;

    #[test]
    fn keys_are_named_and_a_device_only_with_device() {
        let reads = |line: &str| {
            let words = ["lanyard", "rotate"].into_iter().chain(line.split(' '));
            Cli::try_parse_from(words).is_ok()
        };
        for right in [
            "signer",
            "identity --now",
            "device",
            "device -abc --now",
            "all --compromised --json",
        ] {
            assert!(reads(right), "{right}");
        }
        for wrong in ["", "keys", "--now"] {
            assert!(!reads(wrong), "{wrong}");
        }
    }
}
