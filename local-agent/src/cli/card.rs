//! A request for approval, as a person at the machine sees it: all of it, with every character that hides shown.

use super::output;
use crate::policy;
use lanyard_dial::clock;
use lanyard_shared::access::in_short;
use lanyard_shared::approval::{Asker, Fences, Request};
use lanyard_shared::time::UnixMs;

/// Line by line.
pub fn card(request: &Request, now: UnixMs) -> Vec<String> {
    let card = policy::card::card(request.clone(), &[]);
    let mut lines = vec![
        card.consequence,
        format!("{} wants to run:", asker(&request.asker)),
        String::new(),
    ];
    lines.extend(card.shown.lines().map(|line| format!("    {line}")));
    lines.push(String::new());
    let careful = card.careful.iter();
    lines.extend(careful.map(|why| format!("  careful: {why}")));
    for program in &request.programs {
        lines.push(format!(
            "  {} is {}",
            output::printable(&program.name),
            output::printable(&program.path)
        ));
    }
    lines.push(format!("  in {}", output::printable(&request.folder)));
    lines.push(format!("  {}", kept_to(request)));
    lines.push(format!(
        "  asked because {}",
        output::printable(&request.reason)
    ));
    lines.push(format!(
        "  denied by itself in {}",
        in_short(now.until(request.until))
    ));
    lines
}

/// As [`card`], at the present time.
pub fn show(request: &Request) {
    for line in card(request, clock::now().unix) {
        output::say(&line);
    }
}

/// Who asks.
pub fn asker(asker: &Asker) -> String {
    match asker {
        Asker::Script { pid, name } if name.is_empty() => format!("process {pid} on this machine"),
        Asker::Script { pid, name } => {
            format!(
                "{} (process {pid} on this machine)",
                output::printable(name)
            )
        }
        Asker::Agent { pid, name, session } => format!(
            "{} (session {}, process {pid} on this machine)",
            output::printable(name),
            output::printable(session)
        ),
    }
}

fn kept_to(request: &Request) -> String {
    let workspace = output::printable(&request.workspace);
    match request.fences {
        Fences::Workspace {
            network,
            repository,
        } => {
            let network = if network {
                "with the network"
            } else {
                "without the network"
            };
            let repository = if repository {
                ", and writes its repository"
            } else {
                ""
            };
            format!(
                "in the sandbox: it changes {workspace} and nothing else{repository}, {network}"
            )
        }
        Fences::Outside {} => {
            "OUTSIDE THE SANDBOX: it can do whatever you can on this machine".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::approval::Program;
    use lanyard_shared::ids::ApprovalId;

    #[test]
    fn a_card_shows_all_of_a_request_and_nothing_that_hides() {
        let mut request = Request {
            id: ApprovalId([1; 16]),
            asker: Asker::Script {
                pid: 7,
                name: "make\u{1b}[2J".to_owned(),
            },
            line: "npm test \u{202e}; rm -rf x\nls".to_owned(),
            programs: vec![Program {
                name: "npm".to_owned(),
                path: "/usr/bin/npm".to_owned(),
            }],
            folder: "/work/sub".to_owned(),
            workspace: "/work".to_owned(),
            fences: Fences::Workspace {
                network: false,
                repository: true,
            },
            reason: "no rule speaks of it".to_owned(),
            rules: Vec::new(),
            saved_in: String::new(),
            asked: UnixMs(0),
            until: UnixMs::from_secs(1800),
        };
        let text = card(&request, UnixMs::from_secs(60)).join("\n");
        for part in [
            "process 7",
            "npm test ⟨U+202E⟩; rm -rf x⟨U+000A⟩\n    ls",
            "careful: it holds characters that change the direction",
            "careful: it has more than one line",
            "npm is /usr/bin/npm",
            "in /work/sub",
            "it changes /work and nothing else, and writes its repository, without the network",
            "asked because no rule speaks of it",
            "denied by itself in 29",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        request.fences = Fences::Outside {};
        assert!(
            card(&request, UnixMs(0))
                .join("\n")
                .contains("OUTSIDE THE SANDBOX")
        );
    }
}
