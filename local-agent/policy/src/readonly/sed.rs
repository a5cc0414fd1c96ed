//! Scripts of sed that do nothing but print: addresses, `p`, `d`, `s` without `w` and `e`, and their like. POSIX, "sed"; GNU's additions
//! where they only select. No labels, no files, no text that runs to the end of the line.

/// Whether the script is of that kind.
#[must_use]
pub fn only_prints(script: &str) -> bool {
    let mut script = Script {
        rest: script.as_bytes(),
        depth: 0,
    };
    script.commands().is_some() && script.depth == 0
}

struct Script<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl Script<'_> {
    fn commands(&mut self) -> Option<()> {
        loop {
            while matches!(self.rest.first(), Some(b' ' | b'\t' | b';')) {
                self.next();
            }
            if self.rest.is_empty() {
                return Some(());
            }
            self.command()?;
        }
    }

    fn command(&mut self) -> Option<()> {
        if self.address(false)? {
            self.blanks();
            if self.take(b',') {
                self.blanks();
                if !self.address(true)? {
                    return None;
                }
            }
        }
        self.blanks();
        while self.take(b'!') {
            self.blanks();
        }
        match self.next()? {
            b'{' => {
                self.depth += 1;
                return Some(());
            }
            b'}' => self.depth = self.depth.checked_sub(1)?,
            b'p' | b'P' | b'd' | b'D' | b'n' | b'N' | b'h' | b'H' | b'g' | b'G' | b'x' | b'='
            | b'l' | b'z' => {}
            b'q' | b'Q' => {
                self.blanks();
                self.digits();
            }
            b's' => {
                self.parts()?;
                while self
                    .rest
                    .first()
                    .is_some_and(|flag| flag.is_ascii_digit() || b"gpiImM".contains(flag))
                {
                    self.next();
                }
            }
            b'y' => self.parts()?,
            _ => return None,
        }
        self.blanks();
        matches!(self.rest.first(), None | Some(b';' | b'}')).then_some(())
    }

    /// Whether there is one.
    fn address(&mut self, second: bool) -> Option<bool> {
        match self.rest.first() {
            Some(b'$') => {
                self.next();
            }
            Some(b'/') => {
                self.next();
                self.part(b'/')?;
                while matches!(self.rest.first(), Some(b'I' | b'M')) {
                    self.next();
                }
            }
            Some(b'+' | b'~') if second => {
                self.next();
                if !self.digits() {
                    return None;
                }
            }
            Some(b'0'..=b'9') => {
                self.digits();
                if self.take(b'~') && !self.digits() {
                    return None;
                }
            }
            _ => return Some(false),
        }
        Some(true)
    }

    /// `/this/that/`, with any sign in the slash's place that is surely none of the language's own.
    fn parts(&mut self) -> Option<()> {
        let sign = self.next()?;
        if !b"/|#,:@%!_+~".contains(&sign) {
            return None;
        }
        self.part(sign)?;
        self.part(sign)
    }

    /// Up to the sign that ends it. Whether a sign between brackets ends it too is read in two ways, so there it may not stand.
    fn part(&mut self, end: u8) -> Option<()> {
        let mut brackets = false;
        loop {
            match self.next()? {
                b'\\' => {
                    self.next()?;
                }
                byte if byte == end => return (!brackets).then_some(()),
                b'[' => brackets = true,
                b']' => brackets = false,
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> bool {
        let before = self.rest.len();
        while matches!(self.rest.first(), Some(b'0'..=b'9')) {
            self.next();
        }
        self.rest.len() < before
    }

    fn blanks(&mut self) {
        while matches!(self.rest.first(), Some(b' ' | b'\t')) {
            self.next();
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let is = self.rest.first() == Some(&byte);
        if is {
            self.next();
        }
        is
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }
}

#[cfg(test)]
mod tests {
    use super::only_prints;

    #[test]
    fn scripts_that_print_are_known() {
        for script in [
            "10p",
            "1,20p",
            "$p",
            "5,$p",
            "/a/,/b/p",
            "1!p",
            "1~2p",
            "100,+20p",
            "/x/=",
            "1,3p;10,12p",
            "/fn main/p",
            "s/a/b/",
            "s/a\\/b/c/gp",
            "s|.*/||",
            "s/[^:]*://2",
            "/a/d",
            "/^$/d; s/ *$//",
            "10q",
            "/a/{p;q}",
            "/a/I,+2 { s/x/y/ ; p }",
            "y/abc/xyz/",
            "$!d",
            "/a\\/b/p",
            "",
        ] {
            assert!(only_prints(script), "{script}");
        }
    }

    #[test]
    fn all_others_ask() {
        for script in [
            "w out",
            "1w out",
            "1,5w out",
            "s/a/b/w out",
            "s/a/b/e",
            "s/a/b/pw out",
            "e id",
            "1e",
            "r /etc/passwd",
            "R x",
            "W x",
            "a text",
            "i\\ x",
            "c x",
            ":a",
            "b",
            "ta",
            "F",
            "p w",
            "/a/w/b/p",
            "s/a/b/;w x",
            "s,a,b,w x",
            "1{p;w out",
            "}",
            "{",
            "s/a/b",
            "y/a/b",
            "sxaxbx",
            "s\nanbn",
            "/[/]/w x/p",
            "s/[/]/;e id;/p",
            "1,p",
            "1~p",
            "p;;e",
            "v;e ./x",
            "\\,a,p",
            "v",
            "L",
            "T",
            "1,2,3p",
        ] {
            assert!(!only_prints(script), "{script}");
        }
    }
}
