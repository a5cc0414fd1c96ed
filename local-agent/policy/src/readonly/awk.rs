//! Programs of awk that do nothing but select and print: patterns, `print`, fields, sums. POSIX, "awk". No functions that run or read
//! anything, no assignment to the variables that change how it reads, and nothing that could be a redirection: between braces no `>` and
//! no `|` at all.

/// Whether the program is of that kind.
#[must_use]
pub fn only_prints(program: &str) -> bool {
    // Whatever else was read from it.
    const NEVER: &[&str] = &["system", "getline", "close", "ENVIRON", "ARGV"];
    !NEVER.iter().any(|word| program.contains(word))
        && tokens(program).is_some_and(|tokens| fits(&tokens))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Number,
    Text,
    Expression,
    Sign(char),
}

/// Words that only compute and print. Others are variables of the program's own: one small letter, or one of these.
const WORDS: &[&str] = &[
    "BEGIN", "END", "FNR", "NF", "NR", "count", "else", "if", "in", "index", "int", "length",
    "max", "min", "next", "print", "printf", "sprintf", "substr", "sum", "tolower", "total",
    "toupper",
];

/// Variables that are set: only in these may a value be put.
fn is_own(word: &str) -> bool {
    let is_letter = word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    is_letter || ["count", "max", "min", "sum", "total"].contains(&word)
}

fn fits(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_usize;
    let mut before = None;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => {
                let Some(less) = depth.checked_sub(1) else {
                    return false;
                };
                depth = less;
            }
            // A redirection, or a comparison that looks like one.
            Token::Sign('>' | '|') if depth > 0 => return false,
            // `||` outside of braces; a single one is a pipe.
            Token::Sign('|')
                if next != Some(&Token::Sign('|')) && before != Some(&Token::Sign('|')) =>
            {
                return false;
            }
            // What is called is among the words, or is no function.
            Token::Word(word) if next == Some(&Token::Sign('(')) && is_own(word) => return false,
            Token::Word(word) if !WORDS.contains(word) && !is_own(word) => return false,
            Token::Sign('=')
                if !matches!(
                    before,
                    Some(Token::Sign(
                        '=' | '!' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | ']'
                    ))
                ) =>
            {
                let compares = next == Some(&Token::Sign('='));
                let sets_own = matches!(before, Some(Token::Word(word)) if is_own(word));
                if !compares && !sets_own {
                    return false;
                }
            }
            Token::Word(_) | Token::Number | Token::Text | Token::Expression | Token::Sign(_) => {}
        }
        before = Some(token);
    }
    depth == 0
}

fn tokens(program: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = program;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            ' ' | '\t' => 1,
            '"' => closed(rest, '"')?,
            // Elsewhere a slash divides, or nobody knows: to divide is rare, so it is not taken.
            '/' => match tokens.last() {
                None | Some(Token::Sign('(' | ',' | '{' | '}' | ';' | '!' | '~' | '&' | '|')) => {
                    expression(rest)?
                }
                Some(_) => return None,
            },
            'a'..='z' | 'A'..='Z' | '_' => rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len()),
            '0'..='9' => rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len()),
            '{' | '}' | '(' | ')' | '[' | ']' | ',' | ';' | '$' | '=' | '!' | '<' | '>' | '~'
            | '&' | '|' | '+' | '-' | '*' | '%' | '?' | ':' => 1,
            _ => return None,
        };
        let (token, behind) = rest.split_at(length);
        tokens.extend(match c {
            ' ' | '\t' => None,
            '"' => Some(Token::Text),
            '/' => Some(Token::Expression),
            '0'..='9' => Some(Token::Number),
            'a'..='z' | 'A'..='Z' | '_' => Some(Token::Word(token)),
            _ => Some(Token::Sign(c)),
        });
        rest = behind;
    }
    Some(tokens)
}

/// The length of a regular expression. Brackets hold nothing but letters, digits and a few signs: where others end is read in two ways.
fn expression(text: &str) -> Option<usize> {
    let length = closed(text, '/')?;
    let mut rest = text.get(1..length)?;
    while let Some(at) = rest.find(['[', '\\']) {
        let (sign, behind) = rest.get(at..)?.split_at(1);
        if sign == "\\" {
            rest = behind.get(behind.chars().next()?.len_utf8()..)?;
            continue;
        }
        let inside = behind.strip_prefix('^').unwrap_or(behind);
        let (inside, behind) = inside.split_once(']')?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_ .,-".contains(c);
        if inside.is_empty() || !inside.chars().all(is_plain) {
            return None;
        }
        rest = behind;
    }
    Some(length)
}

/// The length up to the sign that closes what this one opens.
fn closed(text: &str, sign: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == sign && !escaped {
            return Some(at + 1);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::only_prints;

    #[test]
    fn programs_that_select_and_print_are_known() {
        for program in [
            "{print $1}",
            "{print $1, $NF}",
            "NR==5",
            "NR>=10 && NR<=20",
            "NR > 1 {print $2}",
            "/foo/",
            "/foo/{print $2}",
            "!/^#/",
            "$3 == \"x\" {print}",
            "{s+=$1} END {print s}",
            "{ sum += $2 } END { print sum }",
            "END{print NR}",
            "length > 80",
            "length($0) > 80",
            "{print NR \": \" $0}",
            "!a[$0]++",
            "{c[$1]++} END {for (k in c) print k}",
            "/a/,/b/",
            "{printf \"%s\\n\", $2}",
            "$1 ~ /x/ || $2 ~ /y/",
            "{print substr($0, 1, 10)}",
            "1",
            "NF",
        ] {
            let known = only_prints(program);
            // Loops are not among the words.
            assert_eq!(known, !program.contains("for"), "{program}");
        }
    }

    #[test]
    fn all_others_ask() {
        for program in [
            "BEGIN{system(\"id\")}",
            "{print > \"out\"}",
            "{print >> \"out\"}",
            "{print | \"sh\"}",
            "{\"id\" | getline}",
            "{getline x < \"f\"}",
            "{print $1 > $2}",
            "BEGIN{while(1){}}",
            "BEGIN{FS=\":\"}",
            "{ENVIRON[\"A\"]}",
            "BEGIN{for(k in ENVIRON) print k}",
            "@load \"x\"",
            "@include \"x\"",
            "function f(x){}",
            "{close(\"x\")}",
            "{a(\"x\")}",
            "{print} # x",
            "{print `id`}",
            "BEGIN{ARGV[1]=\"/etc/passwd\"}",
            "{$1=\"x\"; print}",
            "{print \"a",
            "/a",
            "{print",
            "print}",
            "{s=system(\"id\")}",
            "{print $1 / 2}",
            "/[/]/ {system(\"id\")} /]/",
            "{printf \"x\" | \"sh\"}",
            "NR>1 | \"sh\"",
            "{n++ /1;print > \"x\";n=1 /1}",
            "/[]/] ~ /{print > \"x\"} /~/x/ 1",
            "/[[:alpha:]/] /{print > \"x\"} /x/",
            "/[^]/]/",
            "{print $1\\\n}",
        ] {
            assert!(!only_prints(program), "{program}");
        }
    }
}
