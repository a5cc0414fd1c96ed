//! How many strangers may stand at the door: connections that have proven nothing yet, per address and in all.
//!
//! When every place is taken, the one who has stood there longest makes room. Who proves itself needs a few round trips; who only stands there
//! is always older. So a flood displaces itself, and a newcomer still gets in. The same holds among those of one address: behind one stand many
//! who have nothing to do with each other.

use crate::limits::{AGAIN_LEAST, AGAIN_MOST, UNPROVEN_PER_ADDRESS, UNPROVEN_TOTAL};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Counts strangers.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Mutex<Strangers>>);

#[derive(Debug, Default)]
struct Strangers {
    /// Oldest first, by a number that rises.
    here: BTreeMap<u64, Stranger>,
    next: u64,
    /// The numbers of each address.
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Stranger {
    /// `None` where the address says nothing: behind a proxy, before the request has come.
    address: Option<IpAddr>,
    lost: Arc<Notify>,
}

/// A stranger's place; given back when it is dropped, which is when the stranger has left or has proven who it is.
#[derive(Debug)]
pub struct Place {
    admission: Admission,
    number: u64,
    lost: Arc<Notify>,
}

impl Admission {
    /// A place for a stranger from `address`. `None` when that address has all it may have: for those who can be told so.
    #[must_use]
    pub fn admit(&self, address: Option<IpAddr>) -> Option<Place> {
        let address = address.map(network);
        let mut strangers = self.lock();
        if strangers.oldest_beyond(address).is_some() {
            return None;
        }
        Some(self.place(&mut strangers, address))
    }

    /// The same for those who could not be told: when that address has all it may have, the one of its strangers who has stood there longest
    /// makes room. True when one had to.
    #[must_use]
    pub fn admit_anyway(&self, address: Option<IpAddr>) -> (Place, bool) {
        let address = address.map(network);
        let mut strangers = self.lock();
        let oldest = strangers.oldest_beyond(address);
        if let Some(oldest) = oldest {
            strangers.displace(oldest);
        }
        (self.place(&mut strangers, address), oldest.is_some())
    }

    fn place(&self, strangers: &mut Strangers, address: Option<IpAddr>) -> Place {
        if strangers.here.len() >= UNPROVEN_TOTAL
            && let Some((oldest, _)) = strangers.here.first_key_value()
        {
            strangers.displace(*oldest);
        }
        let (number, lost) = (strangers.next, Arc::<Notify>::default());
        strangers.next += 1;
        if let Some(address) = address {
            let its = strangers.by_address.entry(address).or_default();
            its.insert(number);
        }
        let stranger = Stranger {
            address,
            lost: Arc::clone(&lost),
        };
        strangers.here.insert(number, stranger);
        Place {
            admission: self.clone(),
            number,
            lost,
        }
    }

    /// When somebody who found no place should come back: later the fuller it is, and not all at once. `random` is uniform over all of `u32`.
    #[must_use]
    pub fn again(&self, random: u32) -> Duration {
        let taken = self.count().min(UNPROVEN_TOTAL) as f64 / UNPROVEN_TOTAL as f64;
        let most = AGAIN_LEAST * 2 + (AGAIN_MOST - AGAIN_LEAST * 2).mul_f64(taken);
        spread(AGAIN_LEAST, most, random)
    }

    /// How many stand there now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().here.len()
    }

    fn lock(&self) -> MutexGuard<'_, Strangers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strangers {
    /// The oldest of an address that has all the places it may have.
    fn oldest_beyond(&self, address: Option<IpAddr>) -> Option<u64> {
        let its = self.by_address.get(&address?)?;
        let full = its.len() >= UNPROVEN_PER_ADDRESS;
        its.first().filter(|_| full).copied()
    }

    fn displace(&mut self, number: u64) {
        if let Some(lost) = self.leave(number) {
            lost.notify_one();
        }
    }

    fn leave(&mut self, number: u64) -> Option<Arc<Notify>> {
        let stranger = self.here.remove(&number)?;
        if let Some(address) = stranger.address
            && let Some(its) = self.by_address.get_mut(&address)
        {
            its.remove(&number);
            if its.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(stranger.lost)
    }
}

impl Place {
    /// Completes when another stranger has been given this place. Whoever holds it is to go at once.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let lost = Arc::clone(&self.lost);
        async move { lost.notified().await }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing to give back when the place was lost.
        self.admission.lock().leave(self.number);
    }
}

/// Between two times, uniformly.
pub fn spread(least: Duration, most: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    least + most.saturating_sub(least).mul_f64(share)
}

/// Whoever has one IPv6 address has a whole /64 of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places_and_gets_them_back() {
        let admission = Admission::default();
        let crowd: IpAddr = "192.0.2.1".parse().unwrap();
        let mut places: Vec<_> = std::iter::from_fn(|| admission.admit(Some(crowd))).collect();
        assert_eq!(places.len(), UNPROVEN_PER_ADDRESS);
        assert!(
            admission
                .admit(Some("192.0.2.2".parse().unwrap()))
                .is_some()
        );
        places.pop();
        assert!(admission.admit(Some(crowd)).is_some());
        drop(places);
        assert!(admission.lock().by_address.is_empty());
        assert!(admission.lock().here.is_empty());
    }

    #[tokio::test]
    async fn in_a_crowd_of_one_address_the_oldest_makes_room_for_a_neighbour_and_nobody_elsewhere_does()
     {
        let admission = Admission::default();
        let (crowd, other): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let (elsewhere, none) = admission.admit_anyway(Some(other));
        assert!(!none);
        let mut places: Vec<_> = std::iter::from_fn(|| admission.admit(Some(crowd))).collect();
        assert!(admission.admit(Some(crowd)).is_none());
        let (neighbour, displaced) = admission.admit_anyway(Some(crowd));
        assert!(displaced);
        places[0].lost().await;
        // Who lost its place gives back nothing that is another's.
        drop(places.remove(0));
        assert!(admission.admit(Some(crowd)).is_none());
        assert_eq!(admission.count(), UNPROVEN_PER_ADDRESS + 1);
        drop((neighbour, elsewhere, places));
        assert!(admission.lock().by_address.is_empty());
    }

    #[test]
    fn a_v6_network_counts_as_one_address_and_a_mapped_v4_as_itself() {
        let admission = Admission::default();
        let places: Vec<_> = (0..UNPROVEN_PER_ADDRESS as u128)
            .filter_map(|n| {
                admission.admit(Some(IpAddr::V6(Ipv6Addr::from_bits(
                    (0x2001_0db8 << 96) + n,
                ))))
            })
            .collect();
        assert_eq!(places.len(), UNPROVEN_PER_ADDRESS);
        assert!(
            admission
                .admit(Some("2001:db8::ffff".parse().unwrap()))
                .is_none()
        );
        assert!(
            admission
                .admit(Some("2001:db8:1::1".parse().unwrap()))
                .is_some()
        );
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            network("192.0.2.1".parse().unwrap())
        );
    }

    #[test]
    fn who_finds_no_place_is_told_to_come_back_later_the_fuller_it_is_and_not_with_all_others() {
        let admission = Admission::default();
        assert_eq!(admission.again(0), AGAIN_LEAST);
        assert_eq!(admission.again(u32::MAX), AGAIN_LEAST * 2);
        let mut places = Vec::new();
        let mut latest = admission.again(u32::MAX);
        for _ in 0..4 {
            places.extend((0..UNPROVEN_TOTAL / 4).filter_map(|_| admission.admit(None)));
            let later = admission.again(u32::MAX);
            assert!(later > latest && later <= AGAIN_MOST, "{later:?}");
            assert_eq!(admission.again(0), AGAIN_LEAST);
            latest = later;
        }
        assert_eq!(latest, AGAIN_MOST);
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_oldest_stranger_makes_room_for_a_newcomer() {
        let admission = Admission::default();
        let mut places: Vec<_> = (0..UNPROVEN_TOTAL)
            .map(|_| admission.admit(None).unwrap())
            .collect();
        let newcomer = admission.admit(Some("192.0.2.1".parse().unwrap()));
        assert!(newcomer.is_some());
        assert_eq!(admission.lock().here.len(), UNPROVEN_TOTAL);
        places[0].lost().await;
        drop(places.remove(0));
        assert_eq!(admission.lock().here.len(), UNPROVEN_TOTAL);
        drop(places);
        assert_eq!(admission.lock().here.len(), 1);
    }
}
