//! Which machine and which terminal is meant.

use crate::failure::{Failure, clean};
use crate::keys::Machine;
use lanyard_shared::msg::Terminal;

/// Which terminal to attach to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Attach(Terminal),
    Create(String),
}

pub(super) fn never_paired() -> Failure {
    Failure::local(
        "this device is not paired with a machine",
        "run `lanyard pair` on the machine, then `lanyard attach 'LINK'` here",
    )
}

/// The remembered machine that is meant.
pub(super) fn machine(machines: Vec<Machine>, wanted: Option<&str>) -> Result<Machine, Failure> {
    let names = machines.iter().map(shown).collect::<Vec<_>>().join(", ");
    let is_meant = |machine: &Machine| {
        wanted.is_none_or(|wanted| machine.name == wanted || machine.agent.to_string() == wanted)
    };
    let mut meant: Vec<_> = machines.into_iter().filter(is_meant).collect();
    match (meant.pop(), meant.is_empty(), wanted) {
        (Some(machine), true, _) => Ok(machine),
        (Some(_), false, Some(wanted)) => Err(Failure::local(
            format!("several machines are called {}: {names}", clean(wanted)),
            "name one by its id with `--machine ID`",
        )),
        (Some(_), false, None) => Err(Failure::local(
            format!("several machines are known: {names}"),
            "choose one with `--machine NAME`",
        )),
        (None, _, Some(wanted)) if !names.is_empty() => Err(Failure::local(
            format!("no machine called {} is known", clean(wanted)),
            format!("known: {names}"),
        )),
        (None, _, _) => Err(never_paired()),
    }
}

fn shown(machine: &Machine) -> String {
    format!("{} ({})", clean(&machine.name), machine.agent)
}

/// The terminal that is meant, by name or id.
pub(super) fn terminal(
    terminals: &[Terminal],
    wanted: Option<&str>,
    new: bool,
    view: bool,
) -> Result<Choice, Failure> {
    if new {
        return Ok(Choice::Create(wanted.unwrap_or_default().to_owned()));
    }
    let Some(wanted) = wanted else {
        return the_running(terminals, view);
    };
    let is_meant =
        |terminal: &&Terminal| terminal.name == wanted || terminal.id.to_string() == wanted;
    let (running, ended): (Vec<_>, Vec<_>) = terminals
        .iter()
        .filter(is_meant)
        .partition(|terminal| terminal.exit.is_none());
    // A name lives on in the terminal that runs; one that has ended is only in its way.
    let named = if running.is_empty() { ended } else { running };
    let mut named = named.into_iter();
    match (named.next(), named.next()) {
        (Some(terminal), None) => Ok(Choice::Attach(terminal.clone())),
        (Some(_), Some(_)) => Err(Failure::local(
            format!("several terminals are called {}", clean(wanted)),
            format!(
                "name one by its id with `--terminal ID`: {}",
                list(terminals)
            ),
        )),
        (None, _) if terminals.is_empty() => Err(Failure::local(
            format!("there is no terminal called {}", clean(wanted)),
            "add `--new` to create it",
        )),
        (None, _) => Err(Failure::local(
            format!("there is no terminal called {}", clean(wanted)),
            format!("there are: {}; `--new` creates another", list(terminals)),
        )),
    }
}

fn the_running(terminals: &[Terminal], view: bool) -> Result<Choice, Failure> {
    let running: Vec<_> = terminals
        .iter()
        .filter(|terminal| terminal.exit.is_none())
        .cloned()
        .collect();
    match &running[..] {
        [] if view => Err(Failure::local(
            "no terminal runs there",
            "leave `--view` away to open one",
        )),
        [] => Ok(Choice::Create(String::new())),
        [terminal] => Ok(Choice::Attach(terminal.clone())),
        several => Err(Failure::local(
            format!("several terminals run: {}", list(several)),
            "choose one with `--terminal NAME`, or open another with `--new`",
        )),
    }
}

fn list(terminals: &[Terminal]) -> String {
    let shown: Vec<_> = terminals
        .iter()
        .map(|terminal| format!("{} ({})", clean(&terminal.name), terminal.id))
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::ids::TerminalId;
    use lanyard_shared::msg::{Exit, Grid};
    use lanyard_shared::time::UnixMs;

    fn terminal_named(name: &str, id: u8, exit: Option<Exit>) -> Terminal {
        Terminal {
            id: TerminalId([id; 16]),
            name: name.to_owned(),
            title: String::new(),
            cwd: "/".to_owned(),
            started: UnixMs(0),
            grid: Grid { cols: 80, rows: 24 },
            exit,
            driver: None,
        }
    }

    #[test]
    fn the_only_running_terminal_is_meant_and_where_none_runs_a_new_one() {
        let dead = terminal_named("old", 1, Some(Exit::Status { code: 0 }));
        let alive = terminal_named("main", 2, None);
        let choice = terminal(&[dead.clone(), alive.clone()], None, false, false);
        assert_eq!(choice, Ok(Choice::Attach(alive.clone())));
        assert_eq!(
            terminal(&[dead], None, false, false),
            Ok(Choice::Create(String::new()))
        );
        assert!(terminal(&[], None, false, true).is_err());
        assert_eq!(
            terminal(&[alive], None, true, false),
            Ok(Choice::Create(String::new()))
        );
    }

    #[test]
    fn of_several_one_must_be_named_and_the_names_are_shown() {
        let both = [terminal_named("a", 1, None), terminal_named("b", 2, None)];
        assert!(
            terminal(&both, None, false, false)
                .unwrap_err()
                .sentence()
                .contains("a (")
        );
        assert_eq!(
            terminal(&both, Some("b"), false, false),
            Ok(Choice::Attach(both[1].clone()))
        );
        let id = both[0].id.to_string();
        assert_eq!(
            terminal(&both, Some(&id), false, false),
            Ok(Choice::Attach(both[0].clone()))
        );
        assert!(
            terminal(&both, Some("c"), false, false)
                .unwrap_err()
                .hint()
                .contains("b (")
        );
        assert_eq!(
            terminal(&both, Some("c"), true, false),
            Ok(Choice::Create("c".to_owned()))
        );
    }

    #[test]
    fn of_two_with_one_name_the_one_that_runs_is_meant() {
        let dead = terminal_named("a", 1, Some(Exit::Status { code: 0 }));
        let alive = terminal_named("a", 2, None);
        let choice = terminal(&[dead.clone(), alive.clone()], Some("a"), false, false);
        assert_eq!(choice, Ok(Choice::Attach(alive)));
        assert_eq!(
            terminal(std::slice::from_ref(&dead), Some("a"), false, false),
            Ok(Choice::Attach(dead))
        );
    }

    #[test]
    fn a_terminals_name_cannot_drive_the_terminal_that_lists_it() {
        let odd = [
            terminal_named("\x1b[2J", 1, None),
            terminal_named("b", 2, None),
        ];
        assert!(
            !terminal(&odd, None, false, false)
                .unwrap_err()
                .sentence()
                .contains('\x1b')
        );
    }
}
