//! The blast-radius matrix, tried for real: every credential, as a thief would have it, against every operation there is.
//!
//! The table of `docs/THREAT_MODEL.md` is made from the same cells. Regenerate: `LANYARD_REGENERATE=1 cargo test -p lanyard-tests --test blast`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests are tests"
)]

mod line;
mod machine;
mod operator;
mod scene;
mod signer;
mod tries;

use anyhow::{Context as _, Result, ensure};
use lanyard_shared::token::Kind;
use lanyard_tests::blast::{Credential, Holding, Operation, Thing, cell, loot, tables, thieves};
use scene::Scene;
use std::path::Path;
use tries::Thief;

/// Those of whom this is true, each against every operation; `alone` gives each a world of its own.
async fn matrix(chosen: impl Fn(Credential) -> bool, alone: bool) -> Result<()> {
    let mut wrong = Vec::new();
    let (mut scene, mut cells) = (Scene::start().await?, 0);
    for (number, (credential, holding)) in thieves()
        .filter(|(credential, _)| chosen(*credential))
        .enumerate()
    {
        if alone && number > 0 {
            scene = Scene::start().await?;
        }
        let row = format!("{}, {}", credential.words(), holding.words());
        cells += one(&scene, credential, holding, &mut wrong)
            .await
            .context(row)?;
    }
    ensure!(cells > 0, "nobody was tried");
    ensure!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

async fn one(
    scene: &Scene,
    credential: Credential,
    holding: Holding,
    wrong: &mut Vec<String>,
) -> Result<usize> {
    let loot = loot(credential, holding).context("a thief")?;
    let (recorded, secret) = scene.recorded().await?;
    let bag = scene.steal(loot, &secret, recorded.jti).await?;
    let mut outcomes = Thief::new(scene, bag)?.try_all(&recorded).await?;
    if credential == Credential::Thing(Thing::Signer) {
        signer::instead(&mut outcomes, loot).await?;
    }
    for operation in Operation::all() {
        let found = outcomes.iter().filter(|(tried, _)| *tried == operation);
        let found: Vec<_> = found.map(|(_, verdict)| *verdict).collect();
        let expected = cell(loot, operation);
        if found != [expected] {
            wrong.push(format!(
                "{}, {}: {operation:?} is said to be {expected:?} and was {found:?}",
                credential.words(),
                holding.words()
            ));
        }
    }
    Ok(outcomes.len())
}

#[tokio::test]
async fn whoever_has_a_link_or_a_code_can_do_what_the_table_says() -> Result<()> {
    let chosen = |credential| match credential {
        Credential::Thing(thing) => matches!(
            thing,
            Thing::EnrolmentCode | Thing::PairingLink | Thing::PairingLinkYes | Thing::ShareLink
        ),
        Credential::Token(_) | Credential::Operator(_) => false,
    };
    matrix(chosen, false).await
}

#[tokio::test]
async fn whoever_has_what_a_device_holds_can_do_what_the_table_says() -> Result<()> {
    let chosen = |credential| match credential {
        Credential::Thing(thing) => matches!(
            thing,
            Thing::DeviceKeys | Thing::Session | Thing::StreamSecret
        ),
        Credential::Token(kind) => kind == Kind::Device,
        Credential::Operator(_) => false,
    };
    matrix(chosen, false).await
}

#[tokio::test]
async fn whoever_has_a_token_can_do_what_the_table_says() -> Result<()> {
    let chosen = |credential| match credential {
        Credential::Token(kind) => kind != Kind::Device,
        Credential::Thing(_) | Credential::Operator(_) => false,
    };
    matrix(chosen, false).await
}

#[tokio::test]
async fn whoever_has_the_machines_identity_can_do_what_the_table_says() -> Result<()> {
    let chosen = |credential| match credential {
        Credential::Thing(thing) => matches!(thing, Thing::IdentityKey | Thing::KeyFile),
        Credential::Token(_) | Credential::Operator(_) => false,
    };
    matrix(chosen, true).await
}

#[tokio::test]
async fn whoever_has_another_key_of_the_machine_or_the_relay_can_do_what_the_table_says()
-> Result<()> {
    let chosen = |credential| match credential {
        Credential::Thing(thing) => match thing {
            Thing::NoiseKey | Thing::Signer | Thing::OwnerSocket | Thing::RelayKey => true,
            Thing::EnrolmentCode
            | Thing::PairingLink
            | Thing::PairingLinkYes
            | Thing::ShareLink
            | Thing::DeviceKeys
            | Thing::Session
            | Thing::StreamSecret
            | Thing::IdentityKey
            | Thing::KeyFile => false,
        },
        Credential::Operator(_) => true,
        Credential::Token(_) => false,
    };
    matrix(chosen, false).await
}

#[test]
fn the_table_of_the_threat_model_is_made_of_these_cells() {
    const FROM: &str =
        "<!-- cells: made by `LANYARD_REGENERATE=1 cargo test -p lanyard-tests --test blast` -->\n";
    const TO: &str = "<!-- end of cells -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/THREAT_MODEL.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(FROM).unwrap();
    let (now, after) = rest.split_once(TO).unwrap();
    let wanted = tables();
    if std::env::var_os("LANYARD_REGENERATE").is_some() {
        std::fs::write(&path, format!("{before}{FROM}{wanted}{TO}{after}")).unwrap();
    } else {
        assert!(
            now == wanted,
            "the table is old: run `LANYARD_REGENERATE=1 cargo test -p lanyard-tests --test blast`"
        );
    }
}
