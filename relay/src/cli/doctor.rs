//! `lanyard-relay doctor`: whether the relay's files are whole, and what can be done where they are not.

use super::Data;
use crate::clock;
use crate::data::DataDir;
use crate::output::{self, Check, Form};
use crate::store::{Repair, Store, copy_of, kept_aside, repair};
use crate::tls;
use crate::trouble::Trouble;
use clap::Args;
use std::path::Path;

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    common: Data,
    /// Make a database of what is left of a damaged one, which is kept; while the relay is stopped
    #[arg(long)]
    repair: bool,
}

/// Looks, or repairs.
///
/// # Errors
/// Something is damaged, or cannot be repaired.
pub fn doctor(args: Doctor) -> Result<(), Trouble> {
    let form = Form::json(args.common.json);
    let data = DataDir::resolve(args.common.data)?;
    if args.repair {
        return mend(&data, form);
    }
    let checks = look(&data);
    output::checks(form, &checks);
    match checks.iter().find(|check| !check.well) {
        None => Ok(()),
        Some(bad) => Err(Trouble::new(format!("{} needs you", bad.what)).hint(bad.hint.clone())),
    }
}

fn look(data: &DataDir) -> Vec<Check> {
    let database = data.database();
    let mut checks = vec![of_database(&database)];
    checks.extend(kept_aside(&database).into_iter().map(|kept| Check {
        what: "damaged database".to_owned(),
        well: false,
        state: format!("kept as {}", kept.display()),
        hint: format!(
            "look through `lanyard-relay agents` and `lanyard-relay token list`, then take {} away",
            kept.display()
        ),
    }));
    // Behind a proxy, or with a certificate from elsewhere, the relay makes none.
    if data.certificate().exists() || data.key().exists() {
        checks.push(match tls::given(&data.certificate(), &data.key()) {
            Ok(_) => well("own certificate", "whole"),
            Err(error) => Check {
                what: "own certificate".to_owned(),
                well: false,
                state: error.to_string(),
                hint: error.of_own(data).hint(),
            },
        });
    }
    checks
}

fn of_database(path: &Path) -> Check {
    let state = if !path.exists() && !copy_of(path).exists() && kept_aside(path).is_empty() {
        return well("database", "not made yet");
    } else {
        Store::open(path).and_then(|store| store.agents())
    };
    match state {
        Ok(agents) => well(
            "database",
            &format!("whole, with {} machines", agents.len()),
        ),
        Err(error) => {
            let state = error.to_string();
            let trouble = Trouble::from(error);
            Check {
                what: "database".to_owned(),
                well: false,
                state,
                hint: trouble.hint_text().unwrap_or_default().to_owned(),
            }
        }
    }
}

fn well(what: &str, state: &str) -> Check {
    Check {
        what: what.to_owned(),
        well: true,
        state: state.to_owned(),
        hint: String::new(),
    }
}

fn mend(data: &DataDir, form: Form) -> Result<(), Trouble> {
    data.create()?;
    // A relay that runs has it.
    let _lock = data.lock()?;
    let database = data.database();
    let outcome = repair(&database, clock::unix())?;
    let lines = match outcome {
        Repair::Whole => vec!["the database is whole; nothing was changed".to_owned()],
        Repair::Copied(sentence) => vec![sentence],
        Repair::Salvaged { agents, kept } => {
            let mut lines = vec![format!(
                "{} machines could be read; all operator tokens have ended, and codes that were not used",
                agents.len()
            )];
            if let Some(kept) = kept {
                lines.push(format!(
                    "the damaged database is kept as {}",
                    kept.display()
                ));
            }
            lines.push(
                "warning: a machine that is missing must enrol again, and one that was removed just before may be back: look through `lanyard-relay agents`"
                    .to_owned(),
            );
            lines
        }
    };
    output::done(form, &serde_json::json!({"done": lines}), &lines);
    Ok(())
}
