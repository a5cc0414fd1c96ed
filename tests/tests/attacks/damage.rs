//! Records that are damaged on their way: flipped, cut short, dropped, repeated, reordered, moved. What arrives so types nothing and shows
//! nothing, and the viewer notices; afterwards all goes on.

use super::typed::Rig;
use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use lanyard_shared::frame::{Frame, StreamId};
use lanyard_tests::attack::between::renumbered;
use lanyard_tests::attack::{Carried, Side};
use std::sync::{Arc, Mutex, PoisonError};

/// What is done to one record on its way.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip,
    Truncate,
    Drop,
    Repeat,
    /// The one behind it comes first.
    Reorder,
    /// It comes on another stream.
    Move,
}

const DAMAGE: [Damage; 6] = [
    Damage::Flip,
    Damage::Truncate,
    Damage::Drop,
    Damage::Repeat,
    Damage::Reorder,
    Damage::Move,
];

/// Does it once to what goes to one side, and remembers that it did.
fn damaging(
    damage: Damage,
    to: Side,
    others: Vec<StreamId>,
    done: Arc<Mutex<bool>>,
) -> impl FnMut(Carried) -> Vec<Carried> {
    let mut held: Option<Carried> = None;
    move |carried| {
        let Frame::Data(id, data) = &carried.frame else {
            return vec![carried];
        };
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        if carried.to != to || *done {
            return vec![carried];
        }
        let id = *id;
        let changed = |bytes: Bytes| {
            vec![Carried {
                frame: Frame::Data(id, bytes),
                ..carried.clone()
            }]
        };
        let instead = match damage {
            Damage::Flip => {
                let mut bytes = BytesMut::from(&data[..]);
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                changed(bytes.freeze())
            }
            Damage::Truncate => changed(data.slice(..data.len() - 1)),
            Damage::Drop => vec![],
            Damage::Repeat => vec![carried.clone(), carried],
            Damage::Reorder => match held.take() {
                Some(first) if first.stream == carried.stream => vec![carried, first],
                // Of another stream: those come in no order.
                other => {
                    let waiting = other.unwrap_or_else(|| carried.clone());
                    let passes = (waiting != carried).then_some(carried);
                    held = Some(waiting);
                    return passes.into_iter().collect();
                }
            },
            Damage::Move => {
                let Some(other) = others.iter().find(|other| **other != id) else {
                    return vec![carried];
                };
                vec![Carried {
                    frame: renumbered(carried.frame.clone(), *other),
                    ..carried
                }]
            }
        };
        *done = true;
        instead
    }
}

/// Streams that stand at one side, by their ids there.
fn standing(log: &[Carried], to: Side) -> Vec<StreamId> {
    let data = log.iter().filter(|carried| carried.to == to);
    let mut ids: Vec<StreamId> = data
        .filter_map(|carried| match &carried.frame {
            Frame::Data(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.reverse();
    ids
}

async fn damage_is_noticed(to_agent: bool) -> Result<()> {
    let mut rig = Rig::start().await?;
    let (place, _) = rig.origin()?;
    let to = if to_agent {
        Side::Agent(rig.between.id)
    } else {
        Side::Viewer(place)
    };
    for damage in DAMAGE {
        let done = Arc::<Mutex<bool>>::default();
        let others = standing(&rig.between.log(), to);
        rig.between
            .meddle(damaging(damage, to, others, Arc::clone(&done)));
        rig.line().await?;
        rig.line().await?;
        rig.notices().await.with_context(|| format!("{damage:?}"))?;
        ensure!(
            *done.lock().unwrap_or_else(PoisonError::into_inner),
            "{damage:?} was not done"
        );
        rig.between.behave();
        rig.reopen()?;
        // The honest twin: the same keys, carried as they are.
        rig.line_arrives()
            .await
            .with_context(|| format!("after {damage:?}"))?;
        ensure!(rig.interruptions() == 0, "interrupted after {damage:?}");
    }
    Ok(())
}

#[tokio::test]
async fn records_flipped_cut_dropped_repeated_reordered_or_moved_on_their_way_to_the_agent_are_noticed()
-> Result<()> {
    damage_is_noticed(true).await
}

#[tokio::test]
async fn records_flipped_cut_dropped_repeated_reordered_or_moved_on_their_way_to_the_viewer_are_noticed()
-> Result<()> {
    damage_is_noticed(false).await
}
