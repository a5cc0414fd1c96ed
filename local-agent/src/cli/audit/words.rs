//! What a line of the audit log says, for a person.

use super::super::approvals::said;
use super::super::card::asker;
use super::super::permissions::mode_words;
use super::super::{output, show};
use crate::audit::chain::Entry;
use crate::audit::{Event, Who};
use crate::limits::LISTED_ID;
use lanyard_policy::prompt;
use lanyard_shared::access::{Reach, Revocation};
use lanyard_shared::ids::{ApprovalId, DeviceId, TerminalId, TokenId};
use lanyard_shared::msg::{Scope, Wanted};

/// One line for a person.
pub fn sentence(entry: &Entry) -> String {
    format!("{}  {}", show::instant(entry.at), what(&entry.event))
}

fn what(event: &Event) -> String {
    match event {
        Event::Began { version, .. } => {
            format!("the agent began, version {}", output::printable(version))
        }
        Event::Continued { .. } => "the log goes on in another file".to_owned(),
        Event::Rekeyed { .. } => "the log is signed by the machine's new identity".to_owned(),
        Event::Checkpoint { .. } => "the machine vouches for all before this".to_owned(),
        Event::Torn { bytes } => {
            format!("a line had not been written whole, and {bytes} bytes of it were taken away")
        }
        Event::Unwritten { lines } => format!("{lines} lines before this could not be written"),
        Event::Omitted { lines } => {
            format!(
                "{lines} lines about sessions and tokens before this were too many, and were left out"
            )
        }
        Event::Removed { through } => {
            format!(
                "lines up to {} were removed, as their time was over",
                through.count
            )
        }
        Event::Asked { request, .. } => format!(
            "{}  {} asks to run: {}",
            short(request.id),
            asker(&request.asker),
            shown(&request.line)
        ),
        Event::Settled { settled } => format!("{}  {}", short(settled.id), said(settled)),
        Event::Decided {
            asker: by,
            line,
            allowed,
            reason,
            ..
        } => {
            let decided = if *allowed { "allowed" } else { "denied" };
            let (by, line) = (asker(by), shown(line));
            format!("{decided} by rules: {line}, for {by}: {}", shown(reason))
        }
        Event::ModeChosen { mode, by } => {
            format!("{} was chosen by {}", mode_words(*mode), who(by))
        }
        Event::GrantEnded { id, by } => {
            format!("{}  its rules stand no longer, by {}", short(*id), who(by))
        }
        Event::RulesSaved {
            id,
            rules,
            file,
            failed,
        } => match failed {
            None => format!(
                "{}  saved in {}: {}",
                short(*id),
                shown(file),
                shown(&rules.join(", "))
            ),
            Some(why) => format!("{}  could not be saved: {}", short(*id), shown(why)),
        },
        Event::FolderTrusted { folder, .. } => {
            format!("the settings of {} count from now on", shown(folder))
        }
        Event::Paired {
            device,
            name,
            scopes,
            reach,
            until,
        } => {
            let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            let until = until.map(|until| format!(", until {}", show::instant(until)));
            format!(
                "{} was paired, with {}{}{}",
                device_named(*device, name),
                scopes.join(", "),
                bounds(reach),
                until.unwrap_or_default()
            )
        }
        Event::Connected { device, name, from } => {
            let from = if from.is_empty() {
                "nowhere known"
            } else {
                from
            };
            let from = output::printable(from);
            format!("{} connected from {from}", device_named(*device, name))
        }
        Event::Minted {
            device,
            jti,
            wanted,
            expires,
        } => format!(
            "token {} for {}, to device {}, until {}",
            short_token(*jti),
            about(wanted),
            short_device(*device),
            show::instant(*expires)
        ),
        Event::Ended { jti, why } => format!("token {} ended: {}", short_token(*jti), shown(why)),
        Event::Refused {
            device,
            wanted,
            why,
        } => format!(
            "token for {} refused to device {}: {}",
            about(wanted),
            short_device(*device),
            shown(why)
        ),
        Event::Revoked { what, by } => format!("{} ended, by {}", access(what), who(by)),
        Event::ShareEnded { device } => {
            format!("the time of device {} was over", short_device(*device))
        }
        Event::Locked { locked, by } => {
            let done = if *locked { "locked" } else { "unlocked" };
            format!("the machine was {done}, by {}", who(by))
        }
        Event::Suspended { device, name } => format!(
            "a copy of {} was seen; it may only watch",
            device_named(*device, name)
        ),
        Event::Trusted { device } => format!("device {} was trusted again", short_device(*device)),
        Event::Rotated { key, device } => {
            let of = device.map(|device| format!(" of {}", short_device(device)));
            let key = output::printable(key);
            format!(
                "the key `{key}`{} is being replaced",
                of.unwrap_or_default()
            )
        }
        Event::KeysChanged { from, to } => format!(
            "device {} goes on as {}, with new keys",
            short_device(*from),
            short_device(*to)
        ),
        Event::TerminalBegan { terminal, name, by } => format!(
            "terminal {} \"{}\" was started by {}",
            short_terminal(*terminal),
            output::printable(name),
            who(by)
        ),
        Event::TerminalEnded { terminal, by } => {
            let by = by.as_ref().map(|by| format!(", by {}", who(by)));
            format!(
                "terminal {} ended{}",
                short_terminal(*terminal),
                by.unwrap_or_default()
            )
        }
        Event::HistoryRemoved { terminal, by } => format!(
            "what was kept of terminal {} was removed by {}",
            short_terminal(*terminal),
            who(by)
        ),
        Event::Disputed { device, name, seen } => format!(
            "{} has seen {} other lines here than these",
            device_named(*device, name),
            seen.count
        ),
    }
}

fn who(who: &Who) -> String {
    match who {
        Who::Machine {} => "somebody at the machine".to_owned(),
        Who::Device { device, name } => device_named(*device, name),
    }
}

fn device_named(device: DeviceId, name: &str) -> String {
    format!("\"{}\" ({})", output::printable(name), short_device(device))
}

fn access(what: &Revocation) -> String {
    match what {
        Revocation::Token { jti } => format!("token {} was", short_token(*jti)),
        Revocation::Purpose { purpose, device } => {
            let whose = device.map_or("all devices".to_owned(), short_device);
            format!("the purpose `{}` of {whose} was", purpose.name())
        }
        Revocation::Device { device } => format!("device {} was", short_device(*device)),
        Revocation::Everything {} => "all access was".to_owned(),
    }
}

fn about(wanted: &Wanted) -> String {
    let purpose: Scope = wanted.scope();
    let about = match wanted {
        Wanted::View { terminal } | Wanted::Terminal { terminal } => short_terminal(*terminal),
        Wanted::FilesRead { root }
        | Wanted::Run { root }
        | Wanted::FilesWrite { root }
        | Wanted::Prompt { root } => shown(root),
        Wanted::Approve { request } => short(*request),
        Wanted::Devices {} => return purpose.name().to_owned(),
    };
    format!("{} {about}", purpose.name())
}

fn bounds(reach: &Reach) -> String {
    let root = reach
        .root
        .as_deref()
        .map(|root| format!(" below {}", shown(root)));
    let terminal = reach
        .terminal
        .map(|id| format!(" for terminal {}", short_terminal(id)));
    root.or(terminal).unwrap_or_default()
}

/// On one line, with nothing that hides.
fn shown(text: &str) -> String {
    prompt::show(text).text.replace('\n', " ")
}

fn short_device(id: DeviceId) -> String {
    shortened(&id.to_string())
}

fn short_token(id: TokenId) -> String {
    shortened(&id.to_string())
}

fn short_terminal(id: TerminalId) -> String {
    shortened(&id.to_string())
}

fn shortened(id: &str) -> String {
    id.chars().take(LISTED_ID).collect()
}

fn short(id: ApprovalId) -> String {
    shortened(&id.to_string())
}
