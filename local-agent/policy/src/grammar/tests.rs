use super::*;
use crate::corpus::corpus;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Commands as their words, patterns with their signs; redirections by name.
fn words(line: &str) -> Vec<Vec<String>> {
    let shown = |word: &Word| {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Any => "<*>".to_owned(),
            Piece::One => "<?>".to_owned(),
        };
        word.0.iter().map(piece).collect::<String>()
    };
    let line = parse(line).unwrap();
    let command = |command: &Command| {
        let arguments = command.arguments.iter().map(shown);
        std::iter::once(command.name.clone())
            .chain(arguments)
            .collect()
    };
    line.commands().map(command).collect()
}

fn why(line: &str) -> Option<Why> {
    parse(line).err().map(|unclear| unclear.why)
}

#[test]
fn words_are_what_a_shell_makes_of_them() {
    assert_eq!(words("git log -1"), [["git", "log", "-1"]]);
    assert_eq!(
        words(r#"echo 'a b' "c d" e\ f g'h'"i"j ''"#),
        [["echo", "a b", "c d", "e f", "ghij", ""]]
    );
    assert_eq!(
        words(r#"echo "\"\\\$\`\a" \$ '\$'"#),
        [["echo", r#""\$`\a"#, "$", r"\$"]]
    );
    assert_eq!(
        words("ls *.rs a?b '*' \\? HEAD~2 a#b stash@{0} @{u}.. a=b"),
        [[
            "ls",
            "<*>.rs",
            "a<?>b",
            "*",
            "?",
            "HEAD~2",
            "a#b",
            "stash@{0}",
            "@{u}..",
            "a=b"
        ]]
        .map(|words| words.to_vec())
    );
    assert_eq!(
        words("[ -f a ] && echo b"),
        [vec!["[", "-f", "a", "]"], vec!["echo", "b"]]
    );
}

#[test]
fn commands_are_joined_as_they_stand() {
    let line = parse("a|b && c || d; e;").unwrap();
    assert_eq!(line.first.commands.len(), 2);
    let joins: Vec<_> = line.rest.iter().map(|(join, _)| *join).collect();
    assert_eq!(joins, [Join::And, Join::Or, Join::Then]);
}

#[test]
fn only_redirections_that_write_nothing_are_taken() {
    let redirects = |line: &str| parse(line).unwrap().first.commands.remove(0).redirects;
    use Redirect::{DropErrors, DropOutput, ErrorsToOutput, Input, OutputToErrors};
    assert_eq!(redirects("a 2>/dev/null b"), [DropErrors]);
    assert_eq!(
        redirects("a > /dev/null 2>&1"),
        [DropOutput, ErrorsToOutput]
    );
    assert_eq!(redirects("a &>/dev/null"), [DropOutput, ErrorsToOutput]);
    assert_eq!(redirects("a 1>&2 >&2"), [OutputToErrors, OutputToErrors]);
    assert_eq!(redirects("a < 'b c'"), [Input("b c".to_owned())]);
    assert_eq!(words("echo a2>/dev/null"), [["echo", "a2"]]);
    for line in [
        "a > b",
        "a >> /dev/null",
        "a >| b",
        "a 2>b",
        "a 3>/dev/null",
        "a >&b",
        "a 2>&10",
        "a 2>&1b",
        "a <<b",
        "a <<<b",
        "a <(b)",
        "a >(b)",
        "a <>b",
        "a <&3",
        "a 0<b",
        "a < /dev/tcp/b/1",
        "a > /dev/nullx",
        "a > /dev/null/../x",
        "a > *",
        "a >",
        "a <",
        "a &> b",
        "a 99999999999>/dev/null",
    ] {
        assert_eq!(why(line), Some(Why::Redirection), "{line}");
    }
}

#[test]
fn what_a_shell_would_work_out_further_is_not_clear() {
    use Why::*;
    for (line, expected) in [
        ("", Nothing),
        ("  ", Nothing),
        ("a &&", Nothing),
        ("| a", Nothing),
        ("a ;; b", Nothing),
        ("a || ; b", Nothing),
        ("echo $HOME", Dollar),
        ("echo \"$(id)\"", Dollar),
        ("echo $'a'", Dollar),
        ("echo `id`", Backquote),
        ("ls ~", Tilde),
        ("a b=~/c", Tilde),
        ("ls a:~", Tilde),
        ("ls {a,b}", Braces),
        ("ls {1..3}", Braces),
        ("ls [a-c]", Bracket),
        ("ls a[b]", Bracket),
        ("# a", Comment),
        ("ls # a", Comment),
        ("a & b", Background),
        ("a &", Background),
        ("a |& b", Background),
        ("(a)", Group),
        ("a b)", Group),
        ("f() { a; }", Group),
        ("{ a; }", Reserved),
        ("if a; then b; fi", Reserved),
        ("A=b c", Assignment),
        ("A+=b c", Assignment),
        ("'A'=b c", Assignment),
        ("a=b", Assignment),
        ("a\nb", Control),
        ("a\rb", Control),
        ("a\u{0}b", Control),
        ("a\u{7f}b", Control),
        ("l\u{455} a", Foreign),
        ("a \u{a0}b", Foreign),
        ("'a", Unfinished),
        ("\"a", Unfinished),
        ("\"a\\", Unfinished),
        ("a \\", Unfinished),
        ("* a", Name),
        ("'' a", Name),
        ("?s", Name),
        ("2>/dev/null", Nothing),
    ] {
        assert_eq!(why(line), Some(expected), "{line:?}");
    }
}

#[test]
fn what_is_large_is_not_clear_and_is_not_read_through() {
    assert_eq!(why(&"a".repeat(1 << 20)), Some(Why::TooLong));
    assert_eq!(why(&"a;".repeat(51)), Some(Why::TooMany));
    assert_eq!(why(&"a ".repeat(1026)), Some(Why::TooMany));
    assert!(parse(&"a;".repeat(50)).is_ok());
}

#[test]
fn nearly_all_everyday_lines_are_clear() {
    let entries = corpus("everyday");
    let unclear: Vec<_> = entries
        .iter()
        .filter(|entry| parse(&entry.cmd).is_err())
        .collect();
    let shown: Vec<_> = unclear.iter().map(|entry| &entry.cmd).collect();
    assert!(unclear.len() * 100 <= entries.len(), "{shown:#?}");
}

#[test]
fn no_line_that_writes_by_the_shells_own_language_or_hides_a_character_is_clear() {
    let classes = ["invisible", "redirect"];
    let mut clear: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in corpus("harmful") {
        let hides = entry.cmd.chars().any(|c| !matches!(c, ' '..='~' | '\t'));
        if (hides || classes.contains(&entry.class.as_str())) && parse(&entry.cmd).is_ok() {
            clear.entry(entry.class).or_default().push(entry.cmd);
        }
    }
    assert!(clear.is_empty(), "{clear:#?}");
}

proptest! {
    #[test]
    fn any_line_at_all_is_read_in_bounds(line in "\\PC{0,200}|[ -~\t\n]{0,200}") {
        if let Err(unclear) = parse(&line) {
            prop_assert!(unclear.at <= line.len());
        }
    }

    #[test]
    fn quoting_and_spacing_change_no_word(words in prop::collection::vec("[a-zA-Z0-9_./-]{1,8}", 1..6), seed in any::<u64>()) {
        let plain = words.join(" ");
        let mut bits = seed;
        let mut other = String::new();
        for (number, word) in words.iter().enumerate() {
            bits = bits.rotate_left(7);
            if number > 0 {
                other.push_str(if bits & 8 == 0 { " " } else { " \t  " });
            }
            match bits % 4 {
                0 => other.push_str(&format!("'{word}'")),
                1 => other.push_str(&format!("\"{word}\"")),
                2 => other.push_str(&format!("\\{word}")),
                _ => other.push_str(word),
            }
        }
        let reserved = why(&plain) == Some(Why::Reserved);
        prop_assume!(!reserved);
        prop_assert_eq!(parse(&plain), parse(&other));
    }
}
