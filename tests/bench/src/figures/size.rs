//! `size*`: what lies on disk, and what an agent and a holder keep in memory with one terminal in use.

use super::echo::{WARM_UP, type_keys};
use crate::Bench;
use crate::proc;
use crate::report::Row;
use crate::rig::Ours;
use crate::terminal::hand_over;
use anyhow::{Context as _, Result};
use lanyard_tests::process::program;

const MB: f64 = 1e6;

/// Measures it.
pub async fn measure(_bench: &mut Bench) -> Result<Vec<Row>> {
    let on_disk = |name| anyhow::Ok(std::fs::metadata(program(name)?)?.len() as f64 / MB);
    let ours = Ours::start().await?;
    let (_, mut terminal) = ours.terminal().await?;
    hand_over(&mut terminal, "exec cat").await?;
    type_keys(&mut terminal, WARM_UP).await?;
    let holder = *ours.holders()?.first().context("a holder")?;
    let agent = ours.agent()?;
    Ok(vec![
        Row::absolute("size", &[on_disk("lanyard-relay")?]),
        Row::absolute("size_agent", &[on_disk("lanyard")?]),
        memory("size_agent_memory", agent)?,
        memory("size_holder_memory", holder)?,
    ])
}

/// What is the process's own, and its part of the pages that both share.
fn memory(name: &'static str, id: proc::Id) -> Result<Row> {
    let own = proc::anonymous(id)? / MB;
    let row = Row::absolute(name, &[proc::share(id)? / MB]);
    Ok(row.noting(format!("{own:.1} MB of it in no file")))
}
