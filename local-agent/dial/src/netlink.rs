//! What Linux says of interfaces, addresses and routes as they change (rtnetlink).

use crate::limits::NETLINK_BUFFER;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::future::pending;
use std::io;
use tokio::io::unix::AsyncFd;

/// The groups that are listened to: `RTMGRP_LINK`, and `IFADDR` and `ROUTE` of both families.
const GROUPS: [u32; 5] = [0x1, 0x10, 0x40, 0x100, 0x400];
/// Interfaces, addresses and routes that are new, or gone.
const KINDS: [u16; 6] = [16, 17, 20, 21, 24, 25];
/// A message begins with its length and kind, among others.
const LENGTH: usize = 16;

pub(crate) struct Netlink(AsyncFd<OwnedFd>);

impl Netlink {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system does not let us: containers may not.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for the sake of descriptors that change under it; an owned one does not"
    )]
    pub(crate) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // The first protocol of the family, which is what no choice means, is `NETLINK_ROUTE`.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        let groups = GROUPS.iter().fold(0, |all, group| all | group);
        bind(&socket, &SocketAddrNetlink::new(0, groups))?;
        Ok(Self(AsyncFd::new(socket)?))
    }

    /// Waits for a change. Nothing is lost when the future is dropped.
    pub(crate) async fn changed(&self) {
        let mut buffer = vec![0; NETLINK_BUFFER];
        while let Ok(mut ready) = self.0.readable().await {
            let heard = ready.try_io(|socket| {
                let (length, _) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
                Ok(length)
            });
            match heard {
                Ok(Ok(length)) if !tells_of_change(&buffer[..length]) => {}
                // More has changed than fitted.
                Ok(Err(error)) if Errno::from_io_error(&error) != Some(Errno::NOBUFS) => break,
                Ok(Ok(_) | Err(_)) => return,
                Err(_would_block) => {}
            }
        }
        // It does not work any more; the clock still does.
        pending().await
    }
}

fn tells_of_change(mut messages: &[u8]) -> bool {
    while let Some((head, _)) = messages.split_first_chunk::<LENGTH>() {
        let [a, b, c, d, kind @ ..] = head;
        if KINDS.contains(&u16::from_ne_bytes([kind[0], kind[1]])) {
            return true;
        }
        let length = usize::try_from(u32::from_ne_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let next = length.max(LENGTH).checked_next_multiple_of(4);
        messages = next.and_then(|at| messages.get(at..)).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: usize) -> Vec<u8> {
        let length = u32::try_from(LENGTH + body).unwrap_or(0);
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize((LENGTH + body).next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn interfaces_addresses_and_routes_count_wherever_they_stand_and_nothing_else_does() {
        for kind in KINDS {
            assert!(tells_of_change(&message(kind, 5)));
            assert!(tells_of_change(
                &[message(28, 5), message(kind, 0)].concat()
            ));
        }
        for kind in [0, 2, 3, 18, 28, 32] {
            assert!(!tells_of_change(&message(kind, 5)));
        }
    }

    #[test]
    fn what_is_cut_or_lies_about_its_length_is_read_to_its_end_and_no_further() {
        let whole = [message(28, 5), message(16, 5)].concat();
        for cut in 0..message(28, 5).len() + LENGTH {
            assert!(!tells_of_change(&whole[..cut]));
        }
        for length in [0, 1, u32::MAX] {
            let mut lies = message(28, 100);
            lies[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(!tells_of_change(&lies));
        }
    }
}
