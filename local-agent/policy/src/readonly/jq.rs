//! Filters of jq that read nothing but their input. The language cannot write or run anything; it can read modules and the environment.

/// Whether the filter has none of those words, in strings neither.
#[must_use]
pub fn only_reads(filter: &str) -> bool {
    const OTHERS: &[&str] = &[
        "env",
        "get_search_list",
        "import",
        "include",
        "input_filename",
        "modulemeta",
        "__prog_args",
    ];
    // `$ENV`, `$__prog_args`; `.env` is a field of the input.
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = filter;
    while let Some(at) = rest.find(is_word) {
        let before = rest.get(..at).unwrap_or_default();
        let fields = before.ends_with('.') && !before.ends_with("..");
        let word = rest.get(at..).unwrap_or_default();
        let length = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (word, behind) = word.split_at(length);
        let is_field = fields && word == "env";
        if word == "ENV" || OTHERS.contains(&word) && !is_field {
            return false;
        }
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::only_reads;

    #[test]
    fn a_filter_reads_its_input_and_no_environment_or_module() {
        for filter in [
            ".",
            ".env",
            ".a.env | keys",
            "map(select(.x))",
            "..|.name?",
            "input",
            "\"environment\"",
            "[.[] | .size] | add",
        ] {
            assert!(only_reads(filter), "{filter}");
        }
        for filter in [
            "env",
            "$ENV",
            "[env]",
            "env.HOME",
            "$ENV.HOME",
            "import \"a\" as b; .",
            "include \"a\"; .",
            "..env",
            ". env",
            "modulemeta",
            "$__prog_args",
        ] {
            assert!(!only_reads(filter), "{filter}");
        }
    }
}
