use super::*;
use crate::corpus::{Links, corpus};
use crate::grammar::{self, Join, Line, Piece, Redirect, Word};
use crate::settings::{Level, Scopes, Settings};
use proptest::prelude::*;
use std::path::Path;

fn scopes(allow: &[&str], ask: &[&str], deny: &[&str]) -> Scopes {
    let text = format!("[permissions]\nallow = {allow:?}\nask = {ask:?}\ndeny = {deny:?}\n");
    Scopes::merge(
        vec![Settings::read(Level::User, "settings.toml", &text).unwrap()],
        true,
    )
}

fn no_rules() -> Scopes {
    Scopes::merge(Vec::new(), true)
}

fn policy(scopes: &Scopes, mode: Mode) -> Policy<'_> {
    Policy {
        scopes,
        grants: &[],
        mode,
        trusted: true,
        home: None,
        now: 0,
    }
}

fn decide_with(scopes: &Scopes, mode: Mode, request: &Request<'_>) -> Verdict {
    let policy = policy(scopes, mode);
    policy.decide(request, &Place::new(Path::new("/w/project"), &[], &Links))
}

fn decision(line: &str) -> Decision {
    decide_with(&no_rules(), Mode::Ask, &Request::Command(line)).decision
}

/// Lines that an attacker could make of one that is allowed.
fn mutations(line: &str) -> Vec<String> {
    let first = line.split(' ').next().unwrap_or_default();
    let middle = line.find(' ').unwrap_or(line.len());
    let (before, behind) = line.split_at(middle);
    vec![
        format!("{line} > out"),
        format!("{line} >> out"),
        format!("{line} 2> err"),
        format!("{line} >| out"),
        format!("{line} &> out"),
        format!("> out {line}"),
        format!("{line} <(./x)"),
        format!("{line} | tee out"),
        format!("{line} | sh"),
        format!("{line} $(./x)"),
        format!("{line} `./x`"),
        format!("{line} \"$(./x)\""),
        format!("{line} $X"),
        format!("{line} ${{X:-y}}"),
        format!("{line}\n./x"),
        format!("./x\n{line}"),
        format!("{line}; ./x"),
        format!("{line} && ./x"),
        format!("{line} || ./x"),
        format!("{line} &"),
        format!("{line} & ./x"),
        format!("{line}\u{2028}./x"),
        format!("{line}\r./x"),
        format!("{line}\0"),
        format!("{before}\u{a0}{behind}"),
        format!("{before}\u{200b}{behind}"),
        format!("\u{202e}{line}"),
        line.replacen('a', "\u{430}", 1)
            .replacen('e', "\u{435}", 1)
            .replacen('o', "\u{43e}", 1)
            .replacen('c', "\u{441}", 1),
        format!("A=b {line}"),
        format!("PATH=. {line}"),
        format!("LD_PRELOAD=./x.so {line}"),
        format!("env {line}"),
        format!("sudo {line}"),
        format!("xargs {line}"),
        format!("nohup {line}"),
        format!("time {line}"),
        format!("exec {line}"),
        format!("eval {line}"),
        format!("sh -c '{}'", line.replace('\'', "'\\''")),
        format!("./{line}"),
        format!("/tmp/{line}"),
        format!("bin/{line}"),
        format!("{first}x{behind}"),
        format!("function {first} {{ ./x; }}; {line}"),
        format!("alias {first}=./x; {line}"),
        format!("cd ..; {line}"),
        format!("cd / && {line}"),
        format!("{line} < ../../../x"),
        format!("{line} {{a,b}}"),
        format!("{line} ~/x"),
        format!("{line} # x"),
        format!("{line} <<EOF"),
    ]
}

#[test]
fn no_harmful_line_is_allowed() {
    let allowed: Vec<_> = corpus("harmful")
        .into_iter()
        .filter(|entry| decision(&entry.cmd) == Decision::Allow)
        .map(|entry| (entry.class, entry.cmd))
        .collect();
    assert_eq!(allowed, []);
}

#[test]
fn of_the_everyday_lines_98_of_100_are_allowed() {
    let everyday = corpus("everyday");
    let asks: Vec<_> = everyday
        .iter()
        .filter(|entry| decision(&entry.cmd) != Decision::Allow)
        .map(|entry| &entry.cmd)
        .collect();
    assert!(
        asks.len() * 100 <= everyday.len() * 2,
        "{} of {} ask: {asks:#?}",
        asks.len(),
        everyday.len()
    );
}

#[test]
fn every_mutation_of_an_allowed_line_asks() {
    let everyday = corpus("everyday").into_iter().map(|entry| entry.cmd);
    let mut tried = 0;
    let mut allowed = Vec::new();
    for line in everyday.filter(|line| decision(line) == Decision::Allow) {
        let mutations = mutations(&line)
            .into_iter()
            .filter(|mutation| *mutation != line);
        for mutation in mutations {
            tried += 1;
            if decision(&mutation) == Decision::Allow {
                allowed.push(mutation);
            }
        }
    }
    assert_eq!(allowed, [""; 0]);
    assert!(tried > 40_000, "{tried}");
}

/// The same line in another hand: each text quoted in the way its letter says, blanks wherever they may stand.
fn rewritten(line: &Line, hand: &[u8]) -> String {
    let mut hand = hand.iter().cycle().copied();
    let mut choice = move || hand.next().unwrap_or_default();
    let mut text = |text: &str| match choice() % 4 {
        0 => format!("'{}'", text.replace('\'', r"'\''")),
        1 if !text.contains(['!', '$', '`', '\\', '"']) => format!("\"{text}\""),
        2 if !text.is_empty() => text.chars().map(|c| format!("\\{c}")).collect(),
        _ if !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-./:,%+".contains(&byte)) =>
        {
            text.to_owned()
        }
        _ => {
            text.chars()
                .map(|c| {
                    if c == '\'' {
                        "\\'".to_owned()
                    } else {
                        format!("'{c}'")
                    }
                })
                .collect::<String>()
                + "''"
        }
    };
    let mut word = |word: &Word| -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(part) => text(part),
            Piece::Any => "*".to_owned(),
            Piece::One => "?".to_owned(),
        };
        word.0.iter().map(piece).collect()
    };
    let mut rewritten = String::new();
    let first = std::iter::once((None, &line.first));
    let rest = line
        .rest
        .iter()
        .map(|(join, pipeline)| (Some(*join), pipeline));
    for (join, pipeline) in first.chain(rest) {
        rewritten += match join {
            None => " ",
            Some(Join::And) => "  &&\t",
            Some(Join::Or) => " ||  ",
            Some(Join::Then) => ";\t ",
        };
        rewritten += if pipeline.negated { "!  " } else { "" };
        for (at, command) in pipeline.commands.iter().enumerate() {
            rewritten += if at > 0 { " \t| " } else { "" };
            rewritten += &word(&Word(vec![Piece::Text(command.name.clone())]));
            for argument in &command.arguments {
                rewritten += "  ";
                rewritten += &word(argument);
            }
            for redirect in &command.redirects {
                rewritten += &match redirect {
                    Redirect::DropOutput => " > /dev/null".to_owned(),
                    Redirect::DropErrors => " 2>/dev/null".to_owned(),
                    Redirect::ErrorsToOutput => " 2>&1".to_owned(),
                    Redirect::OutputToErrors => " >&2".to_owned(),
                    Redirect::Input(file) => {
                        format!(" <  {}", word(&Word(vec![Piece::Text(file.clone())])))
                    }
                };
            }
        }
    }
    rewritten
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn neither_quoting_nor_spacing_widens_a_decision(hand in proptest::collection::vec(any::<u8>(), 1..64)) {
        for entry in corpus("harmful").into_iter().chain(corpus("everyday")) {
            let Ok(line) = grammar::parse(&entry.cmd) else { continue };
            let rewritten = rewritten(&line, &hand);
            prop_assert!(decision(&rewritten) >= decision(&entry.cmd), "{rewritten:?} of {:?}", entry.cmd);
        }
    }
}

#[test]
fn a_line_in_another_hand_is_still_read_and_allowed() {
    let line = grammar::parse("grep -rn 'fn main' src 2>/dev/null | head -5").unwrap();
    let rewritten = rewritten(&line, &[3]);
    assert_eq!(grammar::parse(&rewritten).as_ref(), Ok(&line));
    assert_eq!(decision(&rewritten), Decision::Allow, "{rewritten}");
}

#[test]
fn rules_come_in_their_order() {
    let deny = scopes(&["Bash(make:*)"], &["Bash(make:*)"], &["Bash(make deploy)"]);
    let of = |line: &str| decide_with(&deny, Mode::Ask, &Request::Command(line));
    assert_eq!(of("make deploy").decision, Decision::Deny);
    assert_eq!(of("make test").decision, Decision::Ask);
    let allow = scopes(&["Bash(make:*)"], &[], &["Bash(git log:*)"]);
    let of = |line: &str| decide_with(&allow, Mode::Ask, &Request::Command(line));
    assert_eq!(of("make test").decision, Decision::Allow);
    assert_eq!(of("make test").rule.as_deref(), Some("Bash(make:*)"));
    // What only reads is denied by a rule too.
    assert_eq!(of("git log -1").decision, Decision::Deny);
    assert_eq!(of("git status").decision, Decision::Allow);
    // What hides something, leads out, or decides what runs later is not for a rule to allow.
    for line in [
        "make $X",
        "make > out",
        "A=b make",
        "make ../x",
        "make .env",
        "make -f .git/hooks/x",
        "make --file=/etc/x",
        "make < ../x",
    ] {
        assert_eq!(of(line).decision, Decision::Ask, "{line}");
    }
}

#[test]
fn every_part_must_be_allowed() {
    let make = scopes(&["Bash(make:*)"], &[], &[]);
    let of = |line: &str| decide_with(&make, Mode::Ask, &Request::Command(line));
    assert_eq!(
        of("git status && make test | head").decision,
        Decision::Allow
    );
    let verdict = of("git status && make test && cargo test");
    assert_eq!(verdict.decision, Decision::Ask);
    let parts: Vec<_> = verdict.parts.iter().map(|part| part.decision).collect();
    assert_eq!(parts, [Decision::Allow, Decision::Allow, Decision::Ask]);
    assert_eq!(verdict.always, ["Bash(cargo test)"]);
}

#[test]
fn nothing_but_reading_is_done_in_plan_mode() {
    let make = scopes(&["Bash(make:*)", "Edit"], &[], &[]);
    let of = |request: &Request<'_>| decide_with(&make, Mode::Plan, request).decision;
    assert_eq!(of(&Request::Command("git status")), Decision::Allow);
    assert_eq!(of(&Request::Read("src/main.rs")), Decision::Allow);
    for request in [
        Request::Command("make"),
        Request::Command("echo $X"),
        Request::Edit("src/main.rs"),
        Request::Fetch("https://example.com/"),
        Request::Mcp("mcp__a__b"),
        Request::Read("/etc/passwd"),
    ] {
        assert_eq!(of(&request), Decision::Deny, "{request:?}");
    }
}

#[test]
fn edits_are_accepted_in_the_workspace_alone_and_never_of_what_runs_later() {
    let none = no_rules();
    let of = |mode, path| decide_with(&none, mode, &Request::Edit(path)).decision;
    assert_eq!(of(Mode::Ask, "src/main.rs"), Decision::Ask);
    assert_eq!(of(Mode::AcceptEdits, "src/main.rs"), Decision::Allow);
    for path in [
        "../x",
        "/etc/x",
        ".git/config",
        ".lanyard/settings.toml",
        ".env",
        "link-outside/x",
        ".vscode/tasks.json",
        "a/.git/hooks/x",
    ] {
        assert_eq!(of(Mode::AcceptEdits, path), Decision::Ask, "{path}");
    }
    let all = scopes(&["Edit"], &[], &[]);
    let of = |path| decide_with(&all, Mode::Ask, &Request::Edit(path)).decision;
    assert_eq!(of("src/main.rs"), Decision::Allow);
    assert_eq!(of(".git/hooks/pre-commit"), Decision::Ask);
}

#[test]
fn a_folder_that_is_not_trusted_is_not_looked_at_by_git() {
    let none = no_rules();
    let policy = Policy {
        scopes: &none,
        grants: &[],
        mode: Mode::Ask,
        trusted: false,
        home: None,
        now: 0,
    };
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let of = |line| policy.decide(&Request::Command(line), &place).decision;
    assert_eq!(of("git status"), Decision::Ask);
    assert_eq!(of("ls && cat README.md"), Decision::Allow);
}

#[test]
fn a_grant_ends_with_its_time() {
    let none = no_rules();
    let grants = [Grant {
        rule: Rule::parse("Bash(cargo test:*)").unwrap(),
        until: 1_000,
    }];
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let at = |now, line| {
        let policy = Policy {
            scopes: &none,
            grants: &grants,
            mode: Mode::Ask,
            trusted: true,
            home: None,
            now,
        };
        policy.decide(&Request::Command(line), &place).decision
    };
    assert_eq!(at(999, "cargo test -p a"), Decision::Allow);
    assert_eq!(at(1_000, "cargo test -p a"), Decision::Ask);
    assert_eq!(at(999, "cargo publish"), Decision::Ask);
}

#[test]
fn where_only_the_machines_own_rules_allow_a_grant_allows_nothing() {
    let text = "[managed]\nallow_only = true\n";
    let managed = Settings::read(Level::Managed, "managed", text).unwrap();
    let scopes = Scopes::merge(vec![managed], true);
    let grants = [Grant {
        rule: Rule::parse("Bash(cargo test:*)").unwrap(),
        until: 1_000,
    }];
    let policy = Policy {
        scopes: &scopes,
        grants: &grants,
        mode: Mode::Ask,
        trusted: true,
        home: None,
        now: 1,
    };
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let decided = policy.decide(&Request::Command("cargo test"), &place);
    assert_eq!(decided.decision, Decision::Ask);
}

#[test]
fn where_cd_may_have_led_is_thought_of() {
    for line in [
        "cd src && ls",
        "cd src; ls",
        "cd src && cat ../README.md && cd .. && ls",
        "cd a/b && git status",
    ] {
        assert_eq!(decision(line), Decision::Allow, "{line}");
    }
    for line in [
        "cd ..",
        "cd / && ls",
        "cd",
        "cd -",
        "cd src; cat ../../x",
        "cd src; cat ../x",
        "cd src || cat ../x",
        "cd src | cat ../x",
        "cd src && cat ../../x",
        "! cd src && ls",
        "cd link-outside && ls",
        "cd a b",
    ] {
        assert_eq!(decision(line), Decision::Ask, "{line}");
    }
}

#[test]
fn files_are_read_inside_and_secrets_ask() {
    let none = no_rules();
    let of = |path| decide_with(&none, Mode::Ask, &Request::Read(path)).decision;
    assert_eq!(of("src/main.rs"), Decision::Allow);
    assert_eq!(of("/w/project/src/main.rs"), Decision::Allow);
    for path in [
        "../x",
        "/etc/passwd",
        ".env",
        "link-outside/x",
        "src/../../x",
        ".git/config",
    ] {
        assert_eq!(of(path), Decision::Ask, "{path}");
    }
    let rules = scopes(&["Read(//opt/docs/**)"], &[], &["Read(private/**)"]);
    let of = |path| decide_with(&rules, Mode::Ask, &Request::Read(path)).decision;
    assert_eq!(of("/opt/docs/a"), Decision::Allow);
    assert_eq!(of("private/a"), Decision::Deny);
    assert_eq!(of(".env"), Decision::Ask);
    // A rule for files holds for commands that read them.
    assert_eq!(
        decide_with(&rules, Mode::Ask, &Request::Command("cat private/a")).decision,
        Decision::Deny
    );
    assert_eq!(
        decide_with(&rules, Mode::Ask, &Request::Command("cat a < private/a")).decision,
        Decision::Deny
    );
}

#[test]
fn other_tools_ask_and_rules_open_them() {
    let none = no_rules();
    for request in [
        Request::Fetch("https://example.com/"),
        Request::Mcp("mcp__a__b"),
        Request::Mcp("mcp__"),
        Request::Other("Telepathy"),
    ] {
        assert_eq!(
            decide_with(&none, Mode::Ask, &request).decision,
            Decision::Ask,
            "{request:?}"
        );
    }
    let rules = scopes(
        &["WebFetch(domain:example.com)", "mcp__a"],
        &[],
        &["mcp__a__drop"],
    );
    let of = |request: &Request<'_>| decide_with(&rules, Mode::Ask, request).decision;
    assert_eq!(
        of(&Request::Fetch("https://example.com/x")),
        Decision::Allow
    );
    assert_eq!(
        of(&Request::Fetch("https://example.com.evil.org/x")),
        Decision::Ask
    );
    assert_eq!(of(&Request::Mcp("mcp__a__b")), Decision::Allow);
    assert_eq!(of(&Request::Mcp("mcp__a__drop")), Decision::Deny);
}

#[test]
fn whatever_comes_in_is_answered() {
    let many = vec!["ls"; 10_000].join(" && ");
    let long = format!("ls {}", "x".repeat(1 << 20));
    for line in [
        "", " ", "\0", "ls\0", &many, &long, "\u{fffd}", ";", "&&", "|", "'", "cd",
    ] {
        assert_eq!(decision(line), Decision::Ask, "{}", line.len());
    }
}

#[test]
fn git_looks_at_no_repository_that_came_with_the_files() {
    for line in [
        "git -C planted status",
        "cd planted && git status",
        "git -C planted/sub log",
    ] {
        assert_eq!(decision(line), Decision::Ask, "{line}");
    }
    assert_eq!(decision("git -C sub status"), Decision::Allow);
}

#[test]
fn no_rule_allows_what_leads_out_by_a_link_or_is_glued_to_an_option() {
    let allow = &["Bash(cp:*)", "Bash(tar:*)", "Bash(touch:*)"];
    let rules = scopes(allow, &[], &["Read(private/**)"]);
    let of = |line: &str| decide_with(&rules, Mode::Ask, &Request::Command(line)).decision;
    assert_eq!(of("cp a b"), Decision::Allow);
    for line in [
        "cp a linkdir",
        "cp a linkdir/b",
        "touch link-outside",
        "cp a -t/etc",
        "cp a -t.git/hooks",
        "tar -C/etc -cf x.tar .",
    ] {
        assert_eq!(of(line), Decision::Ask, "{line}");
    }
    for line in [
        "diff --to-file=private/key a",
        "grep -fprivate/key a",
        "git show HEAD:private/key",
    ] {
        assert_eq!(of(line), Decision::Deny, "{line}");
    }
}

#[test]
fn a_rule_that_asks_opens_nothing_in_plan_mode() {
    let rules = scopes(&[], &["Bash(make:*)", "Read(notes/**)", "WebFetch"], &[]);
    let of = |request: &Request<'_>| decide_with(&rules, Mode::Plan, request).decision;
    assert_eq!(of(&Request::Read("notes/a")), Decision::Ask);
    assert_eq!(of(&Request::Command("cat notes/a")), Decision::Ask);
    for request in [
        Request::Command("make test"),
        Request::Command("npm test && cat notes/a"),
        Request::Command("cp notes/a b"),
        Request::Edit("notes/a"),
        Request::Fetch("https://example.com/"),
    ] {
        assert_eq!(of(&request), Decision::Deny, "{request:?}");
    }
}

#[test]
fn no_rule_is_offered_that_would_not_help() {
    let rules = scopes(&[], &["Read(notes/**)"], &[]);
    let offered = |line| decide_with(&rules, Mode::Ask, &Request::Command(line)).always;
    assert_eq!(offered("npm test"), ["Bash(npm test)"]);
    for line in [
        "npm test && cat notes/a",
        "npm test && cat .env",
        "cd .. && npm test",
    ] {
        assert_eq!(offered(line), [""; 0], "{line}");
    }
}

/// The commands of a line, each about to start in the folder of the workspace.
fn started(scopes: &Scopes, mode: Mode, line: &str) -> Vec<Result<Ready, Part>> {
    let policy = policy(scopes, mode);
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let line = grammar::parse(line).unwrap();
    let commands = line.commands();
    commands
        .map(|command| policy.start(command, &place))
        .collect()
}

#[test]
fn what_starts_is_what_was_read_or_what_a_script_stands_for() {
    let make = scopes(&["Bash(make:*)"], &[], &[]);
    let line = "egrep -c 'a b' < x.txt 2>&1 | ps aux | make -j4 test";
    let ready: Vec<_> = started(&make, Mode::Ask, line)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let [grep, ps, make] = ready.as_slice() else {
        panic!("{ready:?}")
    };
    assert_eq!(grep.program(), "grep");
    assert_eq!(grep.arguments(), ["-E", "-c", "a b"]);
    assert_eq!(grep.fences(), Fences::ReadOnly { machine: false });
    assert_eq!(
        grep.redirects(),
        [
            Redirect::Input("/w/project/x.txt".into()),
            Redirect::ErrorsToOutput
        ]
    );
    assert_eq!(ps.fences(), Fences::ReadOnly { machine: true });
    assert_eq!((make.program(), make.fences()), ("make", Fences::Workspace));
}

#[test]
fn a_command_starts_only_if_its_line_would_be_allowed() {
    let rules = scopes(
        &["Bash(make:*)"],
        &["Bash(git push:*)"],
        &["Bash(make deploy)", "Read(private/**)"],
    );
    for mode in [Mode::Plan, Mode::Ask, Mode::AcceptEdits] {
        let lines = corpus("harmful").into_iter().chain(corpus("everyday"));
        let lines = lines.map(|entry| entry.cmd).chain(
            [
                "make",
                "make deploy",
                "git push -f",
                "cat private/a",
                "cat .env",
                "cat a < private/b",
            ]
            .map(str::to_owned),
        );
        for line in lines {
            let Ok(read) = grammar::parse(&line) else {
                continue;
            };
            if read.commands().count() > 1 || read.first.negated {
                continue;
            }
            let [started] = <[_; 1]>::try_from(started(&rules, mode, &line)).unwrap();
            let verdict = decide_with(&rules, mode, &Request::Command(&line));
            match started {
                Ok(_) => assert_eq!(verdict.decision, Decision::Allow, "{line}"),
                // What names a pattern means is said later, and `cd` starts nothing.
                Err(part) if verdict.decision == Decision::Allow => {
                    assert!(
                        line.contains(['*', '?']) || line.starts_with("cd "),
                        "{line}: {part:?}"
                    );
                }
                Err(part) => assert_eq!(part.decision, verdict.decision, "{line}: {part:?}"),
            }
        }
    }
}

#[test]
fn a_rule_for_lines_holds_for_the_words_that_a_command_starts_with() {
    let rules = scopes(&[], &[], &["Bash(wc a.txt)"]);
    for (line, starts) in [("wc a.txt b.txt", false), ("wc b.txt", true)] {
        let started = started(&rules, Mode::Ask, line).remove(0);
        assert_eq!(started.is_ok(), starts, "{line}: {started:?}");
    }
}

#[test]
fn cd_is_decided_on_again_where_it_stands() {
    let none = scopes(&[], &[], &["Bash(cd private)"]);
    let policy = Policy {
        scopes: &none,
        grants: &[],
        mode: Mode::Ask,
        trusted: true,
        home: None,
        now: 0,
    };
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let enter = |line: &str| {
        let line = grammar::parse(line).unwrap();
        let command = line.commands().next().unwrap();
        policy
            .enter(command, &place)
            .map(|place| place.current().to_owned())
    };
    assert_eq!(enter("cd src"), Ok("/w/project/src".into()));
    for line in [
        "cd ..",
        "cd link-outside",
        "cd",
        "cd -",
        "cd a b",
        "ls",
        "cd private",
        "cd src < x",
    ] {
        assert!(enter(line).is_err(), "{line}");
    }
}
