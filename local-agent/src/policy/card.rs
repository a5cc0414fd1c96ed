//! A request for approval as people are shown it, on every screen alike.

use lanyard_policy::consequence::{Deed, deeds};
use lanyard_policy::decide::{Decision, Part as Decided};
use lanyard_policy::prompt::{self, Flag};
use lanyard_shared::approval::{Card, Fences, Part, Request, Risk};

/// Shows all of a request, and what was decided of the parts of its line.
#[must_use]
pub fn card(request: Request, parts: &[Decided]) -> Card {
    let shown = prompt::show(&request.line);
    let deeds: Vec<Deed> = deeds(&request.line).into_iter().collect();
    let hides = shown.flags.iter().any(|flag| hides(*flag));
    Card {
        consequence: consequence(&deeds, request.fences),
        risk: risk(&deeds, request.fences, hides),
        careful: shown.flags.iter().map(|flag| told(*flag)).collect(),
        shown: shown.text,
        parts: parts.iter().map(part).collect(),
        request,
    }
}

fn part(decided: &Decided) -> Part {
    Part {
        shown: prompt::show(&decided.text).text,
        allowed: decided.decision == Decision::Allow,
        reason: prompt::show(&decided.reason).text,
    }
}

fn consequence(deeds: &[Deed], fences: Fences) -> String {
    let mut words: Vec<&str> = deeds.iter().map(|deed| deed.words()).collect();
    if words.is_empty() {
        words.push("RUNS A COMMAND");
    }
    let place = match fences {
        Fences::Outside {} => "OUTSIDE THE SANDBOX",
        Fences::Workspace { network: true, .. } => "in the sandbox, with the network",
        Fences::Workspace {
            repository: true, ..
        } => "in the sandbox and its repository",
        Fences::Workspace { .. } => "in the sandbox",
    };
    format!("{}, {place}", words.join(", "))
}

fn risk(deeds: &[Deed], fences: Fences, hides: bool) -> Risk {
    let within = match fences {
        Fences::Outside {} => Risk::High,
        Fences::Workspace {
            network: false,
            repository: false,
        } => Risk::Low,
        Fences::Workspace { .. } => Risk::Medium,
    };
    let done = deeds.iter().map(|deed| match deed {
        Deed::Escalates => Risk::High,
        Deed::Deletes | Deed::Sends | Deed::Ends | Deed::Installs => Risk::Medium,
    });
    let seen = if hides { Risk::High } else { Risk::Low };
    done.chain([within, seen]).max().unwrap_or(Risk::High)
}

/// Whether a person could take the line for another one.
fn hides(flag: Flag) -> bool {
    match flag {
        Flag::Control | Flag::Bidi | Flag::Invisible | Flag::LookAlike | Flag::Blanks => true,
        Flag::NotAscii | Flag::ManyLines | Flag::Long => false,
    }
}

fn told(flag: Flag) -> String {
    match flag {
        Flag::Control => "it holds control characters",
        Flag::Bidi => "it holds characters that change the direction of text",
        Flag::Invisible => "it holds characters that cannot be seen",
        Flag::NotAscii => "it holds characters beyond ASCII",
        Flag::LookAlike => "it holds letters that look like others",
        Flag::ManyLines => "it has more than one line",
        Flag::Long => "it is long",
        Flag::Blanks => "it holds many blanks in a row",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::approval::Asker;
    use lanyard_shared::ids::ApprovalId;
    use lanyard_shared::time::UnixMs;

    fn of(line: &str, fences: Fences) -> Card {
        let request = Request {
            id: ApprovalId([1; 16]),
            asker: Asker::Script {
                pid: 1,
                name: String::new(),
            },
            line: line.to_owned(),
            programs: Vec::new(),
            folder: "/work".to_owned(),
            workspace: "/work".to_owned(),
            fences,
            reason: String::new(),
            rules: Vec::new(),
            saved_in: String::new(),
            asked: UnixMs(0),
            until: UnixMs(0),
        };
        card(request, &[])
    }

    #[test]
    fn a_card_says_what_may_come_of_it_and_how_bad_that_is() {
        let sandbox = |network, repository| Fences::Workspace {
            network,
            repository,
        };
        let outside = Fences::Outside {};
        for (line, fences, risk, words) in [
            (
                "make",
                sandbox(false, false),
                Risk::Low,
                "RUNS A COMMAND, in the sandbox",
            ),
            (
                "rm x",
                sandbox(false, false),
                Risk::Medium,
                "MAY DELETE FILES, in the sandbox",
            ),
            (
                "make",
                sandbox(true, false),
                Risk::Medium,
                "with the network",
            ),
            ("make", sandbox(false, true), Risk::Medium, "repository"),
            ("make", outside, Risk::High, "OUTSIDE THE SANDBOX"),
            (
                "sudo make",
                sandbox(false, false),
                Risk::High,
                "ANOTHER USER",
            ),
            ("make \u{202e}x", sandbox(false, false), Risk::High, "RUNS"),
        ] {
            let card = of(line, fences);
            assert_eq!(card.risk, risk, "{line}");
            assert!(card.consequence.contains(words), "{}", card.consequence);
        }
        assert_eq!(of("a\u{202e}", outside).shown, "a⟨U+202E⟩");
    }
}
