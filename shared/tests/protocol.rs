//! Ties `docs/PROTOCOL.md` to the code: what the page says is what the crate does.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use lanyard_shared::close::CloseCode;
use lanyard_shared::token::Kind;
use lanyard_shared::{approval, audit, frame, limits, noise, pair, proof, record, rotate, token};
use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/PROTOCOL.md");

/// The rows of the table whose first header cells are `header`, as trimmed cells.
fn table(header: &[&str]) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| -> Vec<&'static str> {
        let line = line.trim().trim_matches('|');
        line.split('|').map(str::trim).collect()
    };
    let mut lines = PAGE.lines();
    lines
        .find(|line| line.starts_with('|') && cells(line).starts_with(header))
        .unwrap_or_else(|| panic!("no table {header:?}"));
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

fn number(cell: &str) -> u8 {
    u8::from_str_radix(cell.strip_prefix("0x").unwrap(), 16).unwrap()
}

/// The words between backticks that `fits` takes.
fn quoted(fits: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
    let words = PAGE
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    words.filter(|word| fits(word)).collect()
}

fn is_context(text: &str) -> bool {
    text.starts_with("lanyard/") && text.ends_with("/v1")
}

#[test]
fn frame_kinds_are_those_of_the_page() {
    let page: Vec<(u8, &str)> = table(&["kind", "name", "from -> to"])
        .iter()
        .map(|row| (number(row[0]), row[1]))
        .collect();
    assert_eq!(page, frame::kind::ALL);
}

#[test]
fn record_kinds_are_those_of_the_page() {
    let page: Vec<(u8, String)> = table(&["kind", "name", "from", "stream"])
        .iter()
        .map(|row| match row[1] {
            "opening" if row[3] != "all others" => (number(row[0]), format!("{} opening", row[3])),
            name => (number(row[0]), name.to_owned()),
        })
        .collect();
    let code: Vec<(u8, String)> = record::kind::ALL
        .iter()
        .map(|(n, name)| (*n, (*name).to_owned()))
        .collect();
    assert_eq!(page, code);
}

#[test]
fn signatures_are_made_in_the_contexts_of_the_page_and_no_others() {
    let page: Vec<&str> = table(&["context", "signed by"])
        .iter()
        .map(|row| row[0].trim_matches('`'))
        .collect();
    let code = [
        proof::PROOF_CONTEXT,
        proof::ENROL_CONTEXT,
        token::SIGNER_CONTEXT,
        rotate::ROTATE_CONTEXT,
        rotate::IDENTITY_CONTEXT,
        rotate::FORMER_CONTEXT,
        rotate::NOISE_KEY_CONTEXT,
        rotate::REKEY_CONTEXT,
        approval::ANSWER_CONTEXT,
        audit::CHECKPOINT_CONTEXT,
        pair::PAIR_CONTEXT,
    ];
    assert_eq!(page, code);
}

#[test]
fn every_context_of_the_code_is_on_the_page_and_the_other_way_round() {
    let mut code = BTreeSet::new();
    contexts_in(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    let page: BTreeSet<String> = quoted(is_context).into_iter().map(str::to_owned).collect();
    assert_eq!(code, page);
}

fn contexts_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contexts_in(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let strings = source.split('"').filter(|text| is_context(text));
            found.extend(strings.map(str::to_owned));
        }
    }
}

#[test]
fn purposes_have_the_types_lives_and_renewals_of_the_page() {
    let row = |kind: &Kind| {
        let (name, typ) = (kind.name().to_owned(), kind.typ().to_owned());
        (name, typ, kind.life().as_secs(), kind.renewal().name())
    };
    let code: Vec<_> = Kind::ALL.iter().map(row).collect();
    let page: Vec<_> = table(&["purpose", "`typ`"])
        .iter()
        .map(|cells| {
            let (count, unit) = cells[3].split_once(' ').unwrap();
            let unit = match unit {
                "d" => 24 * 3600,
                "min" => 60,
                other => panic!("unit {other}"),
            };
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            (
                plain(cells[0]),
                plain(cells[1]),
                count.parse::<u64>().unwrap() * unit,
                cells[4],
            )
        })
        .collect();
    assert_eq!(page, code);
}

#[test]
fn every_close_code_the_page_names_exists() {
    let hyphenated = |word: &str| {
        word.contains('-')
            && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            && !matches!(word, "link-proof" | "lanyard-shared")
    };
    let named = quoted(hyphenated);
    assert!(named.contains("clock-skew"), "the page is read wrongly");
    for name in named {
        let known = CloseCode::ALL.iter().any(|code| code.name() == name);
        assert!(known, "the page names `{name}`");
    }
}

#[test]
fn close_codes_fit_into_the_private_range_of_websocket_close_frames() {
    // RFC 6455, section 7.4.2: 4000 to 4999.
    assert!(PAGE.contains("code 4000 + code"));
    assert!(CloseCode::ALL.iter().all(|code| (*code as u16) < 1000));
}

#[test]
fn noise_protocols_are_those_of_the_page() {
    assert!(PAGE.contains(&format!("`{}`", noise::SESSION_PROTOCOL)));
    assert!(PAGE.contains(&format!("`{}`", noise::PAIR_PROTOCOL)));
}

#[test]
fn bounds_on_the_page_are_those_of_the_code() {
    let secs = |duration: std::time::Duration| duration.as_secs();
    for claim in [
        format!("at most {} bytes", thousands(limits::FRAME_MAX)),
        format!(
            "a peer may send {} bytes",
            thousands(limits::UNPROVEN_BYTES)
        ),
        format!("and has {} seconds", secs(limits::UNPROVEN_TIME)),
        format!(
            "`held` ({} ms)",
            thousands(limits::PROOF_HELD.as_millis() as usize)
        ),
        format!("Above {} s of difference", secs(limits::CLOCK_WARN)),
        format!(
            "above {} min the link is refused",
            secs(limits::CLOCK_REFUSE) / 60
        ),
        format!(
            "At most {} signers (certified for {} h at most), {} devices, {} revoked ids, {} rendezvous",
            limits::SIGNERS_MAX,
            secs(limits::LIFE_SIGNER) / 3600,
            limits::DEVICES_MAX,
            limits::REVOKED_MAX,
            limits::RENDEZVOUS_MAX
        ),
        format!("({} KiB per stream)", limits::RELAY_WINDOW / 1024),
        format!(
            "At most {} streams per viewer link",
            limits::STREAMS_PER_VIEWER
        ),
        format!("(1 to {} of them", limits::VERSIONS_MAX),
        format!("UTF-8, at most {} bytes", limits::SENTENCE_MAX),
        format!(
            "gives the link up after {} s of silence",
            secs(limits::DIALLER_SILENCE)
        ),
        format!("gives a link up after {} s", secs(limits::RELAY_SILENCE)),
        format!(
            "the first welcome has not come after {} s",
            secs(limits::WELCOME_TIME)
        ),
        format!("nobody has accepted after {} s", secs(limits::STREAM_TIME)),
        format!("nothing was heard for {} s", secs(limits::SESSION_SILENCE)),
        format!("at most {} bytes. Header", thousands(limits::TOKEN_MAX)),
        format!(
            "opens within {} s of `iat`",
            secs(limits::TOKEN_OPENS_WITHIN)
        ),
        format!(
            "The secret lives {} minutes",
            secs(limits::PAIRING_LIFE) / 60
        ),
        format!(
            "A transport message is at most {} bytes",
            thousands(limits::MESSAGE_MAX)
        ),
        format!("every {} s in a visible page", secs(limits::HEARTBEAT)),
    ] {
        assert!(PAGE.contains(&claim), "the page should say: {claim}");
    }
    assert_eq!(limits::CREDIT_MAX, 1 << 31);
    assert!(PAGE.contains("never exceeds 2^31"));
    assert_eq!((limits::PAIRING_TRIES, secs(limits::LEASE_GUARD)), (3, 1));
    assert!(PAGE.contains("by the third message 1") && PAGE.contains("a second earlier"));
    assert_eq!(secs(limits::ENROL_LIFE), 600);
    assert!(PAGE.contains("ten minutes, once"));
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
