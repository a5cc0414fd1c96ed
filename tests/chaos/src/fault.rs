//! What goes wrong, how, and how soon everything must be back afterwards.

use crate::arena::{Arena, STAGES};
use crate::change::ask_in_mid_break;
use crate::proxy::{End, Proxy, Weather};
use crate::small_disk::SmallDisk;
use anyhow::{Result, bail};
use fastrand::Rng;
use lanyard_shared::limits::{DIALLER_SILENCE, RELAY_SILENCE};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::sleep;

/// How far a clock is set ahead at the most. What was ahead by more than a minute is for the owner to accept.
const AHEAD_MOST: Duration = Duration::from_secs(50);

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KillRelay,
    KillAgent,
    KillTypist,
    KillWatcher,
    KillPage,
    UpgradeAgent,
    UpgradeRelay,
    CloseAgentLink,
    CloseViewerLinks,
    ResetAgentLink,
    ResetViewerLinks,
    SlowNetwork,
    StillAgentLink,
    StillViewerLinks,
    HalfOpenAgentLink,
    HalfOpenViewerLinks,
    NoNetwork,
    SleepingAgent,
    SleepingRelay,
    AskedInMidBreak,
    RevokedToken,
    RevokedDevice,
    LockedMachine,
    RotatedKeys,
    FullDisk,
    ClockBack,
    ClockAhead,
}

/// Each kind, its name, and how often it comes beside the others.
pub const FAULTS: [(Fault, &str, u32); 27] = [
    (Fault::KillRelay, "relay killed", 8),
    (Fault::KillAgent, "agent killed", 10),
    (Fault::KillTypist, "typing viewer killed", 6),
    (Fault::KillWatcher, "watching viewer killed", 4),
    (Fault::KillPage, "page killed", 6),
    (Fault::UpgradeAgent, "agent restarted in order", 4),
    (Fault::UpgradeRelay, "relay restarted in order", 4),
    (Fault::CloseAgentLink, "agent's link closed", 8),
    (Fault::CloseViewerLinks, "viewers' links closed", 8),
    (Fault::ResetAgentLink, "agent's link reset", 8),
    (Fault::ResetViewerLinks, "viewers' links reset", 8),
    (Fault::SlowNetwork, "network slow", 5),
    (Fault::StillAgentLink, "agent's link stalled", 5),
    (Fault::StillViewerLinks, "viewers' links stalled", 5),
    (Fault::HalfOpenAgentLink, "agent's link half open", 1),
    (Fault::HalfOpenViewerLinks, "viewers' links half open", 1),
    (Fault::NoNetwork, "no network", 4),
    (Fault::SleepingAgent, "agent asleep", 4),
    (Fault::SleepingRelay, "relay asleep", 4),
    (Fault::AskedInMidBreak, "terminal asked for in mid-break", 5),
    (Fault::RevokedToken, "token ended in mid-action", 4),
    (Fault::RevokedDevice, "device ended in mid-action", 4),
    (Fault::LockedMachine, "machine locked and unlocked", 2),
    (Fault::RotatedKeys, "keys rotated", 4),
    (Fault::FullDisk, "disk full", 3),
    (Fault::ClockBack, "clock set back", 3),
    (Fault::ClockAhead, "clock set ahead", 2),
];

impl Fault {
    /// One by chance.
    pub fn any(random: &mut Rng) -> Self {
        let all: u32 = FAULTS.iter().map(|(_, _, weight)| weight).sum();
        let mut left = random.u32(..all);
        for (fault, _, weight) in FAULTS {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return fault,
            }
        }
        Self::KillAgent
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let known = FAULTS.iter().find(|(fault, ..)| *fault == self);
        known.map_or("", |(_, name, _)| name)
    }

    /// How soon after it everything must be back. Both ends wait at most 15 s between two tries; who is not told that a link is gone finds out
    /// by its silence.
    #[must_use]
    pub fn bound(self) -> Duration {
        let tries = Duration::from_secs(40);
        match self {
            Self::HalfOpenAgentLink | Self::HalfOpenViewerLinks => {
                DIALLER_SILENCE.max(RELAY_SILENCE) + tries
            }
            // What was signed by a clock that was ahead opens nothing before its time has come.
            Self::ClockAhead => AHEAD_MOST + tries,
            Self::KillRelay
            | Self::KillAgent
            | Self::KillTypist
            | Self::KillWatcher
            | Self::KillPage
            | Self::UpgradeAgent
            | Self::UpgradeRelay
            | Self::CloseAgentLink
            | Self::CloseViewerLinks
            | Self::ResetAgentLink
            | Self::ResetViewerLinks
            | Self::SlowNetwork
            | Self::StillAgentLink
            | Self::StillViewerLinks
            | Self::NoNetwork
            | Self::SleepingAgent
            | Self::SleepingRelay
            | Self::AskedInMidBreak
            | Self::RevokedToken
            | Self::RevokedDevice
            | Self::LockedMachine
            | Self::RotatedKeys
            | Self::FullDisk
            | Self::ClockBack => tries,
        }
    }

    /// Lets it happen, and ends what of it does not end by itself.
    ///
    /// # Errors
    /// It could not be done, or what was to hold in the middle of it did not.
    pub async fn happen(self, arena: &mut Arena, random: &mut Rng) -> Result<()> {
        let stage = random.usize(..STAGES);
        let rest = Duration::from_millis(random.u64(..800));
        let long = Duration::from_millis(random.u64(500..5000));
        match self {
            Self::KillRelay => arena.relay.again(Signal::KILL, rest).await?,
            Self::KillAgent => arena.agent.again(Signal::KILL, rest).await?,
            Self::UpgradeAgent => arena.agent.again(Signal::TERM, rest).await?,
            Self::UpgradeRelay => arena.relay.again(Signal::TERM, rest).await?,
            Self::KillTypist => arena.kill_viewer(stage, false).await?,
            Self::KillWatcher => arena.kill_viewer(stage, true).await?,
            Self::KillPage => arena.kill_viewer(STAGES, false).await?,
            Self::CloseAgentLink => arena.near.end(End::Closed),
            Self::CloseViewerLinks => arena.far.end(End::Closed),
            Self::ResetAgentLink => arena.near.end(End::Reset),
            Self::ResetViewerLinks => arena.far.end(End::Reset),
            Self::SlowNetwork => {
                let wait = Duration::from_millis(random.u64(20..400));
                for network in [&arena.near, &arena.far] {
                    network.set(Weather::Slow(wait));
                }
                sleep(long).await;
                fair(arena);
            }
            Self::StillAgentLink => weather(&arena.near, Weather::Still, long).await,
            Self::StillViewerLinks => weather(&arena.far, Weather::Still, long).await,
            Self::HalfOpenAgentLink => arena.near.forget(),
            Self::HalfOpenViewerLinks => arena.far.forget(),
            Self::NoNetwork => {
                arena.near.set(Weather::Gone);
                arena.far.set(Weather::Gone);
                sleep(long).await;
                fair(arena);
            }
            Self::SleepingAgent => {
                arena.agent.signal(Signal::STOP)?;
                sleep(long).await;
                arena.agent.signal(Signal::CONT)?;
            }
            Self::SleepingRelay => {
                arena.relay.signal(Signal::STOP)?;
                sleep(long).await;
                arena.relay.signal(Signal::CONT)?;
            }
            Self::AskedInMidBreak => ask_in_mid_break(arena, random).await?,
            Self::RevokedToken => end_a_token(arena, random).await?,
            Self::RevokedDevice => end_a_device(arena, stage, random).await?,
            Self::LockedMachine => {
                arena.lanyard(&["lock"]).await?;
                sleep(rest).await;
                arena.lanyard(&["unlock"]).await?;
            }
            Self::RotatedKeys => {
                let keys = ["signer", "identity", "noise"][random.usize(..3)];
                // Noise keys that overlap are few; a refusal says so and changes nothing.
                let _ = arena.lanyard(&["rotate", keys, "--no-wait"]).await;
            }
            Self::FullDisk => {
                let restart = random.u32(..3) == 0;
                fill_the_disk(arena, restart, long).await?;
            }
            Self::ClockBack => jump(arena, -random.i64(1..500), long).await?,
            Self::ClockAhead => {
                let most = i64::try_from(AHEAD_MOST.as_secs()).unwrap_or(1);
                jump(arena, random.i64(1..most), long).await?;
            }
        }
        Ok(())
    }
}

async fn weather(network: &Proxy, weather: Weather, long: Duration) {
    network.set(weather);
    sleep(long).await;
    network.set(Weather::Fair);
}

/// The network is as it should be.
pub fn fair(arena: &Arena) {
    for network in [&arena.near, &arena.far] {
        network.set(Weather::Fair);
    }
}

async fn end_a_token(arena: &mut Arena, random: &mut Rng) -> Result<()> {
    let tokens = arena.lanyard(&["tokens", "--json"]).await?;
    let tokens: serde_json::Value = serde_json::from_str(&tokens)?;
    let ids: Vec<_> = tokens["tokens"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|token| token["jti"].as_str())
        .collect();
    if let Some(id) = random.choice(ids) {
        // It may have ended by itself since.
        let _ = arena.lanyard(&["revoke", "--token", id]).await;
    }
    Ok(())
}

/// A guest types, and is ended while it does. From the command's return on nothing of it may be typed.
async fn end_a_device(arena: &mut Arena, stage: usize, random: &mut Rng) -> Result<()> {
    let mut guest = arena.guest(stage, &format!("g{}", random.u32(..))).await?;
    let typed = arena.guest_types(stage, &mut guest).await?;
    if !typed {
        bail!("a guest did not come to type: {}", guest.trouble);
    }
    arena.end_guest(stage, &mut guest).await?;
    arena.keep_thief(stage, guest);
    Ok(())
}

/// The agent's clock is wrong for a while, and noticed to be at each dial.
async fn jump(arena: &mut Arena, seconds: i64, long: Duration) -> Result<()> {
    arena
        .agent
        .set("LANYARD_CLOCK_OFFSET", Some(seconds.to_string()));
    arena.agent.again(Signal::TERM, Duration::ZERO).await?;
    sleep(long).await;
    arena.agent.set("LANYARD_CLOCK_OFFSET", None);
    arena.agent.again(Signal::KILL, Duration::ZERO).await
}

/// Nothing can be written into the agent's folder for a while.
async fn fill_the_disk(arena: &mut Arena, restart: bool, long: Duration) -> Result<()> {
    if let Some(disk) = &arena.disk {
        disk.fill()?;
    }
    // Things that must be written happen meanwhile.
    let _ = arena.lanyard(&["rotate", "noise", "--no-wait"]).await;
    if restart {
        arena.agent.again(Signal::KILL, Duration::ZERO).await?;
    } else {
        arena.near.end(End::Closed);
    }
    sleep(long).await;
    arena.disk.as_ref().map_or(Ok(()), SmallDisk::empty)
}
