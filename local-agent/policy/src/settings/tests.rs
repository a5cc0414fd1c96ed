use super::*;
use proptest::prelude::*;

const FULL: &str = r#"mode = "plan"
approval_minutes = 15

[permissions]
allow = [
  "Bash(npm run build)",
  { rule = "Bash(npm run test:*)", matches = ["npm run test -- -u"], not = ["npm run test; rm x"] },
]
ask = ["Bash(git push)"]
deny = ["Read(.env)", "Bash(rm:*)"]
folders = ["../shared"]
"#;

fn read(level: Level, text: &str) -> Settings {
    Settings::read(level, "settings.toml", text).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

fn wrongs(level: Level, text: &str) -> Vec<String> {
    let wrongs = Settings::read(level, "settings.toml", text).unwrap_err();
    wrongs.iter().map(ToString::to_string).collect()
}

fn rules(placed: &[Placed]) -> Vec<String> {
    placed
        .iter()
        .map(|placed| placed.rule.to_string())
        .collect()
}

#[test]
fn a_file_is_read_with_the_place_of_each_rule() {
    let settings = read(Level::Project, FULL);
    let shown: Vec<_> = settings.rules().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "allow Bash(npm run build), settings.toml line 6",
            "allow Bash(npm run test:*), settings.toml line 7",
            "ask Bash(git push), settings.toml line 9",
            "deny Read(.env), settings.toml line 10",
            "deny Bash(rm:*), settings.toml line 10",
        ]
    );
    assert!(settings.test().is_empty());
    assert!(read(Level::User, "").rules().is_empty());
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_its_place() {
    let text = r#"mode = "yolo"
colour = 1
approval_minutes = 0
[permissions]
allow = ["Bash(ls | sh)", 3, "Bash(mkfs.*)", { rule = "Bash(ls)", match = [] }, { not = ["a"] }]
deny = "Bash"
folders = [""]
[managed]
terminals = false
"#;
    let mut wrong = wrongs(Level::Project, text);
    wrong.sort();
    assert_eq!(
        wrong,
        [
            "settings.toml:1:8: there is no mode `yolo`",
            "settings.toml:2:1: there is no setting `colour` here",
            "settings.toml:3:20: an approval waits between 1 and 1440 minutes",
            "settings.toml:5:10: `|` is part of the shell's language, and never of a word",
            "settings.toml:5:27: this should be a rule in quotes",
            "settings.toml:5:30: the name of the program is a pattern, and a rule that allows needs the name itself",
            "settings.toml:5:67: there is no setting `match` here",
            "settings.toml:5:81: this should be a rule: { rule = \"…\", matches = […], not = […] }",
            "settings.toml:6:8: this should be a list of rules",
            "settings.toml:7:11: this is no folder's path",
            "settings.toml:8:2: only the machine's own settings may say this",
        ]
    );
}

#[test]
fn what_is_no_toml_is_refused_with_its_place_and_nothing_else() {
    let wrong = wrongs(Level::User, "mode = \"ask\"\nmode = \"plan\"\nx = = 1\n");
    assert!(wrong.len() >= 2, "{wrong:?}");
    assert!(
        wrong
            .iter()
            .any(|wrong| wrong.starts_with("settings.toml:2:1: ")),
        "{wrong:?}"
    );
    assert!(
        wrong
            .iter()
            .any(|wrong| wrong.starts_with("settings.toml:3:5: ")),
        "{wrong:?}"
    );
}

#[test]
fn a_file_or_a_list_that_is_too_large_is_refused() {
    let long = format!("#{}", "a".repeat(SETTINGS_MAX));
    assert_eq!(
        wrongs(Level::User, &long),
        ["settings.toml:1:1: the file is larger than 262144 bytes"]
    );
    let list = |count: usize| format!("[permissions]\ndeny = [{}]", "\"Bash(a)\",".repeat(count));
    assert_eq!(read(Level::User, &list(RULES_MAX)).rules().len(), RULES_MAX);
    assert_eq!(wrongs(Level::User, &list(RULES_MAX + 1)).len(), 1);
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(!wrongs(Level::User, &deep).is_empty());
}

#[test]
fn names_in_errors_hide_nothing() {
    let wrong = wrongs(Level::User, "\"a\\u202eb\" = 1");
    assert_eq!(
        wrong,
        ["settings.toml:1:1: there is no setting `a⟨U+202E⟩b` here"]
    );
}

#[test]
fn every_fault_has_a_hint() {
    for text in [
        "x = 1",
        "mode = 1",
        "mode = \"x\"",
        "permissions = 1",
        "=",
        "approval_minutes = 1441",
        "[permissions]\nask = [\"x\"]",
    ] {
        let wrong = Settings::read(Level::User, "settings.toml", text).unwrap_err();
        assert!(wrong.iter().all(|wrong| !wrong.fault.hint().is_empty()));
    }
}

#[test]
fn examples_that_fail_are_told() {
    let text = r#"[permissions]
allow = [
  { rule = "Bash(npm run test:*)", matches = ["npm run test", "npm run test:unit"], not = ["npm run test -u"] },
  { rule = "Read(docs/**)", matches = ["docs/a"], not = ["../docs/a", "docs/a"] },
  { rule = "WebFetch(domain:example.com)", not = ["https://example.com"] },
  { rule = "mcp__a__b", matches = ["mcp__a__b", "mcp__a__c"] },
]
deny = [
  { rule = "Bash(rm:*)", matches = ["sudo rm x", "ls"], not = ["echo rm"] },
  { rule = "Read(.env)", matches = ["a/.ENV", "~/x/.env"] },
]
"#;
    let failures: Vec<_> = read(Level::User, text)
        .test()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        failures,
        [
            "settings.toml:3: Bash(npm run test:*) should match `npm run test:unit`, and does not",
            "settings.toml:3: Bash(npm run test:*) should not match `npm run test -u`, and does",
            "settings.toml:4: Read(docs/**) should not match `docs/a`, and does",
            "settings.toml:5: WebFetch(domain:example.com) should not match `https://example.com`, and does",
            "settings.toml:6: mcp__a__b should match `mcp__a__c`, and does not",
            "settings.toml:9: Bash(rm:*) should match `ls`, and does not",
        ]
    );
}

fn permissions(level: Level, allow: &str, deny: &str) -> Settings {
    let list = |rule: &str| {
        if rule.is_empty() {
            String::new()
        } else {
            format!("\"{rule}\"")
        }
    };
    let text = format!(
        "[permissions]\nallow = [{}]\ndeny = [{}]\nfolders = [\"../{level:?}\"]",
        list(allow),
        list(deny)
    );
    read(level, &text)
}

#[test]
fn a_project_allows_nothing_until_it_is_trusted_but_forbids_at_once() {
    let files = || {
        vec![
            permissions(Level::Local, "Bash(d)", "Bash(w)"),
            permissions(Level::Project, "Bash(c)", "Bash(x)"),
            permissions(Level::User, "Bash(b)", "Bash(y)"),
            permissions(Level::Managed, "Bash(a)", "Bash(z)"),
        ]
    };
    let untrusted = Scopes::merge(files(), false);
    assert_eq!(rules(untrusted.allow()), ["Bash(a)", "Bash(b)"]);
    assert_eq!(
        rules(untrusted.deny()),
        ["Bash(z)", "Bash(y)", "Bash(x)", "Bash(w)"]
    );
    assert_eq!(untrusted.folders().len(), 2);
    let trusted = Scopes::merge(files(), true);
    assert_eq!(
        rules(trusted.allow()),
        ["Bash(a)", "Bash(b)", "Bash(c)", "Bash(d)"]
    );
    assert_eq!(trusted.folders().len(), 4);
    assert!(trusted.reads_without_asking() && trusted.terminals());
}

#[test]
fn a_decision_can_name_its_rule() {
    let text = "[permissions]\nask = [\"Bash(git:*)\"]\ndeny = [\"Bash(git push:*)\"]";
    let scopes = Scopes::merge(vec![read(Level::Project, text)], false);
    let named = |line: &str| {
        scopes
            .forbids(|rule| rule.touches(line))
            .map(ToString::to_string)
    };
    // What refuses goes before what asks.
    assert_eq!(
        named("git push"),
        Some("deny Bash(git push:*), settings.toml line 3".to_owned())
    );
    assert_eq!(
        named("git log"),
        Some("ask Bash(git:*), settings.toml line 2".to_owned())
    );
    assert_eq!(named("ls"), None);
}

#[test]
fn what_the_machine_says_nobody_below_can_loosen() {
    let managed = read(
        Level::Managed,
        "[permissions]\nallow = [\"Bash(a)\"]\n[managed]\nallow_only = true\nterminals = false\nmodes = [\"plan\", \"ask\"]",
    );
    let user = read(
        Level::User,
        "mode = \"accept-edits\"\n[permissions]\nallow = [\"Bash(b)\"]",
    );
    for files in [
        vec![managed.clone(), user.clone()],
        vec![user.clone(), managed],
    ] {
        let scopes = Scopes::merge(files, true);
        assert_eq!(rules(scopes.allow()), ["Bash(a)"]);
        assert!(!scopes.terminals());
        assert!(!scopes.may_choose(Mode::AcceptEdits) && scopes.may_choose(Mode::Ask));
        assert_eq!(scopes.mode(), Mode::Ask);
    }
    for key in ["allow_only = true", "terminals = true", "modes = [\"ask\"]"] {
        for level in [Level::User, Level::Project, Level::Local] {
            let wrong = wrongs(level, &format!("[managed]\n{key}"));
            assert_eq!(
                wrong,
                ["settings.toml:1:2: only the machine's own settings may say this"]
            );
        }
    }
    assert_eq!(wrongs(Level::Managed, "[managed]\nmodes = []").len(), 1);
    assert_eq!(wrongs(Level::Managed, "[managed]\nterminals = 1").len(), 1);
}

#[test]
fn the_strictest_mode_and_the_shortest_time_count() {
    let file = |level, mode: &str| read(level, &format!("mode = \"{mode}\""));
    let mode = |files: Vec<Settings>, trusted| Scopes::merge(files, trusted).mode();
    assert_eq!(mode(vec![], true), Mode::Ask);
    assert_eq!(
        mode(vec![file(Level::User, "accept-edits")], false),
        Mode::AcceptEdits
    );
    assert_eq!(
        mode(
            vec![
                file(Level::User, "accept-edits"),
                file(Level::Project, "plan")
            ],
            false
        ),
        Mode::Plan
    );
    assert_eq!(
        mode(vec![file(Level::Project, "accept-edits")], false),
        Mode::Ask
    );
    assert_eq!(
        mode(vec![file(Level::Project, "accept-edits")], true),
        Mode::AcceptEdits
    );
    assert_eq!(
        mode(
            vec![file(Level::User, "ask"), file(Level::Local, "accept-edits")],
            true
        ),
        Mode::Ask
    );
    let managed = read(
        Level::Managed,
        "[managed]\nmodes = [\"plan\", \"accept-edits\"]",
    );
    assert_eq!(mode(vec![managed], true), Mode::Plan);

    let minutes = |number: u32| read(Level::User, &format!("approval_minutes = {number}"));
    assert_eq!(
        Scopes::merge(vec![minutes(60), minutes(5)], true).approval_minutes(),
        5
    );
    assert_eq!(Scopes::merge(vec![], true).approval_minutes(), 30);
}

#[test]
fn while_a_file_is_broken_everything_asks_and_what_is_denied_stays_denied() {
    let good = permissions(Level::User, "Bash(a)", "Bash(z)");
    let wrong = |level| Settings::read(level, "settings.toml", "x = 1").unwrap_err();
    let scopes = Scopes::broken(vec![good.clone()], wrong(Level::Project));
    assert!(scopes.allow().is_empty() && scopes.folders().is_empty());
    assert_eq!(rules(scopes.deny()), ["Bash(z)"]);
    assert!(!scopes.reads_without_asking());
    assert!(!scopes.may_choose(Mode::AcceptEdits));
    assert!(scopes.terminals());
    assert_eq!(scopes.wrong().len(), 1);
    // What the machine's own file forbids is not known then.
    assert!(!Scopes::broken(vec![good], wrong(Level::Managed)).terminals());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_places_in_it(text in "\\PC{0,200}|[\\[\\]{}=\",.a-z0-9 \n]{0,200}") {
        let lines = text.split('\n').count();
        if let Err(wrongs) = Settings::read(Level::User, "settings.toml", &text) {
            prop_assert!(!wrongs.is_empty());
            for wrong in wrongs {
                prop_assert!((1..=lines).contains(&wrong.line) && wrong.column >= 1);
            }
        }
    }
}

#[test]
fn a_person_may_always_be_stricter_and_looser_only_where_that_may_be_chosen() {
    let of = |text: &str| Scopes::merge(vec![read(Level::Managed, text)], true);
    let free = of("mode = \"ask\"\n");
    for mode in [Mode::Plan, Mode::Ask, Mode::AcceptEdits] {
        assert_eq!(free.mode_chosen(Some(mode)), mode);
    }
    assert_eq!(free.mode_chosen(None), Mode::Ask);
    let bound = of("mode = \"ask\"\n[managed]\nmodes = [\"ask\"]\n");
    assert_eq!(bound.mode_chosen(Some(Mode::AcceptEdits)), Mode::Ask);
    assert_eq!(bound.mode_chosen(Some(Mode::Plan)), Mode::Plan);
}
