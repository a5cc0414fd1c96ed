//! Renders `relay/web/src/core/generated/` from this crate and fails when what is committed differs.
//!
//! Regenerate: `LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test generated`

use lanyard_shared::close::CloseCode;
use lanyard_shared::{access, approval, audit, b64, frame, ids, limits, msg, record, rotate, time};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ts_rs::{Config, TS};

const COMMAND: &str = "LANYARD_REGENERATE=1 cargo test -p lanyard-shared --test generated";

#[test]
fn committed_typescript_is_what_this_crate_generates() {
    let folder = root().join("relay/web/src/core/generated");
    for (name, text) in files() {
        let path = folder.join(name);
        if std::env::var_os("LANYARD_REGENERATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{path:?} is out of date: run `{COMMAND}`"
        );
    }
}

#[test]
fn every_type_marked_for_export_is_exported() {
    let types = types();
    for source in std::fs::read_dir(root().join("shared/src")).unwrap() {
        let path = source.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for after in source.split("#[ts(export)]").skip(1) {
            let line = after.lines().find(|l| l.starts_with("pub ")).unwrap();
            let name = line.split([' ', '<', '(']).nth(2).unwrap();
            assert!(
                types.contains(&format!("export type {name} = ")),
                "{path:?} marks {name} for export; list it in tests/generated.rs"
            );
        }
    }
}

#[test]
fn no_generated_type_is_any_or_a_bigint() {
    let types = types();
    for word in [": any", "<any", "bigint", "unknown"] {
        assert!(!types.contains(word), "`{word}` in the generated types");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files() -> Vec<(&'static str, String)> {
    vec![
        (
            "index.ts",
            format!(
                "{}export * from \"./types\";\nexport * from \"./constants\";\nexport * from \"./words\";\n",
                banner()
            ),
        ),
        ("types.ts", types()),
        ("constants.ts", constants()),
        ("words.ts", words()),
    ]
}

fn banner() -> String {
    format!("// Generated from `shared/` by `{COMMAND}`. Do not edit.\n\n")
}

fn types() -> String {
    let config = Config::new();
    let mut out = banner();
    // The names of things are text on the wire: 22 characters of base64url.
    declare::<ids::AgentId>(&mut out, &config);
    declare::<ids::DeviceId>(&mut out, &config);
    declare::<ids::ConnId>(&mut out, &config);
    declare::<ids::TokenId>(&mut out, &config);
    declare::<ids::RendezvousId>(&mut out, &config);
    declare::<ids::TerminalId>(&mut out, &config);
    declare::<ids::ApprovalId>(&mut out, &config);
    declare::<ids::WriterId>(&mut out, &config);
    declare::<b64::Bytes<32>>(&mut out, &config);
    declare::<time::UnixMs>(&mut out, &config);

    declare::<frame::Challenge>(&mut out, &config);
    declare::<frame::Role>(&mut out, &config);
    declare::<frame::Proof>(&mut out, &config);
    declare::<frame::Welcome>(&mut out, &config);

    declare::<msg::Scope>(&mut out, &config);
    declare::<msg::Wanted>(&mut out, &config);
    declare::<access::Reach>(&mut out, &config);
    declare::<access::DeviceEntry>(&mut out, &config);
    declare::<access::TokenEntry>(&mut out, &config);
    declare::<access::Revocation>(&mut out, &config);
    declare::<access::DevicesRequest>(&mut out, &config);
    declare::<access::DevicesReply>(&mut out, &config);
    declare::<approval::Request>(&mut out, &config);
    declare::<approval::Asker>(&mut out, &config);
    declare::<approval::Program>(&mut out, &config);
    declare::<approval::Fences>(&mut out, &config);
    declare::<approval::Card>(&mut out, &config);
    declare::<approval::Risk>(&mut out, &config);
    declare::<approval::Part>(&mut out, &config);
    declare::<approval::Verdict>(&mut out, &config);
    declare::<approval::Answer>(&mut out, &config);
    declare::<approval::Settled>(&mut out, &config);
    declare::<approval::Holds>(&mut out, &config);
    declare::<approval::Mode>(&mut out, &config);
    declare::<approval::Granted>(&mut out, &config);
    declare::<audit::Head>(&mut out, &config);
    declare::<approval::End>(&mut out, &config);
    declare::<approval::By>(&mut out, &config);
    declare::<rotate::IdentityCert>(&mut out, &config);
    declare::<rotate::NoiseCert>(&mut out, &config);
    declare::<rotate::NewKeys>(&mut out, &config);
    declare::<msg::Offer>(&mut out, &config);
    declare::<msg::PairRequest>(&mut out, &config);
    declare::<msg::PairReply>(&mut out, &config);
    declare::<msg::Reason>(&mut out, &config);
    declare::<msg::Grid>(&mut out, &config);
    declare::<msg::Exit>(&mut out, &config);
    declare::<msg::Driver>(&mut out, &config);
    declare::<msg::Terminal>(&mut out, &config);
    declare::<msg::PastTerminal>(&mut out, &config);
    declare::<msg::PastPlace>(&mut out, &config);
    declare::<msg::ToAgent>(&mut out, &config);
    declare::<msg::FromAgent>(&mut out, &config);
    out
}

fn declare<T: TS>(out: &mut String, config: &Config) {
    let docs = T::docs().unwrap_or_default();
    let _ = write!(out, "{}", tidy(&docs, ""));
    // `Bytes<N>` is text whatever N is.
    let decl = T::decl(config).replace("type Bytes<N> =", "type Bytes =");
    let decl = decl.replace(" | {", "\n  | {");
    let _ = writeln!(out, "export {}\n", tidy(&decl, "  ").trim());
}

/// Puts comments of one line on one line.
fn tidy(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "/**" {
            let mut body = Vec::new();
            for line in lines.by_ref().take_while(|line| line.trim() != "*/") {
                body.push(line.trim().trim_start_matches('*').trim());
            }
            let _ = writeln!(out, "{indent}/** {} */", body.join(" "));
        } else if !line.trim().is_empty() {
            let indent = if out.is_empty() { "" } else { indent };
            let _ = writeln!(out, "{indent}{}", line.trim());
        }
    }
    out
}

fn constants() -> String {
    let mut out = banner();
    limits_of_a_viewer(&mut out);
    purposes(&mut out);
    kinds(&mut out);
    close_codes(&mut out);
    out
}

fn purposes(out: &mut String) {
    out.push_str("/** What tokens are for: how long one lives, and what keeps it alive. */\nexport const PURPOSES = {\n");
    for scope in msg::Scope::ALL {
        let (kind, name) = (scope.kind(), scope.name());
        let (life, renewal) = (millis(kind.life()), kind.renewal().name());
        let _ = writeln!(
            out,
            "  {name:?}: {{ lifeMs: {life}, renewal: {renewal:?}, words: {:?}, fullPower: {} }},",
            scope.words(),
            scope.is_full_power()
        );
    }
    out.push_str("} as const;\n\n");
}

fn limits_of_a_viewer(out: &mut String) {
    macro_rules! numbers {
        ($($name:ident)*) => { $(constant(out, LIMITS, stringify!($name), "", &limits::$name.to_string());)* };
    }
    macro_rules! lists {
        ($($name:ident)*) => {
            $(constant(out, LIMITS, stringify!($name), "", &format!("{:?} as readonly number[]", limits::$name));)*
        };
    }
    macro_rules! durations {
        ($($name:ident)*) => { $(constant(out, LIMITS, stringify!($name), "_MS", &millis(limits::$name));)* };
    }
    lists!(LINK_VERSIONS SESSION_VERSIONS);
    numbers!(
        FRAME_MAX FRAME_HEADER PAYLOAD_MAX FIRST_MAX TAG RECORD_MAX MESSAGE_MAX SENTENCE_MAX
        IDENTITY_CHAIN_MAX STREAMS_PER_VIEWER STREAM_WINDOW CREDIT_MAX VERSIONS_MAX TOKEN_MAX LEASES_PER_SESSION NAME_MAX GRID_MAX
    );
    durations!(
        WELCOME_TIME PROOF_HELD PING_EVERY DIALLER_SILENCE HANDSHAKE_TIME STREAM_TIME TOKEN_OPENS_WITHIN LEASE_GUARD LIFE_DEVICE LIFE_NOISE_KEY PRESENCE PAIRING_LIFE HEARTBEAT LIVE_FOR RETRY_FIRST RETRY_LONGEST RETRY_GOOD_AFTER RETRY_TOLD_MOST AWAY_LOOK DOUBT_TIME SESSION_SILENCE DRIVER_HEARTBEAT INPUT_RESEND
    );
    let (source, output, input) = (RECORDS, record::OUTPUT_MAX, record::INPUT_MAX);
    constant(out, source, "OUTPUT_MAX", "", &output.to_string());
    constant(out, source, "INPUT_MAX", "", &input.to_string());
    out.push('\n');
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

const LIMITS: &str = include_str!("../src/limits.rs");
const RECORDS: &str = include_str!("../src/record.rs");

/// One constant with the comment it has in its source.
fn constant(out: &mut String, source: &str, name: &str, unit: &str, value: &str) {
    let before = source
        .split(&format!("pub const {name}: "))
        .next()
        .unwrap_or_default();
    let doc = before
        .lines()
        .rev()
        .map_while(|line| line.strip_prefix("/// "))
        .collect::<Vec<_>>();
    assert!(!doc.is_empty(), "{name} has no comment where it stands");
    let doc = doc.into_iter().rev().collect::<Vec<_>>().join(" ");
    let _ = writeln!(out, "/** {doc} */\nexport const {name}{unit} = {value};");
}

fn kinds(out: &mut String) {
    table(out, "FrameKind", "Kinds of link frames.", frame::kind::ALL);
    let doc = "Kinds of records inside the seal of a purpose stream.";
    table(out, "RecordKind", doc, record::kind::ALL);
}

/// A table of named numbers, with a type of the same name for its values.
fn table(out: &mut String, name: &str, doc: &str, rows: &[(u8, &str)]) {
    let _ = writeln!(out, "/** {doc} */\nexport const {name} = {{");
    for (number, row) in rows {
        let _ = writeln!(out, "  {}: {number:#04x},", camel(row));
    }
    let _ = writeln!(
        out,
        "}} as const;\nexport type {name} = (typeof {name})[keyof typeof {name}];\n"
    );
}

/// `snapshot chunk`, `snapshot-chunk` and `SNAPSHOT_CHUNK` as `snapshotChunk`.
fn camel(name: &str) -> String {
    let mut words = name.split([' ', '-', '_']);
    let mut out = words.next().unwrap_or_default().to_ascii_lowercase();
    for word in words {
        let (first, rest) = word.split_at(1);
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(&rest.to_ascii_lowercase());
    }
    out
}

fn close_codes(out: &mut String) {
    out.push_str(
        "/** Why a link or stream ended. `number` is on the wire, `name` is for programs, the rest for people. */\n\
         export const CLOSE_CODES = [\n",
    );
    for code in CloseCode::ALL {
        let _ = writeln!(
            out,
            "  {{ number: {}, name: {:?}, sentence: {:?}, hint: {:?} }},",
            *code as u16,
            code.name(),
            code.sentence(),
            code.hint()
        );
    }
    out.push_str("] as const;\nexport type CloseCode = (typeof CLOSE_CODES)[number];\nexport type CloseName = CloseCode[\"name\"];\n\n");
}

fn words() -> String {
    let list = include_str!("../src/words.txt");
    let list: Vec<&str> = list.split_whitespace().collect();
    assert_eq!(list.len(), 2048);
    let mut out = banner();
    out.push_str(
        "/** The English list of BIP-39 (MIT licence): check words are drawn from it. */\n",
    );
    let rows: Vec<String> = list.chunks(16).map(|row| row.join(" ")).collect();
    let _ = writeln!(
        out,
        "export const WORDS: readonly string[] = `\n{}\n`.trim().split(/\\s/);",
        rows.join("\n")
    );
    out
}
