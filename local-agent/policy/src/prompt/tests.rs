use super::*;
use proptest::prelude::*;

fn flags(text: &str) -> Vec<Flag> {
    show(text).flags.into_iter().collect()
}

/// The original, read from what is shown.
fn read_back(shown: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some((before, escape)) = rest.split_once('⟨') {
        bytes.extend(before.bytes());
        let (escape, after) = escape.split_once('⟩').unwrap();
        rest = after;
        if let Some(number) = escape.strip_prefix("U+") {
            let c = char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap();
            bytes.extend(c.to_string().bytes());
            if c == '\n' {
                rest = after.strip_prefix('\n').unwrap();
            }
        } else {
            let number = escape.strip_prefix("0x").unwrap();
            bytes.push(u8::from_str_radix(number, 16).unwrap());
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

#[test]
fn plain_text_is_shown_as_it_is() {
    for text in [
        "",
        "git log --oneline",
        "echo '\\n' \"a\\\\b\"",
        "caf\u{e9} \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} \u{6f22}\u{5b57}",
        "a  b",
    ] {
        assert_eq!(show(text).text, text);
    }
    assert!(flags("git log").is_empty());
}

#[test]
fn what_cannot_be_seen_is_shown_by_its_number() {
    for (text, shown) in [
        ("a\u{202e}b", "a⟨U+202E⟩b"),
        ("a\u{200b}b", "a⟨U+200B⟩b"),
        ("a\u{0}b\u{1b}[2K", "a⟨U+0000⟩b⟨U+001B⟩[2K"),
        ("a\tb", "a⟨U+0009⟩b"),
        ("a\rb", "a⟨U+000D⟩b"),
        ("a\nb", "a⟨U+000A⟩\nb"),
        ("a\\nb", "a\\nb"),
        ("a\u{ad}b", "a⟨U+00AD⟩b"),
        ("a\u{a0}b", "a⟨U+00A0⟩b"),
        ("a\u{3000}b", "a⟨U+3000⟩b"),
        ("a\u{fe0f}b", "a⟨U+FE0F⟩b"),
        ("a\u{e0041}b", "a⟨U+E0041⟩b"),
        ("a\u{e000}b", "a⟨U+E000⟩b"),
        ("a\u{378}b", "a⟨U+0378⟩b"),
        ("a\u{3164}b", "a⟨U+3164⟩b"),
        ("a\u{2800}b", "a⟨U+2800⟩b"),
        ("a\u{1d159}b", "a⟨U+1D159⟩b"),
        ("a\u{fffc}b", "a⟨U+FFFC⟩b"),
        ("e\u{301}", "e⟨U+0301⟩"),
        ("\u{5d0}", "⟨U+05D0⟩"),
        ("\u{ff52}\u{ff4d}", "⟨U+FF52⟩⟨U+FF4D⟩"),
        ("\u{1100}\u{1161}", "⟨U+1100⟩⟨U+1161⟩"),
        ("⟨U+202E⟩", "⟨U+27E8⟩U+202E⟩"),
        ("a ", "a⟨U+0020⟩"),
        ("a \nb", "a⟨U+0020⟩⟨U+000A⟩\nb"),
    ] {
        assert_eq!(show(text).text, shown, "{text:?}");
    }
    assert_eq!(show_bytes(b"a\xffb\xc3").text, "a⟨0xFF⟩b⟨0xC3⟩");
}

#[test]
fn a_person_is_told_what_is_strange() {
    use Flag::*;
    for (text, expected) in [
        ("a\u{7}", vec![Control]),
        ("a\u{202e}", vec![Bidi, NotAscii]),
        ("\u{5d0}", vec![Bidi, NotAscii]),
        ("a\u{200b}", vec![Invisible, NotAscii]),
        ("\u{115f}", vec![Invisible, NotAscii]),
        ("caf\u{e9}", vec![NotAscii]),
        ("\u{441}at", vec![NotAscii, LookAlike]),
        ("\u{441}\u{43e}\u{440}", vec![NotAscii, LookAlike]),
        ("\u{ff52}m", vec![NotAscii, LookAlike]),
        ("a\u{2044}b", vec![NotAscii, LookAlike]),
        (
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} cat",
            vec![NotAscii],
        ),
        ("a\nb", vec![ManyLines]),
        ("a\rb", vec![Control, ManyLines]),
        ("a\n", vec![]),
        ("a          b", vec![Blanks]),
        ("a     \u{3000}    b", vec![Invisible, NotAscii, Blanks]),
        ("a         b", vec![]),
    ] {
        assert_eq!(flags(text), expected, "{text:?}");
    }
    assert_eq!(flags(&"a".repeat(501)), [Long]);
    assert!(flags(&"a".repeat(500)).is_empty());
    assert_eq!(
        show_bytes(b"\xff").flags.into_iter().collect::<Vec<_>>(),
        [Invisible]
    );
}

#[test]
fn lines_and_characters_are_those_of_the_original() {
    for (text, lines, length) in [
        ("", 0, 0),
        ("a", 1, 1),
        ("a\n", 1, 2),
        ("a\nb", 2, 3),
        ("a\r\nb\rc", 3, 6),
        ("a\u{2028}b\u{85}c", 3, 5),
        ("\n\n", 2, 2),
        ("\u{1f600}", 1, 1),
    ] {
        let shown = show(text);
        assert_eq!((shown.lines, shown.length), (lines, length), "{text:?}");
    }
    assert_eq!(show_bytes(b"\xff\xfe").length, 2);
}

#[test]
fn nothing_is_cut_off() {
    let text = "a".repeat(1 << 20);
    assert_eq!(show(&text).text, text);
}

#[test]
fn flags_are_written_in_kebab_case() {
    let shown = show("a\u{202e}\n\u{441}b");
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(
        json["flags"],
        serde_json::json!(["bidi", "not-ascii", "look-alike", "many-lines"])
    );
}

fn is_fit_to_show(text: &str) -> bool {
    let mut before = None;
    text.chars().all(|c| {
        let fit = match c {
            '\n' => before == Some('⟩'),
            _ => {
                let direction = unicode_bidi::bidi_class(c);
                let turns = !matches!(
                    direction,
                    BidiClass::L
                        | BidiClass::EN
                        | BidiClass::ES
                        | BidiClass::ET
                        | BidiClass::CS
                        | BidiClass::ON
                        | BidiClass::WS
                );
                c == ' '
                    || !turns && !c.is_control() && !c.is_whitespace() && c.width().unwrap_or(0) > 0
            }
        };
        before = Some(c);
        fit
    })
}

proptest! {
    #[test]
    fn two_texts_never_look_the_same(text in "\\PC{0,40}|[⟨⟩U+x0-9A-F \\\\n\n\r\t]{0,40}|.{0,40}", other in any::<String>()) {
        for text in [text, other] {
            let shown = show(&text);
            prop_assert_eq!(read_back(&shown.text), text.as_bytes());
            prop_assert!(is_fit_to_show(&shown.text), "{:?}", shown.text);
            prop_assert!(!shown.text.ends_with(' '));
        }
    }

    #[test]
    fn two_strings_of_bytes_never_look_the_same(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let shown = show_bytes(&bytes);
        prop_assert_eq!(read_back(&shown.text), bytes);
        prop_assert!(is_fit_to_show(&shown.text), "{:?}", shown.text);
    }
}

#[test]
fn every_character_there_is_can_be_shown() {
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        let shown = show(&text).text;
        assert_eq!(read_back(&shown), text.as_bytes());
        assert!(is_fit_to_show(&shown), "{shown:?}");
    }
}
