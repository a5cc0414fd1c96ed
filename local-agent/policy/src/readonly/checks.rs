//! What of a few programs no table can say.

use super::arguments::Arguments;
use super::{NotReadOnly, awk, jq, sed};

/// Looks at the arguments once more.
///
/// # Errors
/// They do more than read, or it is not known.
pub fn check(name: &str, program: &str, read: &Arguments) -> Result<(), NotReadOnly> {
    let fits = match name {
        "awk" => {
            awk::only_prints(read.pattern.as_deref().unwrap_or_default())
                && !read.operands.iter().any(|word| word.contains('='))
        }
        "command" => read.has(&["-v"]),
        "date" => read.operands.iter().all(|word| word.starts_with('+')),
        "gzip" => to_the_screen(read),
        "jq" => read.pattern.as_deref().is_some_and(jq::only_reads),
        "ps" => processes(read),
        "sed" => scripts(read).all(sed::only_prints),
        "sleep" => read.operands.iter().all(|word| {
            word.parse::<f64>()
                .is_ok_and(|seconds| (0.0..=60.0).contains(&seconds))
        }),
        "test" => tests(program, &read.operands),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(NotReadOnly::Script(format!(
        "what `{program}` is told here is not known to only read"
    )))
}

/// Without one of these gzip puts another file in the place of the one it reads.
fn to_the_screen(read: &Arguments) -> bool {
    read.has(&[
        "-c",
        "--stdout",
        "--to-stdout",
        "-l",
        "--list",
        "-t",
        "--test",
    ])
}

fn scripts(read: &Arguments) -> impl Iterator<Item = &str> {
    let options = read.values(&["-e", "--expression"]);
    read.pattern.as_deref().into_iter().chain(options)
}

/// Options without a sign are those of BSD: among them `e`, which shows each process's environment.
fn processes(read: &Arguments) -> bool {
    let plain = |word: &String| {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        is_number
            || word
                .bytes()
                .all(|byte| b"aAfFhHjlmnrSTuvwxX".contains(&byte))
    };
    let fields = read.values(&["-o", "-O", "--format", "--sort"]);
    read.operands.iter().all(plain) && fields.into_iter().all(|fields| !fields.contains("env"))
}

/// Words of a test. In a shell `-v` and arrays could run something; the program has no such thing, and they are not taken.
fn tests(program: &str, words: &[String]) -> bool {
    const SIGNS: &[&str] = &[
        "-a", "-b", "-c", "-d", "-e", "-ef", "-eq", "-f", "-g", "-ge", "-gt", "-h", "-k", "-L",
        "-le", "-lt", "-n", "-ne", "-nt", "-o", "-ot", "-p", "-r", "-s", "-S", "-t", "-u", "-w",
        "-x", "-z", "-G", "-N", "-O",
    ];
    let words = match (program, words) {
        ("[", [words @ .., last]) if last == "]" => words,
        ("[", _) => return false,
        (_, [.., last]) if last == "]" => return false,
        (_, words) => words,
    };
    let stays = |word: &String| !word.starts_with('/') && !word.split('/').any(|part| part == "..");
    let is_known = |word: &String| {
        !word.starts_with('-') || SIGNS.contains(&word.as_str()) || word.parse::<i64>().is_ok()
    };
    words.iter().all(|word| stays(word) && is_known(word))
}
