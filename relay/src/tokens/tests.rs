//! Tests of what a token opens, and until when.

use super::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn at(seconds: u64) -> Now {
    Now {
        mono: Mono::from_secs(seconds),
        unix: UnixMs::from_secs(1_000_000 + seconds),
    }
}

struct Rig {
    dir: tempfile::TempDir,
    tokens: Tokens,
}

fn rig() -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&dir.path().join("relay.db")).unwrap());
    let tokens = Tokens::load(store, at(0)).unwrap();
    Rig { dir, tokens }
}

impl Rig {
    async fn token(&self, purpose: Purpose) -> (String, TokenId) {
        let (token, record) = self
            .tokens
            .create(purpose, String::new(), at(0).unix + HOUR, at(0))
            .await
            .unwrap()
            .unwrap();
        (token.encode(), record.id)
    }

    fn fault(&self, text: &str, purpose: Purpose, now: Now) -> Option<Fault> {
        let checked = self.tokens.check(Some(text), purpose, now, None);
        checked.err().map(|refusal| refusal.fault)
    }

    fn restart(self, now: Now) -> Self {
        let store = Arc::new(Store::open(&self.dir.path().join("relay.db")).unwrap());
        Self {
            tokens: Tokens::load(store, now).unwrap(),
            dir: self.dir,
        }
    }
}

#[tokio::test]
async fn each_token_opens_its_own_purpose_and_no_other() {
    let rig = rig();
    for of in Purpose::all() {
        let (text, _) = rig.token(of).await;
        for purpose in Purpose::all() {
            let expected = (purpose != of).then_some(Fault::OtherPurpose);
            assert_eq!(
                rig.fault(&text, purpose, at(1)),
                expected,
                "{of:?} at {purpose:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_ends_at_its_time_whichever_clock_says_so() {
    let rig = rig();
    let (text, _) = rig.token(Purpose::Metrics).await;
    assert_eq!(rig.fault(&text, Purpose::Metrics, at(3599)), None);
    assert_eq!(
        rig.fault(&text, Purpose::Metrics, at(3600)),
        Some(Fault::Expired)
    );
    let set_back = Now {
        mono: at(3600).mono,
        unix: at(10).unix,
    };
    assert_eq!(
        rig.fault(&text, Purpose::Metrics, set_back),
        Some(Fault::Expired)
    );
    let slept_without_counting = Now {
        mono: at(10).mono,
        unix: at(3600).unix,
    };
    assert_eq!(
        rig.fault(&text, Purpose::Metrics, slept_without_counting),
        Some(Fault::Expired)
    );
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_then_on_and_after_a_restart_and_is_named_in_the_refusal() {
    let rig = rig();
    let (text, id) = rig.token(Purpose::Admin).await;
    let (other, _) = rig.token(Purpose::Admin).await;
    let ended = rig.tokens.revoke(Spoken::Id(id), at(5).unix).await.unwrap();
    assert_eq!(ended.len(), 1);
    let refusal = Refusal {
        token: Some(id),
        fault: Fault::Revoked,
    };
    assert_eq!(
        rig.tokens.check(Some(&text), Purpose::Admin, at(5), None),
        Err(refusal)
    );
    let rig = rig.restart(at(6));
    assert_eq!(
        rig.fault(&text, Purpose::Admin, at(6)),
        Some(Fault::Revoked)
    );
    assert_eq!(rig.fault(&other, Purpose::Admin, at(6)), None);
    assert_eq!(
        rig.tokens.revoke(Spoken::Id(id), at(7).unix).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn tokens_are_ended_by_purpose_or_all_at_once() {
    let rig = rig();
    let (metrics, _) = rig.token(Purpose::Metrics).await;
    let (enrol, _) = rig.token(Purpose::Enrol).await;
    let by = |which| rig.tokens.revoke(which, at(1).unix);
    assert_eq!(
        by(Spoken::Purpose(Purpose::Metrics)).await.unwrap().len(),
        1
    );
    assert_eq!(
        rig.fault(&metrics, Purpose::Metrics, at(1)),
        Some(Fault::Revoked)
    );
    assert_eq!(rig.fault(&enrol, Purpose::Enrol, at(1)), None);
    assert_eq!(by(Spoken::All).await.unwrap().len(), 1);
    assert_eq!(
        rig.fault(&enrol, Purpose::Enrol, at(1)),
        Some(Fault::Revoked)
    );
}

#[tokio::test]
async fn no_token_lives_longer_than_a_day_whatever_is_asked_for() {
    let rig = rig();
    let asked = at(0).unix + 1000 * HOUR;
    let (_, record) = rig
        .tokens
        .create(Purpose::Metrics, String::new(), asked, at(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.expires, at(0).unix + TOKEN_LIFE_MAX);
}

#[tokio::test]
async fn when_and_from_where_a_token_was_used_survives_a_restart() {
    let rig = rig();
    let (text, id) = rig.token(Purpose::Metrics).await;
    let from = Some("192.0.2.1".parse().unwrap());
    assert_eq!(
        rig.tokens.check(Some(&text), Purpose::Metrics, at(9), from),
        Ok(id)
    );
    rig.tokens.flush().await.unwrap();
    let rig = rig.restart(at(10));
    let list = rig.tokens.list();
    assert_eq!((list[0].used, list[0].from), (Some(at(9).unix), from));
    assert_eq!(rig.fault(&text, Purpose::Metrics, at(10)), None);
}

#[tokio::test]
async fn a_request_does_not_wait_for_the_disk_that_a_change_waits_for() {
    let rig = rig();
    let (text, id) = rig.token(Purpose::Metrics).await;
    let tokens = &rig.tokens;
    let (began, writing) = tokio::sync::oneshot::channel();
    let (go_on, slow) = std::sync::mpsc::channel::<()>();
    let slow_disk = tokens.change(
        move |_| {
            began.send(()).unwrap();
            slow.recv().unwrap();
            Ok(())
        },
        |_, ()| (),
    );
    let request = async {
        writing.await.unwrap();
        let checked = tokens.check(Some(&text), Purpose::Metrics, at(1), None);
        go_on.send(()).unwrap();
        checked
    };
    let (changed, checked) = tokio::join!(slow_disk, request);
    changed.unwrap();
    assert_eq!(checked, Ok(id));
}

#[tokio::test]
async fn a_refused_token_counts_as_no_use() {
    let rig = rig();
    let (text, _) = rig.token(Purpose::Metrics).await;
    assert!(rig.fault(&text, Purpose::Admin, at(9)).is_some());
    assert_eq!(rig.tokens.list()[0].used, None);
}

#[tokio::test]
async fn only_so_many_tokens_stand_at_once_and_ended_ones_make_room() {
    let rig = rig();
    for _ in 0..crate::limits::TOKENS_STANDING {
        rig.token(Purpose::Metrics).await;
    }
    let one_more = || {
        rig.tokens
            .create(Purpose::Metrics, String::new(), at(1).unix + HOUR, at(1))
    };
    assert!(matches!(one_more().await, Err(StoreError::TooManyTokens)));
    rig.tokens.revoke(Spoken::All, at(1).unix).await.unwrap();
    assert!(one_more().await.is_ok());
}

#[tokio::test]
async fn the_database_holds_no_token() {
    let rig = rig();
    let (text, _) = rig.token(Purpose::Admin).await;
    let secret = lanyard_shared::b64::decode(text.rsplit('.').next().unwrap()).unwrap();
    for entry in std::fs::read_dir(rig.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&secret) && !holds(text.as_bytes()));
    }
}

#[test]
fn an_id_is_read_as_it_was_written() {
    let id = TokenId([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
    assert_eq!(TokenId::parse(&id.to_string()), Some(id));
    for wrong in ["", "+001020304050607", "00010203FCFDFEFF", "00"] {
        assert_eq!(TokenId::parse(wrong), None, "{wrong}");
    }
}
