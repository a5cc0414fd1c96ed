//! What a link may grant, as it is typed and as it is said.

use super::output;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use lanyard_shared::access::Reach;
use lanyard_shared::msg::Scope;

/// A purpose, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant(pub Scope);

impl ValueEnum for Grant {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Scope::View),
            Self(Scope::FilesRead),
            Self(Scope::Terminal),
            Self(Scope::Run),
            Self(Scope::FilesWrite),
            Self(Scope::Prompt),
            Self(Scope::Approve),
            Self(Scope::Devices),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(help(self.0)))
    }
}

const fn help(scope: Scope) -> &'static str {
    match scope {
        Scope::View => "Watch terminals",
        Scope::FilesRead => "Read files; opens nothing yet in this version",
        Scope::Terminal => {
            "Open terminals and type into them: the full power of your user. Includes `view`"
        }
        Scope::Run => {
            "Start commands: the full power of your user; opens nothing yet in this version"
        }
        Scope::FilesWrite => {
            "Change files: the full power of your user; opens nothing yet in this version"
        }
        Scope::Prompt => {
            "Speak to coding agents: the full power of your user; opens nothing yet in this version"
        }
        Scope::Approve => "Answer requests for approval; opens nothing yet in this version",
        Scope::Devices => "See and end who has access",
    }
}

/// Whether anything stands behind a purpose in this version.
const fn opens_something(scope: Scope) -> bool {
    match scope {
        Scope::View | Scope::Terminal | Scope::Devices => true,
        Scope::FilesRead | Scope::Run | Scope::FilesWrite | Scope::Prompt | Scope::Approve => false,
    }
}

/// The scopes of a list of grants, each once. Who types must see what it types into, so watching is part of typing.
pub fn scopes(grants: &[Grant]) -> Vec<Scope> {
    let asked = |scope: Scope| grants.contains(&Grant(scope));
    let wanted = |scope: &Scope| asked(*scope) || (*scope == Scope::View && asked(Scope::Terminal));
    Scope::ALL.iter().copied().filter(wanted).collect()
}

/// What scopes mean, one line each, and what a person should know before giving them away.
pub fn meaning(scopes: &[Scope]) -> Vec<String> {
    let mut lines: Vec<_> = scopes
        .iter()
        .map(|scope| {
            let yet = if opens_something(*scope) {
                ""
            } else {
                " (opens nothing yet in this version)"
            };
            format!("{}: {}{yet}", scope.name(), scope.words())
        })
        .collect();
    let full: Vec<_> = scopes
        .iter()
        .filter(|scope| scope.is_full_power())
        .map(|scope| scope.name())
        .collect();
    if !full.is_empty() {
        lines.push(format!(
            "Whoever holds {} can do everything that you can on this machine.",
            full.join(" or ")
        ));
    }
    lines
}

/// What a reach bounds, in words; nothing when it bounds nothing.
pub fn bounds(reach: &Reach, terminal: impl Fn() -> Option<String>) -> Option<String> {
    let below = reach
        .root
        .as_ref()
        .map(|root| format!("below {}", output::printable(root)));
    let only = reach.terminal.map(|id| {
        let name = terminal().map(|name| output::printable(&name));
        format!("in terminal {}", name.unwrap_or_else(|| id.to_string()))
    });
    let all: Vec<_> = only.into_iter().chain(below).collect();
    (!all.is_empty()).then(|| format!("only {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_can_be_typed() {
        let typed: Vec<_> = Grant::value_variants()
            .iter()
            .map(|grant| grant.0)
            .collect();
        assert_eq!(typed, Scope::ALL);
    }

    #[test]
    fn typing_includes_watching_and_nothing_else_includes_anything() {
        let of = |scope| scopes(&[Grant(scope)]);
        assert_eq!(of(Scope::Terminal), [Scope::View, Scope::Terminal]);
        for scope in Scope::ALL.iter().filter(|scope| **scope != Scope::Terminal) {
            assert_eq!(of(*scope), [*scope]);
        }
    }

    #[test]
    fn what_is_full_power_is_said_and_what_is_not_there_yet_too() {
        let said = meaning(&[Scope::View, Scope::Terminal, Scope::Run]).join("\n");
        assert!(
            said.contains("holds terminal or run can do everything"),
            "{said}"
        );
        assert!(
            said.contains("run: start commands: the full power of the user (opens nothing yet"),
            "{said}"
        );
        assert_eq!(meaning(&[Scope::View]), ["view: watch terminals"]);
        for scope in Scope::ALL {
            assert_eq!(
                help(*scope).contains("nothing yet"),
                !opens_something(*scope)
            );
            assert_eq!(help(*scope).contains("full power"), scope.is_full_power());
        }
    }
}
