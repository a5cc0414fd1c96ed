//! The one thing a person means: by its id, by the beginning of its id, or by its name.

use super::{Failure, output};

/// What can be meant.
pub struct Choice<'a, T> {
    /// Its id as text.
    pub id: String,
    /// Its name; may be empty.
    pub name: &'a str,
    /// Itself.
    pub what: T,
}

/// How a thing can be meant.
#[derive(Clone, Copy)]
enum Way {
    Id,
    Name,
    Beginning,
}

impl Way {
    fn fits<T>(self, choice: &Choice<'_, T>, wanted: &str) -> bool {
        match self {
            Self::Id => choice.id == wanted,
            Self::Name => choice.name == wanted,
            Self::Beginning => choice.id.starts_with(wanted),
        }
    }
}

/// Finds the one among `choices`. `kind` names what is looked for, `list` the command that shows them.
///
/// # Errors
/// There is none, or more than one.
pub fn pick<T>(
    choices: Vec<Choice<'_, T>>,
    wanted: &str,
    kind: &str,
    list: &str,
) -> Result<T, Failure> {
    // A name could look like an id; the whole id decides, then a name, then the beginning of an id.
    let way = [Way::Id, Way::Name, Way::Beginning]
        .into_iter()
        .find(|way| choices.iter().any(|choice| way.fits(choice, wanted)));
    let (Some(way), false) = (way, wanted.is_empty()) else {
        return Err(Failure {
            sentence: format!("there is no {kind} \"{}\"", output::printable(wanted)),
            hint: format!("`{list}` lists them"),
        });
    };
    let mut meant: Vec<_> = choices
        .into_iter()
        .filter(|choice| way.fits(choice, wanted))
        .collect();
    match (meant.pop(), meant.len()) {
        (Some(one), 0) => Ok(one.what),
        (last, _) => {
            let ids: Vec<_> = meant
                .iter()
                .chain(&last)
                .map(|choice| choice.id.as_str())
                .collect();
            Err(Failure {
                sentence: format!(
                    "\"{}\" may be {} of them",
                    output::printable(wanted),
                    ids.len()
                ),
                hint: format!("give more of its id: {}", ids.join(", ")),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &str) -> Result<u32, String> {
        let choice = |id: &str, name, what| Choice {
            id: id.to_owned(),
            name,
            what,
        };
        let choices = vec![
            choice("abcd", "Pixel", 1),
            choice("abef", "laptop", 2),
            choice("xyz0", "laptop", 3),
            choice("qrst", "abcd", 4),
        ];
        pick(choices, wanted, "device", "lanyard devices").map_err(|failure| failure.hint)
    }

    #[test]
    fn a_thing_is_meant_by_its_id_its_beginning_or_its_name() {
        assert_eq!(found("abcd"), Ok(1), "the whole id before the same name");
        assert_eq!(found("abe"), Ok(2));
        assert_eq!(found("x"), Ok(3));
        assert_eq!(found("Pixel"), Ok(1));
    }

    #[test]
    fn what_is_not_there_and_what_may_be_two_is_refused() {
        assert_eq!(
            found("nobody"),
            Err("`lanyard devices` lists them".to_owned())
        );
        assert_eq!(found(""), Err("`lanyard devices` lists them".to_owned()));
        assert_eq!(
            found("ab"),
            Err("give more of its id: abcd, abef".to_owned())
        );
        assert_eq!(
            found("laptop"),
            Err("give more of its id: abef, xyz0".to_owned())
        );
    }
}
