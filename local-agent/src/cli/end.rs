//! `lanyard revoke`, `lock` and `unlock`: ending access.

use super::grant::Grant;
use super::pick::{Choice, pick};
use super::really::really;
use super::talk::{ask, connect, status_of, unexpected};
use super::{Failure, output, show};
use crate::daemon::owner::{Notice, Request, Status};
use crate::state::StateDir;
use lanyard_shared::access::Revocation;
use lanyard_shared::ids::{DeviceId, TokenId};
use std::process::ExitCode;

/// Flags of `lanyard revoke`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct RevokeArgs {
    /// A device, for good: its id, the beginning of its id, or its name
    #[arg(group = "what", value_name = "DEVICE", allow_hyphen_values = true)]
    who: Option<String>,
    /// One token and its stream; its device may ask for another
    #[arg(long, group = "what", value_name = "ID", allow_hyphen_values = true)]
    token: Option<String>,
    /// One purpose, for good: it is no longer granted to any device
    #[arg(long, group = "what", value_name = "PURPOSE")]
    purpose: Option<Grant>,
    /// With --purpose: of this device only
    #[arg(
        long,
        value_name = "DEVICE",
        requires = "purpose",
        allow_hyphen_values = true
    )]
    device: Option<String>,
    /// Every device, and every link by which one could come in
    #[arg(long, group = "what")]
    all: bool,
    /// With --all: do not ask
    #[arg(long, conflicts_with_all = ["who", "token", "purpose"])]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `lanyard lock` and `unlock`.
#[derive(Debug, clap::Args)]
pub struct LockArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn revoke(state: StateDir, args: RevokeArgs) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    let status = status_of(&mut owner).await?;
    let (revocation, after) = meant(&status, &args)?;
    if args.all && !args.yes && !all_may_end(status.devices.len())? {
        return Ok(ExitCode::FAILURE);
    }
    let Notice::Ended { tokens } = ask(&mut owner, Request::Revoke { revocation }).await? else {
        return Err(unexpected());
    };
    if args.json {
        output::json(&serde_json::json!({"ended": tokens}));
    } else {
        let tokens = if tokens == 1 {
            "1 token".to_owned()
        } else {
            format!("{tokens} tokens")
        };
        output::say(&format!("ended {tokens}; {after}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to end, and what it means.
fn meant(status: &Status, args: &RevokeArgs) -> Result<(Revocation, String), Failure> {
    if let Some(wanted) = &args.who {
        let device = device(status, wanted)?;
        let after = format!(
            "{} must pair again to come back",
            show::name_of(status, device)
        );
        return Ok((Revocation::Device { device }, after));
    }
    if let Some(wanted) = &args.token {
        let jti = token(status, wanted)?;
        let after = "its device may ask for another when somebody uses it".to_owned();
        return Ok((Revocation::Token { jti }, after));
    }
    if let Some(Grant(purpose)) = args.purpose {
        let device = args
            .device
            .as_deref()
            .map(|wanted| device(status, wanted))
            .transpose()?;
        let whose = device.map_or_else(|| "any device".to_owned(), |id| show::name_of(status, id));
        let after = format!("{} is no longer granted to {whose}", purpose.name());
        return Ok((Revocation::Purpose { purpose, device }, after));
    }
    let after = "every device must pair again to come back".to_owned();
    Ok((Revocation::Everything {}, after))
}

pub fn device(status: &Status, wanted: &str) -> Result<DeviceId, Failure> {
    let choices = status.devices.iter().map(|device| Choice {
        id: device.id.to_string(),
        name: &device.name,
        what: device.id,
    });
    pick(choices.collect(), wanted, "device", "lanyard devices")
}

fn token(status: &Status, wanted: &str) -> Result<TokenId, Failure> {
    let choices = status.tokens.iter().map(|token| Choice {
        id: token.jti.to_string(),
        name: "",
        what: token.jti,
    });
    pick(choices.collect(), wanted, "token", "lanyard tokens")
}

fn all_may_end(devices: usize) -> Result<bool, Failure> {
    let plural = if devices == 1 { "" } else { "s" };
    really(
        &format!("End {devices} device{plural} and every open link, really?"),
        "nothing was ended",
        || Failure {
            sentence: "this ends every device, and there is nobody to ask".to_owned(),
            hint: "add `--yes` to end them without asking".to_owned(),
        },
    )
}

pub async fn lock(state: StateDir, args: LockArgs, locked: bool) -> Result<ExitCode, Failure> {
    let mut owner = connect(&state).await?;
    ask(&mut owner, Request::Lock { locked }).await?;
    if args.json {
        output::json(&serde_json::json!({"locked": locked}));
    } else if locked {
        output::say(
            "locked: all remote access has ended, and nothing gets in until `lanyard unlock`",
        );
    } else {
        output::say("unlocked: paired devices may come back");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser as _;

    #[test]
    fn an_id_may_begin_with_a_hyphen_and_flags_stay_flags() {
        let reads = |line: &str| {
            let words = ["lanyard", "revoke"].into_iter().chain(line.split(' '));
            Cli::try_parse_from(words).map(|cli| format!("{:?}", cli.command))
        };
        let said = |line| reads(line).unwrap_or_default();
        assert!(said("-abc --json").contains("who: Some(\"-abc\")"));
        assert!(said("-abc --json").contains("json: true"));
        assert!(said("--json -abc").contains("who: Some(\"-abc\")"));
        assert!(said("--token -abc").contains("token: Some(\"-abc\")"));
        assert!(said("--purpose view --device -abc").contains("device: Some(\"-abc\")"));
        for wrong in [
            "--json",
            "abc --all",
            "--all --token x",
            "--device abc",
            "abc --yes",
            "--purpose nothing",
        ] {
            assert!(reads(wrong).is_err(), "{wrong}");
        }
    }
}
