use super::*;
use crate::corpus::{Entry, corpus};
use crate::grammar;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn rule(written: &str) -> Rule {
    Rule::parse(written).unwrap_or_else(|bad| panic!("{written}: {bad}"))
}

fn bad(written: &str) -> BadRule {
    match Rule::parse(written) {
        Ok(rule) => panic!("{rule} is taken"),
        Err(bad) => bad,
    }
}

/// Every command of the line is allowed.
fn allows(written: &str, line: &str) -> bool {
    let rule = rule(written);
    grammar::parse(line).is_ok_and(|line| line.commands().all(|command| rule.allows(command)))
}

fn touches(written: &str, line: &str) -> bool {
    rule(written).touches(line)
}

#[test]
fn a_rule_is_shown_as_it_was_written() {
    for written in [
        "Bash",
        "Bash(*)",
        "Bash(npm run test:*)",
        "Bash(git log *)",
        "Bash(npm run 'test:'*)",
        "Read",
        "Read(docs/**)",
        "Read(./.env)",
        "Read(~/notes/**)",
        "Read(//etc/hosts)",
        "Edit(src/**)",
        "WebFetch",
        "WebFetch(domain:*.example.com)",
        "mcp__server",
        "mcp__server__*",
        "mcp__server__tool",
    ] {
        assert_eq!(rule(written).to_string(), written);
    }
}

#[test]
fn what_is_no_rule_is_refused_by_name() {
    for (written, expected) in [
        ("", BadRule::Empty),
        ("  ", BadRule::Empty),
        ("Bash()", BadRule::Empty),
        ("Bash( )", BadRule::Empty),
        ("Bash(:*)", BadRule::Tail),
        ("bash(ls)", BadRule::UnknownTool("bash".into())),
        ("Write(src/**)", BadRule::UnknownTool("Write".into())),
        (" Bash(ls)", BadRule::UnknownTool(" Bash".into())),
        ("Bash(ls", BadRule::Parentheses),
        ("Bash ls)", BadRule::Parentheses),
        ("Bash(ls))", BadRule::Parentheses),
        ("Bash(ls) x", BadRule::Parentheses),
        ("Bash(ls)(rm)", BadRule::Parentheses),
        ("Bash(f(x))", BadRule::Parentheses),
        ("Bash(ls\n)", BadRule::Hidden('\n')),
        ("Bash(ls\t-l)", BadRule::Hidden('\t')),
        ("Bash(l\u{200b}s)", BadRule::Hidden('\u{200b}')),
        ("Read(a\u{202e}b)", BadRule::Hidden('\u{202e}')),
        ("Bash(\u{441}at)", BadRule::Foreign('\u{441}')),
        ("Bash(ls | sh)", BadRule::Shell('|')),
        ("Bash(ls; rm)", BadRule::Shell(';')),
        ("Bash(ls && rm)", BadRule::Shell('&')),
        ("Bash(echo $HOME)", BadRule::Shell('$')),
        ("Bash(cat < a)", BadRule::Shell('<')),
        ("Bash(cat > a)", BadRule::Shell('>')),
        ("Bash(echo `id`)", BadRule::Shell('`')),
        ("Bash(r\\m)", BadRule::Shell('\\')),
        ("Bash(echo ';')", BadRule::Shell(';')),
        ("Bash(echo 'a)", BadRule::Quote),
        ("Bash(npm :*)", BadRule::Tail),
        ("Bash(npm run test:* --watch)", BadRule::Tail),
        ("Bash(* --version)", BadRule::Name),
        ("Bash('' a)", BadRule::Name),
        ("Bash(A=b npm)", BadRule::Name),
        ("Read(/etc/hosts)", BadRule::OneSlash),
        ("Read(../x)", BadRule::Part("..".into())),
        ("Read(a/./b)", BadRule::Part(".".into())),
        ("Read(a//b)", BadRule::Part(String::new())),
        ("Read(///a)", BadRule::Part(String::new())),
        ("Read(~)", BadRule::Part("~".into())),
        ("Read(a[bc])", BadRule::Sign('[')),
        ("Read({a,b})", BadRule::Sign('{')),
        ("Read(!a)", BadRule::Sign('!')),
        ("Read(a**b)", BadRule::Glob),
        ("WebFetch(example.com)", BadRule::Domain),
        ("WebFetch(domain:)", BadRule::Host(String::new())),
        ("WebFetch(domain:*)", BadRule::Host("*".into())),
        ("WebFetch(domain:a.*.com)", BadRule::Host("a.*.com".into())),
        (
            "WebFetch(domain:example.com/x)",
            BadRule::Host("example.com/x".into()),
        ),
        (
            "WebFetch(domain:a@example.com)",
            BadRule::Host("a@example.com".into()),
        ),
        (
            "WebFetch(domain:example.com:x)",
            BadRule::Host("example.com:x".into()),
        ),
        (
            "WebFetch(domain:*.127.0.0.1)",
            BadRule::Host("*.127.0.0.1".into()),
        ),
        ("mcp__", BadRule::Server),
        ("mcp__a__", BadRule::Server),
        ("mcp__a__b*", BadRule::Server),
        ("mcp__*", BadRule::Server),
        ("mcp__a b", BadRule::Server),
        ("mcp__a___b", BadRule::Server),
        ("mcp__a__b(c)", BadRule::Server),
    ] {
        assert_eq!(bad(written), expected, "{written:?}");
        assert!(!expected.hint().is_empty());
    }
    let long = format!("Bash({})", "a".repeat(RULE_MAX));
    assert_eq!(bad(&long), BadRule::TooLong);
}

#[test]
fn a_rule_allows_the_words_that_it_says_and_no_others() {
    for (written, line) in [
        ("Bash(npm run build)", "npm run build"),
        ("Bash(npm run build)", "  'npm' r\\un \"build\" 2>&1"),
        ("Bash(npm run test:*)", "npm run test"),
        ("Bash(npm run test:*)", "npm run test -- -u *.js"),
        ("Bash(npm run test *)", "npm run test -u"),
        ("Bash(npm run 'test:'*)", "npm run test:unit"),
        ("Bash(git log *)", "git log"),
        ("Bash(git log *)", "git log -1 > /dev/null"),
        ("Bash(git show * --stat)", "git show HEAD --stat"),
        ("Bash(make test-*)", "make test-unit"),
        ("Bash(echo 'a b')", "echo 'a b'"),
        ("Bash(./scripts/test)", "./scripts/test"),
        ("Bash", "rm -rf x"),
        ("Bash(*)", "rm -rf x | cat"),
    ] {
        assert!(allows(written, line), "{written} and {line}");
    }
    for (written, line) in [
        ("Bash(npm run build)", "npm run build x"),
        ("Bash(npm run build)", "npm run"),
        ("Bash(npm run build)", "npm 'run build'"),
        ("Bash(npm run build)", "npm run build; rm x"),
        ("Bash(npm run build)", "npm run build < x"),
        ("Bash(npm run test:*)", "npm run test:unit"),
        ("Bash(npm run test:*)", "npm run tests"),
        ("Bash(npm run test:*)", "npm run test && rm x"),
        ("Bash(npm run test:*)", "npm run 'test -u'"),
        ("Bash(npm run test:*)", "npm run tes?"),
        ("Bash(npm run test:*)", "npm run *"),
        ("Bash(npm run test:*)", "./npm run test"),
        ("Bash(npm run test:*)", "/usr/bin/npm run test"),
        ("Bash(npm run test:*)", "NPM run test"),
        ("Bash(npm run test:*)", "sudo npm run test"),
        ("Bash(npm run test:*)", "A=b npm run test"),
        ("Bash(npm run test:*)", "npm run test $(id)"),
        ("Bash(git show * --stat)", "git show --output=x --stat"),
        ("Bash(git show * --stat)", "git show a b --stat"),
        ("Bash(git show * --stat)", "git show --stat"),
        ("Bash(git show * --stat)", "git show *.rs --stat"),
        ("Bash(make test-*)", "make test-a test-b"),
        ("Bash(make test-*)", "make test-*"),
        ("Bash(cat docs/*)", "cat docs/../../x"),
        ("Bash(cat *.md)", "cat --output=x.md"),
        ("Bash(echo '*')", "echo a"),
        ("Bash(./scripts/test)", "scripts/test"),
        ("Bash(git*)", "git"),
        ("Bash", "cat < x"),
        ("Bash(*)", "echo $(id)"),
        ("Read", "cat x"),
    ] {
        assert!(!allows(written, line), "{written} and {line}");
    }
}

#[test]
fn a_pattern_of_names_only_denies() {
    assert_eq!(
        rule("Bash(mkfs.*)").never_allows(),
        Some(BadRule::NamePattern)
    );
    assert_eq!(rule("Bash(mkfs:*)").never_allows(), None);
    assert!(touches("Bash(mkfs.*)", "sudo mkfs.ext4 /dev/x"));
    assert!(!touches("Bash(mkfs.*)", "mkfs /dev/x"));
}

#[test]
fn a_rule_that_would_let_anything_run_says_so() {
    for written in [
        "Bash",
        "Bash(*)",
        "Bash(timeout:*)",
        "Bash(sudo *)",
        "Bash(sudo -u root:*)",
        "Bash(xargs:*)",
        "Bash(sh -c:*)",
        "Bash(/bin/bash:*)",
        "Bash(python3:*)",
        "Bash(python3.12 -c *)",
        "Bash(find:*)",
        "Bash(git:*)",
        "Read",
        "Read(//**)",
        "Edit(~/**)",
        "WebFetch",
        "WebFetch(domain:*.com)",
    ] {
        assert!(rule(written).dangerous().is_some(), "{written}");
    }
    for written in [
        "Bash(npm run test:*)",
        "Bash(sudo make install)",
        "Bash(python3 -m pytest:*)",
        "Bash(git log:*)",
        "Bash(ls:*)",
        "Read(**)",
        "Edit(src/**)",
        "WebFetch(domain:*.example.com)",
        "mcp__server",
    ] {
        assert_eq!(rule(written).dangerous(), None, "{written}");
    }
}

#[test]
fn a_program_is_found_however_it_is_hidden() {
    let deny = rule("Bash(rm:*)");
    for line in [
        "rm",
        "rm a",
        "r\\m a",
        "'rm' a",
        "r\"\"m a",
        "$'rm' a",
        "$'r\\x6d' a",
        "$'\\162m' a",
        "$\"rm\" a",
        "r\\\nm a",
        "/bin/rm a",
        "../bin/rm a",
        "RM a",
        "/bin/r? a",
        "/bin/r[m] a",
        "r${x}m a",
        "r$@m a",
        "r``m a",
        "{rm,-rf,/}",
        "r{m,} a",
        "@(rm|x) a",
        "X=rm; $X a",
        "$(echo rm) a",
        "A=b rm a",
        "A=b C=d sudo -u x rm a",
        "doas rm a",
        "env -i A=b rm a",
        "env -S 'rm a'",
        "env -i -S\"rm a\"",
        "nice -n 3 nohup timeout -k 1 5 rm a",
        "time -p rm a",
        "command -p rm a",
        "exec -a x rm a",
        "builtin exec rm a",
        "stdbuf -oL setsid ionice -c2 taskset 1 rm a",
        "chroot / rm a",
        "unshare -r nsenter -t 1 rm a",
        "flock x -c 'rm a'",
        "watch -n1 'rm a'",
        "strace -f rm a",
        "gdb --args rm a",
        "busybox rm a",
        "ls | xargs rm",
        "ls | xargs -I{} sh -c 'rm {}'",
        "echo rm a | xargs -I{} {} x",
        "parallel rm ::: a",
        "find . -exec rm {} +",
        "find . -name x -okdir rm {} \\;",
        "fd -x rm",
        "fd -Hx rm",
        "fd -Hxrm",
        "fd --exec=rm",
        "rg --pre rm a",
        "rg --pre=rm a",
        "ssh host rm a",
        "ssh host 'cd a; rm b'",
        "docker exec x rm a",
        "docker compose run x sh -c 'rm a'",
        "kubectl exec x -- rm a",
        "poetry run rm a",
        "git -c alias.x='!rm a' x",
        "git -c core.pager='rm a' log",
        "git rebase -x 'rm a' main",
        "git bisect run rm a",
        "git submodule foreach 'rm a'",
        "git clone 'ext::rm a' b",
        "tar --to-command=rm -xf a",
        "tar --checkpoint=1 --checkpoint-action=exec='rm a' -cf b c",
        "PAGER='rm a' git log",
        "sh -c 'rm a'",
        "bash -lc \"cd x && rm a\"",
        "sh -c \"sh -c 'sh -c \\\"rm a\\\"'\"",
        "eval 'rm a'",
        "eval rm a",
        "eval 'r''m' a",
        "eval $'\\x72m a'",
        "trap 'rm a' EXIT",
        "alias ls='rm a'",
        "echo rm a | sh",
        "sh <<< 'rm a'",
        "bash <<E\nrm a\nE",
        "cat <<E\n$(rm a)\nE",
        "echo $(rm a)",
        "echo \"`rm a`\"",
        "echo ${x:-`rm a`}",
        "echo $((`rm a`))",
        "x=$(rm a)",
        "diff <(rm a) b",
        "[ -v 'x[$(rm a)]' ]",
        "(rm a)",
        "{ rm a; }",
        "f() { rm a; }; f",
        "f() for x in a; do rm $x; done",
        "if a; then rm b; fi",
        "while rm a; do b; done",
        "case x in x) rm a;; esac",
        "select x in a; do rm x; done",
        "coproc { rm a; }",
        "! rm a",
        "ls\nrm a",
        "ls # x\nrm a",
        "ls & rm a",
        "a || b && rm c",
        ">x rm a",
        "sudo >x rm a",
        "sudo <<E rm\nE",
        "python3 -c 'import os; os.system(\"rm a\")'",
        "perl -e 'system q(rm a)'",
        "awk 'BEGIN{system(\"rm a\")}'",
        "echo 'unclosed; rm a",
        "if a; then (rm b",
        "ls\rrm a",
        // What the parser reads otherwise than Bash.
        "eval ${x:-rm a}",
        "eval ${x-rm} a",
        "$\nrm a",
        "ls\n\\rm a",
        "a ==\nrm b",
        "$1rm a",
        "x=$ rm a",
        "x+=##[[ rm a",
        "\\ \nx=a rm b",
        ">\\  rm a",
        "echo ${x}#;rm a",
        "echo \\ #;rm a",
        "cat <<E\"O\"F\nx\nEOF\nrm a\nE\"O\"F",
        "cat <<A <<B\nx\nA\ny\nB\nrm a",
        "ls\0; rm a",
    ] {
        assert!(deny.touches(line), "{line:?}");
    }
}

#[test]
fn what_only_speaks_of_a_program_is_not_touched() {
    let deny = rule("Bash(rm:*)");
    for line in [
        "ls",
        "echo rm",
        "grep -rn 'rm -rf' src",
        "git rm a",
        "docker rm a",
        "docker run --rm a",
        "git log --grep=rm",
        "cat rm.txt",
        "npm run rm",
        "rmdir a",
        "echo 'a; rm b'",
        "git commit -m 'Take rm away'",
        "ls # rm a",
        "for f in *.rs; do wc -l \"$f\"; done",
        "cat > a <<'E'\nrm\nE",
    ] {
        assert!(!deny.touches(line), "{line:?}");
    }
}

#[test]
fn words_of_a_rule_that_denies_may_have_options_between_them() {
    for (written, line) in [
        ("Bash(git push:*)", "git push"),
        ("Bash(git push:*)", "git -C x push"),
        ("Bash(git push:*)", "git --git-dir=x push"),
        ("Bash(git push:*)", "git -c a=b push origin"),
        ("Bash(git push:*)", "git --no-pager push"),
        ("Bash(git push:*)", "git -C push push"),
        ("Bash(git push:*)", "git 'pu'sh"),
        ("Bash(git push:*)", "git pu$x"),
        ("Bash(git push:*)", "git p*"),
        ("Bash(git push:*)", "x=push; git $x"),
        ("Bash(git push:*)", "/usr/lib/git-core/git-push x"),
        ("Bash(git push:*)", "git -c alias.p=push p"),
        ("Bash(git push)", "git push origin main"),
        ("Bash(git push --force:*)", "git push origin main --force"),
        ("Bash(git push --force:*)", "git push --forc"),
        ("Bash(git push * main)", "git push origin x main"),
        ("Bash(rm -rf:*)", "rm a -fr"),
        ("Bash(rm -rf:*)", "rm -r -f a"),
        ("Bash(rm -rf:*)", "rm -vrfd a"),
        ("Bash(npm publish)", "npm --tag x publish"),
        ("Bash(kubectl delete:*)", "kubectl -n x delete pod y"),
        ("Bash", "ls"),
    ] {
        assert!(touches(written, line), "{written} and {line}");
    }
    for (written, line) in [
        ("Bash(git push:*)", "git log push"),
        ("Bash(git push:*)", "git stash push"),
        ("Bash(git push:*)", "git log --grep push"),
        ("Bash(git push:*)", "git -C \"$x\" status"),
        ("Bash(git push:*)", "git log *"),
        ("Bash(git push --force:*)", "git push origin main"),
        ("Bash(git push --force:*)", "git push --force-with-lease"),
        ("Bash(rm -rf:*)", "rm -r a"),
        ("Bash(find -delete:*)", "find . -maxdepth 1 -ls -type f"),
        ("Read", "cat x"),
    ] {
        assert!(!touches(written, line), "{written} and {line}");
    }
}

/// Programs that rules deny.
const DENIED: &[&str] = &[
    "rm", "curl", "wget", "ssh", "scp", "dd", "mkfs", "chmod", "chown", "kill", "reboot",
    "shutdown", "sudo", "docker", "npm", "node", "python", "python3", "perl", "nc", "make",
    "cargo", "sh", "bash", "eval", "xargs", "tee", "mv", "cp", "ln", "truncate", "id", "touch",
];

/// Where a harmful line has a program's name and does not run it, or runs it where no shell sees it.
const NOT_RUN: &[(&str, &str)] = &[
    // A subcommand, an argument, or a part of a path.
    ("rm", "git rm a.txt"),
    ("rm", "docker rm x"),
    ("eval", "nix eval --expr 1"),
    ("mv", "git mv a b"),
    ("cp", "aws s3 cp "),
    ("cp", "gsutil cp "),
    ("ssh", "gcloud compute ssh x"),
    ("ssh", "cat /etc/ssh/"),
    ("ssh", "CDPATH=/etc cd ssh"),
    ("docker", "jq . /etc/docker/"),
    ("node", "pkill node"),
    ("node", "killall node"),
    ("node", "pgrep node | xargs kill"),
    ("sudo", "usermod -aG sudo x"),
    ("sh", "agetty -o -p -l ./sh"),
    ("sh", "aoss ./sh"),
    ("sh", "cat /e??/sh??ow"),
    ("sh", "git pu\\sh"),
    ("id", "less -E +&pattern"),
    // Written to a file that runs later.
    ("sh", "git log -1 --format='#!/bin/sh"),
    ("sh", "find . -maxdepth 1 -fprintf"),
    // Only where a person types: history.
    ("rm", "echo !!:s/ls/rm/"),
    ("rm", "^ls^rm"),
];

#[test]
fn in_harmful_lines_every_denied_program_that_runs_is_found() {
    let rules: Vec<_> = DENIED
        .iter()
        .map(|name| rule(&format!("Bash({name})")))
        .collect();
    let (mut missed, mut used) = (Vec::new(), BTreeSet::new());
    let mut found = 0;
    for Entry { class, cmd: line } in corpus("harmful") {
        // Characters that no shell reads as the program; and scripts of sed's, which are not looked into.
        if ["invisible", "lookalike", "sed"].contains(&class.as_str()) {
            continue;
        }
        let seen = Seen::in_line(&line);
        let mut words =
            line.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'));
        let named: BTreeSet<_> = words.by_ref().collect();
        for (name, rule) in DENIED
            .iter()
            .zip(&rules)
            .filter(|(name, _)| named.contains(*name))
        {
            let except = NOT_RUN
                .iter()
                .find(|(program, begin)| program == name && line.starts_with(begin));
            match (rule.touches_any(&seen), except) {
                (true, None) => found += 1,
                (false, Some(except)) => drop(used.insert(except)),
                (touched, _) => missed.push((name, line.clone(), touched)),
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    assert_eq!(used.len(), NOT_RUN.len());
    assert!(found > 350, "{found}");
}

#[test]
fn no_everyday_line_is_touched_by_a_rule_for_a_program_that_it_does_not_run() {
    let more = [
        "find", "sort", "wc", "sed", "awk", "ls", "head", "tail", "echo", "git", "grep", "rg",
        "file", "stat", "date", "test", "cat", "jq",
    ];
    let names: Vec<&str> = DENIED.iter().copied().chain(more).collect();
    let rules: Vec<_> = names
        .iter()
        .map(|name| rule(&format!("Bash({name})")))
        .collect();
    let (mut wrong, mut touched, mut clear) = (Vec::new(), 0, 0);
    for Entry { cmd: line, .. } in corpus("everyday") {
        // What runs is known of lines that are clear.
        let Ok(parsed) = grammar::parse(&line) else {
            continue;
        };
        clear += 1;
        let seen = Seen::in_line(&line);
        let runs: BTreeSet<_> = parsed
            .commands()
            .map(|command| command.name.as_str())
            .collect();
        // `xargs` runs what it is given.
        let given = |name: &str| runs.contains("xargs") && line.contains(name);
        for (name, rule) in names.iter().zip(&rules) {
            let runs = runs.contains(name) || given(name);
            touched += usize::from(rule.touches_any(&seen));
            if rule.touches_any(&seen) != runs && !given(name) {
                wrong.push((*name, line.clone()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(touched > 400 && clear > 800, "{touched} of {clear}");
}

#[test]
fn what_the_strict_grammar_reads_the_other_parser_finds_too() {
    let (mut missed, mut lines) = (Vec::new(), 0);
    for Entry { cmd: line, .. } in corpus("everyday").into_iter().chain(corpus("harmful")) {
        // To Bash a program's name; to the parser, a group with nothing in it.
        if line == "{}" {
            continue;
        }
        let Ok(parsed) = grammar::parse(&line) else {
            continue;
        };
        let tree = Seen::by_tree(&line);
        lines += 1;
        for command in parsed.commands() {
            let name = command.name.to_lowercase();
            let name = name.rsplit('/').next().unwrap_or_default();
            let mut programs = tree.commands.iter().filter_map(|other| other.program());
            if tree.scans.is_empty() && !programs.any(|program| program.matches(name)) {
                missed.push(line.clone());
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(lines > 1000);
}

#[test]
fn what_is_too_large_or_too_deep_is_touched_by_every_rule() {
    let deny = rule("Bash(rm:*)");
    assert!(deny.touches(&"a".repeat(crate::limits::SEEN_MAX + 1)));
    assert!(!deny.touches(&"a".repeat(crate::limits::SEEN_MAX)));
    assert!(!deny.touches(&"a ".repeat(crate::limits::PARSED_MAX)));
    assert!(deny.touches(&format!("{} rm", "a ".repeat(crate::limits::PARSED_MAX))));
    let quoted = |line: String| match line.contains('\'') {
        false => format!("sh -c '{line}'"),
        true => format!(
            "sh -c \"{}\"",
            line.replace('\\', "\\\\").replace('"', "\\\"")
        ),
    };
    let nested = |depth: usize| (0..depth).fold("ls".to_owned(), |line, _| quoted(line));
    assert!(!deny.touches(&nested(5)));
    assert!(!deny.touches("sudo a=b=c=d=e=f=g=h=i=j=k=l ls"));
    assert!(deny.touches(&nested(10)));
    assert!(deny.touches(&format!("sudo {}", "a ".repeat(2000))));
    assert!(!deny.touches(&format!("sudo {}", "a ".repeat(500))));
}

#[test]
fn hostile_lines_are_looked_through_in_bounded_time() {
    // The parser needs time that grows with the square of each of these signs, so it is given none of them.
    for unit in [
        "a|", "x=(", "))", "f() ", "$[", "'a b' ", "$(", "`a", "${a", "[a",
    ] {
        let seen = Seen::in_line(&unit.repeat(crate::limits::PARSED_MAX / unit.len()));
        assert!(seen.commands.is_empty() && !seen.scans.is_empty(), "{unit}");
    }
    // One word that may be read as several lines needs as much.
    let word = |signs: usize| format!("sudo '-xyz{}'", ")".repeat(signs));
    assert!(!touches("Bash(rm)", &word(1000)));
    assert!(touches("Bash(rm)", &word(3000)));
    for unit in ["case x in ", "sudo ", "sudo $a ", "if a; then "] {
        let line = unit.repeat(crate::limits::PARSED_MAX / unit.len());
        assert!(rule("Bash").touches(&line));
    }
    for unit in ["a ", "$(", "`a", "${a", "?a ", "\\x"] {
        let seen = Seen::in_line(&unit.repeat(crate::limits::SEEN_MAX / unit.len()));
        assert!(seen.commands.is_empty() && seen.scans.len() == 1, "{unit}");
    }
}

#[test]
fn a_character_that_the_parser_would_look_up_outside_of_its_table_does_not_end_us() {
    for c in ['\u{e9}', '\u{6f22}', '\u{1d7ce}', '\u{10ffff}'] {
        assert!(touches("Bash(rm:*)", &format!("rm M{{{c}\u{e9}")));
        assert!(touches("Bash(rm:*)", &format!("echo {c}; rm '{c}'")));
    }
}

fn place() -> Place {
    Place {
        workspace: "/w/project".into(),
        home: Some("/home/p".into()),
    }
}

#[test]
fn paths_are_allowed_as_they_are_written() {
    let allows = |written: &str, path: &str| {
        let rule = rule(written);
        let access = if written.starts_with("Edit") {
            Access::Edit
        } else {
            Access::Read
        };
        rule.allows_path(access, Path::new(path), &place())
    };
    for (written, path) in [
        ("Read(docs/**)", "/w/project/docs/a/b.md"),
        ("Read(docs/)", "/w/project/docs/a"),
        ("Read(docs/*.md)", "/w/project/docs/a.md"),
        ("Read(./.env)", "/w/project/.env"),
        ("Read(**)", "/w/project"),
        ("Read(**)", "/w/project/.git/config"),
        ("Read(**/*.rs)", "/w/project/a/b.rs"),
        ("Read(~/notes/**)", "/home/p/notes/a"),
        ("Read(//etc/hosts)", "/etc/hosts"),
        ("Read(a?c)", "/w/project/abc"),
        ("Edit(src/**)", "/w/project/src/a"),
        ("Read", "/etc/shadow"),
    ] {
        assert!(allows(written, path), "{written} and {path}");
    }
    for (written, path) in [
        ("Read(docs/**)", "/w/project/docs"),
        ("Read(docs/**)", "/w/project/docs2/a"),
        ("Read(docs/**)", "/w/project/docs/../.env"),
        ("Read(docs/**)", "docs/a"),
        ("Read(docs/**)", "/w/project/Docs/a"),
        ("Read(docs/**)", "/w/project/a/docs/a"),
        ("Read(docs/*.md)", "/w/project/docs/a/b.md"),
        ("Read(.env)", "/w/project/a/.env"),
        ("Read(**)", "/w/project2/a"),
        ("Read(**)", "/w"),
        ("Read(a?c)", "/w/project/a/c"),
        ("Read(~/notes/**)", "/home/q/notes/a"),
        ("Read(//etc/hosts)", "/etc/hosts/x"),
        ("Bash", "/w/project/a"),
    ] {
        assert!(!allows(written, path), "{written} and {path}");
    }
    assert!(!rule("Read(**)").allows_path(Access::Edit, Path::new("/w/project/a"), &place()));
    assert!(!rule("Edit(**)").allows_path(Access::Read, Path::new("/w/project/a"), &place()));
    let homeless = Place {
        home: None,
        ..place()
    };
    assert!(!rule("Read(~/a)").allows_path(Access::Read, Path::new("/home/p/a"), &homeless));
    assert!(rule("Read(~/a)").touches_path(
        Access::Read,
        Path::new("/home/p/a"),
        Path::new("a"),
        &homeless
    ));
}

#[test]
fn paths_are_denied_in_any_case_below_folders_and_by_either_path() {
    let touches = |written: &str, path: &str| {
        rule(written).touches_path(Access::Read, Path::new(path), Path::new("/x"), &place())
    };
    for (written, path) in [
        ("Read(.env)", "/w/project/.env"),
        ("Read(.env)", "/w/project/a/.ENV"),
        ("Read(.env)", "/elsewhere/.env"),
        ("Read(*.pem)", "/w/project/a/key.pem"),
        ("Read(./.env)", "/w/project/.env"),
        ("Read(secrets)", "/w/project/secrets/a/b"),
        ("Read(secrets/**)", "/w/project/Secrets"),
        ("Read(secrets/**)", "/w/project/a/../secrets/b"),
        ("Read(secrets/**)", "secrets/b"),
        ("Read(~/.ssh/**)", "/home/p/.ssh/id"),
        ("Read(//etc/**)", "/etc/shadow"),
        ("Read", "/anything"),
    ] {
        assert!(touches(written, path), "{written} and {path}");
    }
    for (written, path) in [
        ("Read(./.env)", "/w/project/a/.env"),
        ("Read(secrets/**)", "/w/project/secrets2/a"),
        ("Read(.env)", "/w/project/.env.example"),
        ("Edit(src/**)", "/w/project/src/a"),
        ("Read(//etc/**)", "/w/etc/a"),
    ] {
        assert!(!touches(written, path), "{written} and {path}");
    }
    // A link that was followed, and the other way round.
    let given = Path::new("/w/project/.env");
    assert!(rule("Read(.env)").touches_path(
        Access::Read,
        Path::new("/w/project/plain"),
        given,
        &place()
    ));
    // An edit shows what it changes.
    assert!(rule("Read(.env)").touches_path(Access::Edit, given, given, &place()));
}

#[test]
fn a_folder_that_may_hold_a_denied_file_is_known() {
    let below = |written: &str, folder: &str| {
        rule(written).touches_below(Access::Read, Path::new(folder), &place())
    };
    assert!(below("Read(secrets/key)", "/w/project"));
    assert!(below("Read(secrets/**)", "/w/project/Secrets/a"));
    assert!(below("Read(.env)", "/w/project/src"));
    assert!(below("Read(a/*/key)", "/w/project/a/b"));
    assert!(!below("Read(secrets/**)", "/w/project/src"));
    assert!(!below("Read(//etc/x/**)", "/w/project"));
}

#[test]
fn addresses_are_allowed_by_their_exact_host() {
    for (written, url) in [
        ("WebFetch(domain:example.com)", "https://example.com/a?b#c"),
        ("WebFetch(domain:example.com)", "http://EXAMPLE.com./"),
        ("WebFetch(domain:Example.com.)", "https://example.com:443"),
        (
            "WebFetch(domain:example.com:8080)",
            "http://example.com:8080/",
        ),
        ("WebFetch(domain:*.example.com)", "https://a.b.example.com/"),
        (
            "WebFetch(domain:b\u{fc}cher.example)",
            "https://xn--bcher-kva.example/",
        ),
        ("WebFetch(domain:127.0.0.1)", "http://127.0.0.1/"),
        ("WebFetch(domain:[::1]:8080)", "http://[::1]:8080/"),
        ("WebFetch", "https://anything.example/"),
    ] {
        assert!(rule(written).allows_url(url), "{written} and {url}");
    }
    for (written, url) in [
        ("WebFetch(domain:example.com)", "https://a.example.com/"),
        (
            "WebFetch(domain:example.com)",
            "https://example.com.evil.example/",
        ),
        ("WebFetch(domain:example.com)", "https://evilexample.com/"),
        (
            "WebFetch(domain:example.com)",
            "https://example.com@evil.example/",
        ),
        ("WebFetch(domain:example.com)", "https://user@example.com/"),
        ("WebFetch(domain:example.com)", "https://:@example.com/"),
        ("WebFetch(domain:example.com)", "https://example.com:8443/"),
        ("WebFetch(domain:example.com)", "http://example.com:443/"),
        ("WebFetch(domain:example.com)", "ftp://example.com/"),
        ("WebFetch(domain:example.com)", "https:\\\\example.com\\"),
        ("WebFetch(domain:example.com)", "https://exa\nmple.com/"),
        ("WebFetch(domain:example.com)", " https://example.com/"),
        ("WebFetch(domain:example.com)", "https://ex\u{430}mple.com/"),
        ("WebFetch(domain:example.com)", "example.com"),
        ("WebFetch(domain:example.com:8080)", "http://example.com/"),
        ("WebFetch(domain:*.example.com)", "https://example.com/"),
        ("WebFetch(domain:*.example.com)", "https://aexample.com/"),
        ("WebFetch", "file:///etc/passwd"),
        ("Bash", "https://example.com/"),
    ] {
        assert!(!rule(written).allows_url(url), "{written} and {url}");
    }
}

#[test]
fn addresses_are_denied_with_all_below_their_host() {
    let deny = rule("WebFetch(domain:example.com)");
    for url in [
        "https://example.com/",
        "https://a.b.EXAMPLE.com./",
        "ftp://user:x@example.com:99/",
        "gopher://EXAMPLE.COM/",
        "not an address",
        "data:text/plain,x",
    ] {
        assert!(deny.touches_url(url), "{url}");
    }
    assert!(!deny.touches_url("https://example.org/"));
    assert!(!deny.touches_url("https://notexample.com/"));
    assert!(rule("WebFetch(domain:*.example.com)").touches_url("https://example.com/"));
}

#[test]
fn tools_of_servers_are_told_by_both_names() {
    assert!(rule("mcp__a__b").allows_tool("a", "b"));
    assert!(!rule("mcp__a__b").allows_tool("a", "c"));
    assert!(!rule("mcp__a__b").allows_tool("a", "B"));
    assert!(rule("mcp__a").allows_tool("a", "b"));
    assert!(rule("mcp__a__*").allows_tool("a", "b"));
    assert!(!rule("mcp__a").allows_tool("a2", "b"));
    // What a server calls itself gives it nothing of another's.
    assert!(!rule("mcp__a").allows_tool("a__evil", "b"));
    assert!(!rule("mcp__a__b__c").allows_tool("a__b", "c"));
    assert!(rule("mcp__a__b__c").touches_tool("a__b", "c"));
    assert!(rule("mcp__a").touches_tool("A", "b"));
    assert!(!rule("mcp__a").touches_tool("b", "a"));
}

/// A word as one may write it, chosen by the bits.
fn written(word: &str, bits: u64) -> String {
    match bits % 4 {
        0 => format!("'{word}'"),
        1 => format!("\"{word}\""),
        2 => word.chars().flat_map(|c| ['\\', c]).collect(),
        _ => word.to_owned(),
    }
}

fn line(words: &[String], seed: u64) -> String {
    let blank = |bits: u64| if bits.is_multiple_of(2) { " " } else { " \t " };
    let each = words.iter().enumerate().map(|(at, word)| {
        let bits = seed.rotate_left(u32::try_from(at * 7 % 64).unwrap_or_default());
        written(word, bits) + blank(bits >> 3)
    });
    each.collect()
}

proptest! {
    #[test]
    fn quoting_and_spacing_change_nothing_that_a_rule_says(
        fixed in prop::collection::vec("[a-z]{1,2}", 1..4),
        words in prop::collection::vec("[a-z*?-]{1,2}", 1..5),
        seed in any::<u64>(),
    ) {
        let rule = rule(&format!("Bash({}:*)", fixed.join(" ")));
        let expected = words.len() >= fixed.len() && words.iter().zip(&fixed).all(|(word, own)| word == own);
        // What is quoted is no pattern.
        let text: String = words.iter().map(|word| format!("'{word}' ")).collect();
        let allowed = |line: &str| grammar::parse(line).is_ok_and(|line| line.commands().all(|command| rule.allows(command)));
        prop_assert_eq!(allowed(&text), expected);
        let other = line(&words, seed);
        prop_assert!(!allowed(&other) || expected, "{}", other);
        prop_assert!(!expected || rule.touches(&other), "{}", other);
    }

    #[test]
    fn what_a_rule_allows_it_also_touches(
        own in prop::collection::vec("[a-b]{1,2}|\\*|a\\*|-a", 1..4),
        words in prop::collection::vec("[a-b]{1,2}|-a|-b", 1..5),
        seed in any::<u64>(),
    ) {
        if let Ok(rule) = Rule::parse(&format!("Bash({})", own.join(" "))) {
            let line = line(&words, seed);
            let parsed = grammar::parse(&line).unwrap();
            let allowed = parsed.commands().all(|command| rule.allows(command));
            prop_assert!(!allowed || rule.touches(&line), "{} {}", rule, line);
        }
    }

    #[test]
    fn a_program_is_found_behind_any_wrappers(
        wrappers in prop::collection::vec(prop::sample::select(vec!["sudo", "env A=b", "timeout 5", "nice -n 1", "sh -c", "eval", "xargs", "find . -exec"]), 0..4),
        seed in any::<u64>(),
    ) {
        let mut hidden = line(&["rm".to_owned(), "x".to_owned()], seed);
        for wrapper in wrappers {
            hidden = match wrapper {
                "sh -c" | "eval" => format!("{wrapper} '{}'", hidden.replace('\'', "'\\''")),
                _ => format!("{wrapper} {hidden}"),
            };
        }
        prop_assert!(touches("Bash(rm x)", &hidden), "{}", hidden);
        prop_assert!(!touches("Bash(cp x)", &hidden), "{}", hidden);
    }

    #[test]
    fn any_text_at_all_is_read(text in "\\PC{0,100}|[ -~\t\n]{0,200}|[a-z|&;()<>$`{}\"'\\\\\n =*]{0,200}", rule in "\\PC{0,40}|(Bash|Read|WebFetch)\\([ -~]{0,30}\\)") {
        let deny = self::rule("Bash(rm:*)");
        if text.split(|c: char| !c.is_alphanumeric()).all(|word| !word.contains(['r', 'm', 'R', 'M'])) && !text.contains(['*', '?', '[', '$', '`', '\\']) {
            prop_assert!(!deny.touches(&text));
        } else {
            let _ = deny.touches(&text);
        }
        if let Ok(parsed) = Rule::parse(&rule) {
            prop_assert_eq!(parsed.to_string(), rule);
        }
    }
}
