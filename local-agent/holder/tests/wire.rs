//! The codec: what it writes it reads, and anything else it refuses without harm.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use bytes::{Bytes, BytesMut};
use lanyard_holder::limits;
use lanyard_holder::wire::{
    Decoder, ExitStatus, FromClient, FromHolder, Kind, Message, OLDEST, Refusal, VERSION, Welcome,
    WireError,
};
use proptest::prelude::*;

fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..2000).prop_map(Bytes::from)
}

fn from_client() -> impl Strategy<Value = FromClient> {
    let kind = prop_oneof![
        Just(Kind::Control),
        (any::<Option<u64>>(), any::<bool>()).prop_map(|(have, pace)| Kind::Watch { have, pace })
    ];
    prop_oneof![
        (OLDEST..=VERSION, kind).prop_map(|(version, kind)| FromClient::Hello { version, kind }),
        any::<u32>().prop_map(FromClient::Credit),
        (any::<[u8; 16]>(), any::<u64>(), payload())
            .prop_map(|(writer, seq, bytes)| FromClient::Input { writer, seq, bytes }),
        any::<(u16, u16)>().prop_map(|(cols, rows)| FromClient::Resize { cols, rows }),
        Just(FromClient::Kill),
        Just(FromClient::Forget),
        any::<[u8; 16]>().prop_map(|writer| FromClient::LastSeq { writer }),
        any::<bool>().prop_map(FromClient::Pace),
        any::<u64>().prop_map(FromClient::OrphanAfter),
    ]
}

fn from_holder() -> impl Strategy<Value = FromHolder> {
    let exit = || {
        prop_oneof![
            any::<i32>().prop_map(ExitStatus::Code),
            any::<i32>().prop_map(ExitStatus::Signal)
        ]
    };
    let welcome = (
        any::<(u16, u32, u16, u16)>(),
        any::<(u64, u64, u64)>(),
        "\\PC{0,50}",
        prop::option::of(exit()),
    );
    let refusal = prop::sample::select(vec![
        Refusal::Version,
        Refusal::Malformed,
        Refusal::TooMany,
        Refusal::InputGap,
        Refusal::Ended,
        Refusal::StillRunning,
        Refusal::SizeOutOfBounds,
        Refusal::TooSlow,
    ]);
    prop_oneof![
        welcome.prop_map(
            |((version, pid, cols, rows), (head, tail, started), title, exit)| {
                FromHolder::Welcome(Welcome {
                    version,
                    pid,
                    cols,
                    rows,
                    head,
                    tail,
                    started,
                    title,
                    exit,
                })
            }
        ),
        any::<(u64, u16, u16, u32)>().prop_map(|(offset, cols, rows, total)| {
            FromHolder::Snapshot {
                offset,
                cols,
                rows,
                total,
            }
        }),
        payload().prop_map(FromHolder::SnapshotChunk),
        (any::<u64>(), payload()).prop_map(|(offset, bytes)| FromHolder::Output { offset, bytes }),
        any::<(u16, u16)>().prop_map(|(cols, rows)| FromHolder::Size { cols, rows }),
        "\\PC{0,50}".prop_map(FromHolder::Title),
        exit().prop_map(FromHolder::Exit),
        any::<([u8; 16], u64)>().prop_map(|(writer, seq)| FromHolder::Applied { writer, seq }),
        (refusal, "\\PC{0,50}").prop_map(|(code, sentence)| FromHolder::Refused { code, sentence }),
    ]
}

fn read_back<M: Message>(messages: &[M], size: usize) -> Result<Vec<M>, WireError> {
    let mut bytes = BytesMut::new();
    messages
        .iter()
        .for_each(|message| message.encode(&mut bytes));
    decode(&bytes, size)
}

fn decode<M: Message>(bytes: &[u8], size: usize) -> Result<Vec<M>, WireError> {
    let mut decoder = Decoder::default();
    let mut read = Vec::new();
    for part in bytes.chunks(size) {
        decoder.buffer().extend_from_slice(part);
        while let Some(message) = decoder.next()? {
            read.push(message);
        }
        assert!(
            decoder.buffer().capacity() <= 2 * (limits::MESSAGE_BYTES + 4 + size),
            "{}",
            decoder.buffer().capacity()
        );
    }
    Ok(read)
}

proptest! {
    #[test]
    fn what_a_client_says_is_what_a_holder_hears(messages in prop::collection::vec(from_client(), 0..6), size in 1usize..3000) {
        prop_assert_eq!(read_back(&messages, size), Ok(messages));
    }

    #[test]
    fn what_a_holder_says_is_what_a_client_hears(messages in prop::collection::vec(from_holder(), 0..6), size in 1usize..3000) {
        prop_assert_eq!(read_back(&messages, size), Ok(messages));
    }

    #[test]
    fn garbage_is_refused_and_never_fatal(bytes in prop::collection::vec(any::<u8>(), 0..500), size in 1usize..100) {
        let _ = decode::<FromClient>(&bytes, size);
        let _ = decode::<FromHolder>(&bytes, size);
    }

    #[test]
    fn damaged_messages_are_refused_or_mean_something_else_and_are_never_fatal(
        message in from_holder(), at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = decode::<FromHolder>(&bytes, 4096);
        let _ = decode::<FromClient>(&bytes, 4096);
    }

    #[test]
    fn a_body_cut_short_or_left_over_is_refused(message in from_client(), longer in any::<bool>()) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        if longer { bytes.extend_from_slice(&[0]) } else { bytes.truncate(bytes.len() - 1) }
        let length = (bytes.len() - 4) as u32;
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        let read = decode::<FromClient>(&bytes, 4096);
        // Only the length of typed bytes is free.
        prop_assert!(read.is_err() || matches!(message, FromClient::Input { .. }), "{read:?}");
    }
}

#[test]
fn an_oversized_message_is_refused_before_its_body_comes() {
    for length in [limits::MESSAGE_BYTES as u32 + 1, u32::MAX] {
        assert_eq!(
            decode::<FromClient>(&length.to_be_bytes(), 4),
            Err(WireError::TooLong(length))
        );
    }
    assert_eq!(decode::<FromClient>(&[0; 4], 4), Err(WireError::Empty));
    let largest = FromClient::Input {
        writer: [0; 16],
        seq: 1,
        bytes: vec![0; limits::PAYLOAD_BYTES].into(),
    };
    assert_eq!(
        read_back(std::slice::from_ref(&largest), 1000),
        Ok(vec![largest])
    );
}

#[test]
fn the_hello_of_another_version_can_be_read_whatever_follows() {
    let read = decode(&[0, 0, 0, 6, 1, 0, 99, 9, 9, 9], 10);
    assert_eq!(
        read,
        Ok(vec![FromClient::Hello {
            version: 99,
            kind: Kind::Control
        }])
    );
}
