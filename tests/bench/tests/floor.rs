//! The floor works: a key goes to its shell and comes back.
#![allow(missing_docs)]

use anyhow::Result;
use lanyard_bench::figures::echo::type_keys;
use lanyard_bench::floor::Wish;
use lanyard_bench::rig::Floor;
use lanyard_bench::terminal::hand_over;

#[tokio::test]
async fn a_key_goes_through_the_floor_and_comes_back() -> Result<()> {
    let mut floor = Floor::start().await?;
    let mut terminal = floor.attach(Wish::New, 1).await?;
    hand_over(&mut terminal, "exec cat").await?;
    let trips = type_keys(&mut terminal, 3).await?;
    assert_eq!(trips.len(), 3);
    // The agent waits with another leg, and the terminal is there for whoever comes back.
    drop(terminal);
    let mut again = floor.attach(Wish::Existing, 1).await?;
    assert_eq!(type_keys(&mut again, 1).await?.len(), 1);
    Ok(())
}
