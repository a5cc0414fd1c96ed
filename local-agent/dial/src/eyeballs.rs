//! Which of a host's addresses is tried when (RFC 8305): families take turns, and the next one does not wait for the last to fail.
//!
//! A network whose IPv6 leads nowhere costs a quarter of a second then, and not the time of a whole attempt.

use crate::error::is_without_network;
use crate::limits::{ADDRESSES_MAX, NEXT_ADDRESS};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

/// The addresses to try, in order: as the resolver prefers them, but by turns of family, each once, and not without end.
pub(crate) fn order(found: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut families: [Vec<SocketAddr>; 2] = Default::default();
    let mut first_is_v6 = None;
    for address in found {
        let v6_first = *first_is_v6.get_or_insert(address.is_ipv6());
        let family = &mut families[usize::from(address.is_ipv6() != v6_first)];
        if !family.contains(&address) {
            family.push(address);
        }
    }
    let [preferred, other] = families;
    let mut other = other.into_iter();
    let mut ordered = Vec::with_capacity(ADDRESSES_MAX);
    for address in preferred {
        ordered.push(address);
        ordered.extend(other.next());
    }
    ordered.extend(other);
    ordered.truncate(ADDRESSES_MAX);
    ordered
}

/// The first connection that stands; the others are dropped. If none does, why the first address failed: it is the one the resolver prefers.
/// One to which there is no way at all says least: most hosts have an address of a family that this network lacks.
pub(crate) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    mut connect: impl FnMut(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter().enumerate();
    let mut running = FuturesUnordered::new();
    let mut why: Option<((bool, usize), io::Error)> = None;
    loop {
        let next = waiting.next();
        let more = next.is_some();
        if let Some((rank, address)) = next {
            let attempt = connect(address);
            running.push(async move { attempt.await.map_err(|error| (rank, error)) });
        }
        let head_start = tokio::time::sleep(NEXT_ADDRESS);
        tokio::select! {
            outcome = running.next() => match outcome {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err((rank, error))) => {
                    let rank = (is_without_network(&error), rank);
                    if why.as_ref().is_none_or(|(before, _)| rank < *before) {
                        why = Some((rank, error));
                    }
                }
                None => {
                    let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                    return Err(why.map_or_else(none, |(_, error)| error));
                }
            },
            () = head_start, if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::future::pending;
    use std::time::Duration;
    use tokio::time::Instant;

    fn all(texts: &[&str]) -> Vec<SocketAddr> {
        let parsed = texts.iter().map(|text| text.parse());
        parsed.collect::<Result<_, _>>().unwrap_or_default()
    }

    #[test]
    fn families_take_turns_and_the_resolvers_favourite_is_first() {
        for (found, expected) in [
            (&[][..], &[][..]),
            (&["1.0.0.1:1"], &["1.0.0.1:1"]),
            (
                &["[::a]:1", "[::b]:1", "[::c]:1", "1.0.0.1:1"],
                &["[::a]:1", "1.0.0.1:1", "[::b]:1", "[::c]:1"],
            ),
            (
                &["1.0.0.1:1", "[::a]:1", "[::b]:1", "[::c]:1"],
                &["1.0.0.1:1", "[::a]:1", "[::b]:1", "[::c]:1"],
            ),
            (
                &["1.0.0.1:1", "1.0.0.1:1", "1.0.0.2:1", "[::a]:1"],
                &["1.0.0.1:1", "[::a]:1", "1.0.0.2:1"],
            ),
        ] {
            assert_eq!(order(all(found)), all(expected), "{found:?}");
        }
    }

    #[test]
    fn a_name_with_a_thousand_addresses_is_tried_at_a_few_of_both_families() {
        let many = (1..=1000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let ordered = order(many.chain(all(&["[::1]:1"])));
        assert_eq!(ordered.len(), ADDRESSES_MAX);
        assert!(ordered[1].is_ipv6());
    }

    fn refused() -> io::Error {
        io::ErrorKind::ConnectionRefused.into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_black_hole_costs_a_quarter_of_a_second() {
        let began = Instant::now();
        let addresses = all(&["[::1]:1", "1.0.0.1:1"]);
        let won = race(addresses, |address| async move {
            if address.is_ipv6() {
                pending::<()>().await;
            }
            Ok(address)
        })
        .await;
        assert!(won.is_ok_and(|address| address.is_ipv4()));
        assert_eq!(began.elapsed(), NEXT_ADDRESS);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_the_next_address_is_tried_at_once() {
        let began = Instant::now();
        let addresses = all(&["[::1]:1", "1.0.0.1:1", "[::2]:1"]);
        let won = race(addresses.clone(), |address| async move {
            if address == "[::2]:1".parse().map_err(io::Error::other)? {
                Ok(address)
            } else {
                Err(refused())
            }
        })
        .await;
        assert_eq!(won.ok(), addresses.last().copied());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_address_still_wins_when_it_answers_first_and_later_ones_are_not_tried() {
        let tried = RefCell::new(Vec::new());
        let addresses = all(&["[::1]:1", "1.0.0.1:1", "[::2]:1"]);
        let won = race(addresses.clone(), |address| {
            tried.borrow_mut().push(address);
            async move {
                if address.is_ipv4() {
                    pending::<()>().await;
                }
                tokio::time::sleep(NEXT_ADDRESS * 3 / 2).await;
                Ok(address)
            }
        })
        .await;
        assert_eq!(won.ok(), addresses.first().copied());
        assert_eq!(*tried.borrow(), addresses[..2]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_the_favourites_reason_is_told() {
        let addresses = all(&["[::1]:1", "1.0.0.1:1"]);
        let lost = race::<(), _>(addresses, |address| async move {
            if address.is_ipv6() {
                tokio::time::sleep(NEXT_ADDRESS * 2).await;
                Err(refused())
            } else {
                Err(io::ErrorKind::NetworkUnreachable.into())
            }
        })
        .await;
        let why = lost.err().map(|error| error.kind());
        assert_eq!(why, Some(io::ErrorKind::ConnectionRefused));
        assert!(race::<(), _>(vec![], |_| async { Ok(()) }).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_family_says_nothing_of_the_network_and_two_missing_ones_do() {
        let lost = |v4: io::ErrorKind| async move {
            let addresses = all(&["[::1]:1", "1.0.0.1:1"]);
            let lost = race::<(), _>(addresses, |address| async move {
                let missing = io::ErrorKind::NetworkUnreachable;
                Err(if address.is_ipv6() { missing } else { v4 }.into())
            });
            lost.await.err().map(|error| error.kind())
        };
        let refused = io::ErrorKind::ConnectionRefused;
        assert_eq!(lost(refused).await, Some(refused));
        let none = io::ErrorKind::NetworkUnreachable;
        assert_eq!(lost(none).await, Some(none));
    }
}
