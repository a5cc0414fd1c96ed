//! Why a link or stream ended: a code for programs, a sentence and a hint for people.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal, $sentence:literal, $hint:literal;)*) => {
        /// A named end of a link or stream.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum CloseCode {
            $($(#[$doc])* #[doc = $sentence] $name = $number,)*
        }

        impl CloseCode {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The name programs match on.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What happened, in a plain sentence without a full stop.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// What the person can do about it; empty where nothing is to be done.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

codes! {
    Done = 1 "done", "finished", "";
    ViewerGone = 2 "viewer-gone", "the viewer's link ended", "";
    AgentGone = 3 "agent-gone", "the machine's link to the relay ended", "it comes back by itself when the machine is online again";
    AgentOffline = 4 "agent-offline", "the machine is not connected to the relay", "start `lanyard up` on it, or wait until it is awake and online";
    AgentClock = 5 "agent-clock", "the machine's clock is more than 10 minutes off, so the relay refuses it", "set the machine's clock, for example with `timedatectl set-ntp true`";
    Replaced = 6 "replaced", "another agent with the same identity has taken this place", "stop one of the two; if you did not start it, rotate the identity";
    GoingAway = 7 "going-away", "the other side is restarting", "it comes back by itself";
    Lapsed = 8 "lapsed", "the token for this stream has lapsed", "press a key or tap to go on";
    Revoked = 9 "revoked", "this access was ended by the owner", "pair again with `lanyard pair`";
    Busy = 10 "busy", "the other side has too much open at once", "close something, or try again in a moment";
    TerminalGone = 11 "terminal-gone", "there is no such terminal any more", "open a new one";
    NotGranted = 12 "not-granted", "this device was not granted that", "pair again with `lanyard pair --grant terminal`";
    ClockBehind = 13 "clock-behind", "the machine's clock is behind the last time it knew, so it grants nothing", "set the machine's clock; if it was ahead before, run `lanyard clock --accept` on the machine";
    Locked = 14 "locked", "the owner has locked this machine: nobody has access from elsewhere", "run `lanyard unlock` on the machine";
    NotOffered = 15 "not-offered", "this machine does not offer that yet", "a later version of Lanyard may";
    NotYours = 16 "not-yours", "there is no such thing among what this device has", "look at the list again; it may have ended";
    NotRenewed = 17 "not-renewed", "a token of this purpose is never renewed", "a new one is asked for when it is needed";
    ShareEnded = 18 "share-ended", "the time for which this access was shared is over", "ask whoever shared it for another link";
    TokenEnded = 19 "token-ended", "this was ended by the owner", "press a key or tap to ask for it again";
    KeyRetired = 20 "key-retired", "this machine's key was replaced while this device was away", "pair again with `lanyard pair` on the machine";
    KeysChanged = 21 "keys-changed", "this device has changed its keys", "it comes back by itself";
    Suspended = 22 "suspended", "a copy of this device was seen, so it may only watch", "at the machine, run `lanyard trust` if it is yours, or `lanyard revoke` if not";
    KeysOverlap = 23 "keys-overlap", "too many keys that were replaced still hold", "wait until the first of them ends, or end them all with `--now`";
    AgentStopped = 24 "agent-stopped", "Lanyard was stopped on the machine", "a restart takes seconds; otherwise run `lanyard up` on it";
    AgentLost = 25 "agent-lost", "Lanyard on the machine ended without a word, or its connection was cut", "it comes back by itself if only the network failed; otherwise run `lanyard up` on it";
    AgentSilent = 26 "agent-silent", "the machine is asleep or has no network", "wake it, or wait until it has a network; it comes back by itself";
    ApprovalUnknown = 27 "approval-unknown", "nobody waits for this answer any more", "look at the list of what waits; it may have been answered, or its time was over";

    Malformed = 100 "malformed", "a frame was malformed", "both sides may need the same version";
    TooLarge = 101 "too-large", "a frame was larger than allowed", "";
    UnknownKind = 102 "unknown-kind", "a frame was of an unknown kind", "both sides may need the same version";
    UnexpectedFrame = 103 "unexpected-frame", "a frame came that has no place here", "both sides may need the same version";
    UnknownStream = 104 "unknown-stream", "a frame named a stream that was never opened", "";
    StreamReused = 105 "stream-reused", "a stream id was used again or out of order", "";
    CreditExceeded = 106 "credit-exceeded", "more data came than credit was given", "";
    TooManyStreams = 107 "too-many-streams", "too many streams are open", "";
    Version = 108 "version", "the two sides have no protocol version in common", "update the older side";

    HandshakeTimeout = 200 "handshake-timeout", "no proof of identity came in time", "";
    UnprovenBytes = 201 "unproven-bytes", "too much was sent before a proof of identity", "";
    ProofRefused = 202 "proof-refused", "the proof of identity does not hold", "check that the relay's address is the one you dialled";
    ProofExpired = 203 "proof-expired", "the proof of identity was not renewed in time", "";
    WrongHost = 204 "wrong-host", "the relay is not known by the name that was dialled", "start the relay with `--host NAME`";
    UnknownAgent = 205 "unknown-agent", "the relay does not know this machine", "enrol it with `lanyard up --enrol CODE`";
    ClockSkew = 206 "clock-skew", "this machine's clock is more than 10 minutes off the relay's", "set the clock, for example with `timedatectl set-ntp true`";
    EnrolRefused = 207 "enrol-refused", "the enrolment code is wrong, used or expired, or the relay knows this machine by another key", "run `lanyard-relay enrol` on the relay for a new code; a machine with another key has to be removed there first: `lanyard-relay agents revoke ID`";
    Silent = 208 "silent", "nothing was heard for too long", "";

    TokenRefused = 300 "token-refused", "a token was refused", "it may have expired; a new one is asked for by itself";
    TokenUsed = 301 "token-used", "a token was used a second time", "";
    PairUnknown = 302 "pair-unknown", "this pairing link is wrong or no longer known", "run `lanyard pair` for a new one";
    PairUsed = 303 "pair-used", "this pairing link has already been used", "run `lanyard pair` for a new one";
    PairExpired = 304 "pair-expired", "this pairing link has expired", "run `lanyard pair` for a new one";
    PairDenied = 305 "pair-denied", "the person at the machine said no", "";
    HandshakeFailed = 306 "handshake-failed", "the end-to-end handshake failed", "pair again with `lanyard pair`";
    SealBroken = 307 "seal-broken", "a sealed record did not verify: something between changed it", "";
    BadMessage = 308 "bad-message", "a message inside the session was malformed", "both sides may need the same version";
    UnknownDevice = 309 "unknown-device", "the machine does not know this device", "pair again with `lanyard pair`";
    InputGap = 310 "input-gap", "an input was numbered out of order", "";
    Cut = 311 "cut", "the connection was cut", "it comes back by itself";
    Internal = 400 "internal", "something failed inside", "the log says more";
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for CloseCode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_sentences_fit() {
        for (i, code) in CloseCode::ALL.iter().enumerate() {
            assert_eq!(CloseCode::from_number(*code as u16), Some(*code));
            assert!(code.sentence().len() <= crate::limits::SENTENCE_MAX);
            assert!(
                CloseCode::ALL[..i]
                    .iter()
                    .all(|other| other.name() != code.name())
            );
        }
    }
}
