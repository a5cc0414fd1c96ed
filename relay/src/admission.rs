//! How many strangers may stand at the door: connections that have proven nothing yet, per address and in all.

use crate::limits::{UNPROVEN_PER_ADDRESS, UNPROVEN_TOTAL};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts strangers.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A stranger's place; given back when it is dropped, which is when the stranger has left or has proven who it is.
#[derive(Debug)]
pub struct Place {
    admission: Admission,
    /// `None` where the address says nothing: behind a proxy, before the request has come.
    address: Option<IpAddr>,
}

impl Admission {
    /// A place for a stranger from `address`. `None` when there is none left.
    #[must_use]
    pub fn admit(&self, address: Option<IpAddr>) -> Option<Place> {
        let address = address.map(network);
        let mut counts = self.lock();
        let taken = address
            .and_then(|address| counts.by_address.get(&address))
            .copied()
            .unwrap_or(0);
        if counts.total >= UNPROVEN_TOTAL || taken >= UNPROVEN_PER_ADDRESS {
            return None;
        }
        counts.total += 1;
        if let Some(address) = address {
            counts.by_address.insert(address, taken + 1);
        }
        Some(Place {
            admission: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.total -= 1;
        if let Some(address) = self.address
            && let Some(taken) = counts.by_address.get_mut(&address)
        {
            *taken -= 1;
            if *taken == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn network(address: IpAddr) -> IpAddr {
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
    fn all_addresses_together_have_a_limit_too() {
        let admission = Admission::default();
        let places: Vec<_> = std::iter::from_fn(|| admission.admit(None)).collect();
        assert_eq!(places.len(), UNPROVEN_TOTAL);
        assert!(
            admission
                .admit(Some("192.0.2.1".parse().unwrap()))
                .is_none()
        );
    }
}
