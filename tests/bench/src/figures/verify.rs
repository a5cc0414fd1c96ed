//! `verify`: tokens one core verifies in a second, all checks included, beside the bare signature.

use crate::Bench;
use crate::report::Row;
use crate::stats::Rounds;
use anyhow::Result;
use ed25519_dalek::{Signer as _, SigningKey};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, TokenId};
use lanyard_shared::limits::{CLOCK_MEASURE, LIFE_TERMINAL};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token::{Expected, NewToken, Terminal, issue, verify};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let (rounds, time) = bench.choose(
        (3, Duration::from_millis(100)),
        (10, Duration::from_millis(300)),
    );
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key();
    let (agent, device, conn) = (AgentId([1; 16]), DeviceId([2; 16]), ConnId([3; 16]));
    let now = UnixMs::from_secs(1_700_000_000);
    let new = NewToken {
        agent,
        device,
        issued: now,
        life: LIFE_TERMINAL,
        id: TokenId([4; 16]),
        conn: Some(conn),
        epoch: 1,
    };
    let token = issue::<Terminal>(&key, &new)?;
    let expected = Expected {
        agent,
        device,
        conn: Some(conn),
        epoch: 1,
        early: CLOCK_MEASURE,
    };
    let keys = [public.to_bytes()];
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    let signature = key.sign(signed.as_bytes());
    let mut rates = Rounds::default();
    for _ in 0..rounds {
        let ours = rate(time, || {
            verify::<Terminal>(now, black_box(&token), &keys, &expected).is_ok()
        });
        let bare = rate(time, || {
            public
                .verify_strict(black_box(signed.as_bytes()), &signature)
                .is_ok()
        });
        rates.push(ours, bare);
    }
    Ok(vec![Row::ratio("verify", &rates, "/s", rounds)])
}

/// How often a second it holds; what does not hold does not count.
fn rate(time: Duration, check: impl Fn() -> bool) -> f64 {
    let (began, mut times) = (Instant::now(), 0);
    while began.elapsed() < time {
        for _ in 0..16 {
            times += u32::from(check());
        }
    }
    f64::from(times) / began.elapsed().as_secs_f64()
}
