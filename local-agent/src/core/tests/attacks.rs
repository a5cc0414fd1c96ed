//! Attacks that need the agent's own keys or clock: each beside the honest steps that succeed.

use super::rig::{Keys, Minted, Rig, Viewer, key};
use super::{BOTH, CONN};
use crate::core::Effect;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Origin, StreamId, Target};
use lanyard_shared::ids::{ConnId, RendezvousId, TokenId};
use lanyard_shared::limits::{LIFE_DEVICE, LIFE_TERMINAL, LIFE_VIEW, PAIRING_LIFE};
use lanyard_shared::msg::{PairReply, Scope};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::token::{self, NewToken, Purpose};
use std::time::Duration;

/// A token as the thief of the signer makes it, for the device and link of this session.
fn stolen<P: Purpose>(rig: &Rig, viewer: &Viewer, id: TokenId, life: Duration) -> String {
    let device = lanyard_shared::ids::DeviceId::of_key(&viewer.origin.device);
    let new = NewToken {
        agent: rig.core.agent(),
        device,
        issued: rig.now.unix,
        life,
        id,
        conn: Some(viewer.origin.conn),
        epoch: rig.core.devices().get(device).unwrap().epoch,
    };
    token::issue::<P>(rig.core.signer.key(), &new).unwrap()
}

#[test]
fn a_token_that_the_signers_thief_makes_opens_nothing_for_it_has_no_lease() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let forged = stolen::<token::View>(&rig, &viewer, TokenId([9; 16]), LIFE_VIEW);
    let refused = rig.open(viewer.origin, Target::Purpose(forged));
    assert_eq!(rig.closed(refused), Some(CloseCode::TokenRefused));
    let minted = rig.mint(&mut viewer, Scope::View).unwrap();
    let twin = rig.open(viewer.origin, Target::Purpose(minted.token));
    assert_eq!(rig.closed(twin), None);
}

#[test]
fn a_guest_with_a_stolen_signer_makes_nothing_wider_of_a_token_of_its_own() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    // It knows the secret of this one, so a stream under its name could be typed into.
    let minted = rig.mint(&mut viewer, Scope::View).unwrap();
    let wider = Minted {
        token: stolen::<token::Terminal>(&rig, &viewer, minted.jti, LIFE_TERMINAL),
        ..minted.clone()
    };
    let refused = rig.open_sealed(viewer.origin, &wider);
    assert_eq!(rig.closed(refused.stream), Some(CloseCode::TokenRefused));
    // The lease was not spent on it.
    let twin = rig.open_sealed(viewer.origin, &minted);
    assert_eq!(rig.closed(twin.stream), None);
}

#[test]
fn a_token_that_the_signers_thief_prolongs_ends_when_its_lease_does() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let minted = rig.mint(&mut viewer, Scope::Terminal).unwrap();
    rig.now.mono = rig.now.mono + Duration::from_secs(50);
    rig.now.unix = rig.now.unix + Duration::from_secs(50);
    // Signed just now for the longest life there is: fifty seconds more than was granted.
    let longer = Minted {
        token: stolen::<token::Terminal>(&rig, &viewer, minted.jti, LIFE_TERMINAL),
        ..minted.clone()
    };
    let refused = rig.open_sealed(viewer.origin, &longer);
    assert_eq!(rig.closed(refused.stream), Some(CloseCode::TokenRefused));
    let twin = rig.open_sealed(viewer.origin, &minted);
    assert_eq!(rig.closed(twin.stream), None);
}

#[test]
fn a_grant_that_the_signer_made_opens_no_session() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let new = NewToken {
        agent: rig.core.agent(),
        device: keys.id(),
        issued: rig.now.unix,
        life: LIFE_DEVICE,
        id: TokenId([9; 16]),
        conn: None,
        epoch: 1,
    };
    let origin = rig.session(&keys, &grant, CONN).origin;
    let forged = token::issue::<token::Device>(rig.core.signer.key(), &new).unwrap();
    let refused = rig.open(origin, Target::Session(forged));
    assert_eq!(rig.closed(refused), Some(CloseCode::TokenRefused));
    let twin = rig.open(origin, Target::Session(grant));
    assert_eq!(rig.closed(twin), None);
}

#[test]
fn a_clock_rolled_back_past_an_expiry_revives_no_grant() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let origin = rig.session(&keys, &grant, CONN).origin;
    let (early, month) = (rig.now.unix, LIFE_DEVICE + Duration::from_secs(60));
    rig.now.mono = rig.now.mono + month;
    rig.now.unix = rig.now.unix + month;
    again(&mut rig);
    let refused = rig.open(origin, Target::Session(grant.clone()));
    assert_eq!(rig.closed(refused), Some(CloseCode::TokenRefused));
    // Somebody sets the clock back to when the grant was good; the agent has known a later time.
    let latest = rig.now.unix;
    rig.now.unix = early + Duration::from_secs(60);
    rig.with(|core, _| core.set_earliest(latest));
    again(&mut rig);
    let refused = rig.open(origin, Target::Session(grant.clone()));
    assert_eq!(rig.closed(refused), Some(CloseCode::ClockBehind));
    // At an agent that has never known a later time that same moment is as good as any.
    rig.with(|core, _| core.set_earliest(early));
    again(&mut rig);
    let twin = rig.open(origin, Target::Session(grant));
    assert_eq!(rig.closed(twin), None);
}

#[test]
fn after_a_sleep_across_its_expiry_a_view_shows_nothing_even_before_a_timer_fires() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut view = rig.view(&mut viewer);
    rig.output(&view, 0, "before");
    assert!(shown(&rig.records(&mut view)));
    let night = Duration::from_secs(8 * 3600);
    rig.now.mono = rig.now.mono + night;
    rig.now.unix = rig.now.unix + night;
    // The first thing that happens when the machine wakes is output.
    rig.output(&view, 6, "after");
    assert!(!shown(&rig.records(&mut view)));
    // It comes back by a token of its own.
    again(&mut rig);
    let mut viewer = rig.session(&keys, &grant, ConnId([41; 16]));
    let mut view = rig.view(&mut viewer);
    rig.output(&view, 6, "after");
    assert!(shown(&rig.records(&mut view)));
}

/// The link ends, and there is another.
fn again(rig: &mut Rig) {
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    rig.link_up();
}

fn shown(records: &[AgentRecord]) -> bool {
    records
        .iter()
        .any(|record| matches!(record, AgentRecord::Output { .. }))
}

#[test]
fn two_tabs_that_renew_at_once_renew_each_its_own_and_an_idle_one_alone_lapses() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut one = rig.session(&keys, &grant, CONN);
    let mut other = rig.session(&keys, &grant, ConnId([41; 16]));
    let (views, typists) = (
        [rig.view(&mut one), rig.view(&mut other)],
        [rig.typist(&mut one), rig.typist(&mut other)],
    );
    let [mut driving, idle] = typists;
    rig.send(&mut driving, &ViewerRecord::TakeOver);
    for seq in 1..=20 {
        rig.pass(Duration::from_secs(60));
        rig.send(&mut driving, &key(seq, "x"));
    }
    for stream in [views[0].stream, views[1].stream, driving.stream] {
        assert_eq!(rig.closed(stream), None);
    }
    assert_eq!(rig.closed(idle.stream), Some(CloseCode::Lapsed));
    // Each token went to the stream that it names, and no name to two of them.
    for (stream, jti) in [
        (views[0].stream, views[0].jti),
        (views[1].stream, views[1].jti),
        (driving.stream, driving.jti),
    ] {
        let renewals = renewals(&rig, stream);
        assert!(!renewals.is_empty());
        assert!(
            renewals
                .iter()
                .all(|claims| claims["jti"] == jti.to_string())
        );
    }
    assert!(
        rig.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Type { .. }))
    );
}

fn renewals(rig: &Rig, stream: StreamId) -> Vec<serde_json::Value> {
    let claims = |frame: &Frame| {
        let Frame::Renew(id, token) = frame else {
            return None;
        };
        let payload = lanyard_shared::b64::decode(token.split('.').nth(1)?)?;
        Some(serde_json::from_slice(&payload).unwrap()).filter(|_| *id == stream)
    };
    rig.said.iter().filter_map(claims).collect()
}

#[test]
fn of_two_handshakes_over_one_link_the_first_request_wins_and_whoever_comes_behind_it_hears_used() {
    let mut rig = Rig::new();
    let (winner, loser, late) = (Keys::new(3), Keys::new(4), Keys::new(5));
    let link = rig.pairing_link(&[Scope::View], true);
    // Both stand at the same point before either goes on.
    let (mut first, _) = rig.start_pairing(&winner, &link, CONN);
    let (mut second, _) = rig.start_pairing(&loser, &link, ConnId([41; 16]));
    rig.request_pairing(&winner, &mut first);
    rig.request_pairing(&loser, &mut second);
    let granted = rig.pair_replies(&mut first);
    assert!(matches!(granted.last(), Some(PairReply::Granted { .. })));
    assert!(rig.pair_replies(&mut second).is_empty());
    assert_eq!(rig.closed(second.stream), Some(CloseCode::PairUsed));
    assert!(rig.core.devices().get(loser.id()).is_none());
    // One whose knock was on its way while the relay did not know yet.
    let origin = Origin {
        device: late.public(),
        ..first.origin
    };
    let knock = rig.open(origin, Target::Pair(link.secret.rendezvous()));
    assert_eq!(rig.closed(knock), Some(CloseCode::PairUsed));
    let nowhere = rig.open(origin, Target::Pair(RendezvousId([9; 16])));
    assert_eq!(rig.closed(nowhere), Some(CloseCode::PairUnknown));
    let over = rig.pairing_link(&[Scope::View], true);
    rig.now.unix = rig.now.unix + PAIRING_LIFE;
    let expired = rig.open(origin, Target::Pair(over.secret.rendezvous()));
    assert_eq!(rig.closed(expired), Some(CloseCode::PairExpired));
}
