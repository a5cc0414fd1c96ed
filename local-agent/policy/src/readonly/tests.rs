use super::*;
use crate::grammar;
use crate::place::NoFiles;
use std::path::Path;

/// Of a line with one command.
fn check_one(line: &str) -> Result<Reads, String> {
    let place = Place::new(Path::new("/w/project"), &[], &NoFiles);
    let line = grammar::parse(line).unwrap();
    check(line.commands().next().unwrap(), &place).map_err(|why| why.to_string())
}

#[test]
fn every_table_is_read() {
    let mut tables = Tables::new();
    for text in TEXTS {
        assert_eq!(table::read(text, &mut tables), Ok(()));
    }
    assert!(tables.len() > 100, "{}", tables.len());
}

#[test]
fn every_check_that_a_table_names_is_there() {
    let names = TABLES
        .values()
        .filter_map(|program| program.check.as_deref());
    for name in names {
        let none = arguments::Arguments::default();
        let known = [
            "awk", "command", "date", "gzip", "jq", "ps", "sed", "sleep", "test",
        ];
        assert!(known.contains(&name), "{name}");
        let _ = checks::check(name, name, &none);
    }
}

#[test]
fn options_are_read_as_programs_read_them() {
    for line in [
        "head -20 a",
        "head -n20 a",
        "head -n 20 a",
        "head -qn 20 a",
        "head --lines=20 a",
        "head --lines 20 a",
        "head a -n 20",
        "head -- -n",
        "grep -rnE x -A3 src",
        "grep -e x -e y a b",
        "rg --files",
        "rg -l x",
        "git log -5 --oneline -- src",
        "git log -S'x y'",
        "find . ( -name x -o -name y ) -print",
    ] {
        let line = line.replace('(', "\\(").replace(')', "\\)");
        assert!(check_one(&line).is_ok(), "{line}: {:?}", check_one(&line));
    }
    for line in [
        "sort -o a b",
        "sort -uo a b",
        "sort b -oa",
        "sort --outp=a b",
        "sort --output=a b",
        "uniq a b",
        "xxd a b",
        "head --line=20 a",
        "head -n",
        "head -n x a",
        "grep",
        "tree -ao out",
        "git log --output=a",
        "git -c a=b log",
        "git log --ext-diff",
        "git stash",
        "git branch x",
        "git tag x",
        "git remote update",
        "git reflog expire",
        "git log --format=%G?",
        "git log --pretty=mine",
        "find . -delete",
        "find . -fprint x",
        "date 010100002020",
        "gzip a",
        "ps auxe",
        "nm @a",
    ] {
        assert!(check_one(line).is_err(), "{line}");
    }
}

#[test]
fn a_pattern_of_names_never_becomes_an_option_or_a_file_that_is_written() {
    for line in [
        "ls *",
        "cat *.md",
        "wc -l src/*",
        "wc -l -- *",
        "grep x src/*.rs",
        "git log -- *.rs",
        "grep -r --include=*.rs x .",
    ] {
        assert!(check_one(line).is_ok(), "{line}: {:?}", check_one(line));
    }
    for line in [
        "wc *",
        "rg x *",
        "uniq a*",
        "xxd a*",
        "find . -name *.rs",
        "sort -t *",
        "grep x*",
        "git log *",
        "cat */../../x",
        "cat .*",
        "strings -- *",
        "cat *.pem",
    ] {
        assert!(check_one(line).is_err(), "{line}");
    }
}

#[test]
fn a_script_is_started_as_the_program_that_it_stands_for() {
    let reads = check_one("egrep -n 'a|b' x").unwrap();
    assert_eq!(reads.program, "grep");
    assert_eq!(
        reads.arguments.first().and_then(Word::literal).as_deref(),
        Some("-E")
    );
    assert!(check_one("zcat a.gz").is_ok());
    assert!(check_one(": a").is_err());
}

#[test]
fn git_is_followed_into_other_folders_of_the_workspace_alone() {
    assert!(check_one("git -C sub --no-pager log").is_ok());
    for line in [
        "git -C .. log",
        "git -C /tmp log",
        "git --git-dir=x log",
        "git --work-tree=x status",
        "git --exec-path=x log",
        "git -p log",
        "git diff a ../b",
        "git diff /etc/passwd a",
        "git show HEAD:.env",
        "git log --format=%+G?",
        "git branch --abbrev 7",
        "git for-each-ref --sort=signature",
    ] {
        assert!(check_one(line).is_err(), "{line}");
    }
}

#[test]
fn programs_with_option_readers_of_their_own_are_read_as_they_read() {
    for line in [
        "tree -L 2 -I x",
        "xxd -l 16 a",
        "ps -eo pid,comm",
        "awk -F : 1 a",
        "nm -f posix a",
    ] {
        assert!(check_one(line).is_ok(), "{line}: {:?}", check_one(line));
    }
    for line in [
        "tree -Io x a",
        "tree -Pfo x a",
        "tree -L2",
        "xxd a -p",
        "ps -auxe",
        "ps -weauxe",
        "awk 1 -F .env",
        "nm -f @a b",
        "strings -s @a b",
        "objdump -S a",
        "md5sum -c a",
    ] {
        assert!(check_one(line).is_err(), "{line}");
    }
}

#[test]
fn git_lists_what_is_put_aside_without_another_git() {
    let reads = check_one("git --no-pager stash list -3 --stat").unwrap();
    let words: Vec<_> = reads.arguments.iter().filter_map(Word::literal).collect();
    assert_eq!(
        words,
        [
            "--no-pager",
            "log",
            "--format=%gd: %gs",
            "-g",
            "--first-parent",
            "-3",
            "--stat",
            "--glob=refs/stas[h]"
        ]
    );
}
