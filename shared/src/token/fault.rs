//! What can be wrong with a token, each under its own name.

use crate::close::CloseCode;

macro_rules! faults {
    ($($name:ident $text:literal $sentence:literal;)*) => {
        /// Why a token was refused. The name goes into logs and names the conformance vectors; the peer hears
        /// [`CloseCode::TokenRefused`] and no more, but for a token from the future: that one is good again when the machine's clock is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum TokenFault {
            $(#[doc = $sentence] #[error($sentence)] $name,)*
        }

        impl TokenFault {
            /// All faults.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// A stable name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

faults! {
    Oversize "oversize" "the token is larger than allowed";
    Segments "segments" "the token does not have three segments";
    Encoding "encoding" "a segment of the token is not unpadded base64url";
    NotAnObject "not-an-object" "a segment of the token is not a JSON object";
    UnknownHeader "unknown-header" "the token's header has a field that is not known";
    MissingHeader "missing-header" "the token's header lacks a field";
    DuplicateHeader "duplicate-header" "the token's header has a field twice";
    Algorithm "algorithm" "the token names another algorithm than EdDSA";
    TypConfusion "typ-confusion" "the token's type is not the one of its purpose";
    UnknownClaim "unknown-claim" "the token has a claim that is not known";
    MissingClaim "missing-claim" "the token lacks a claim";
    DuplicateClaim "duplicate-claim" "the token has a claim twice";
    ClaimForm "claim-form" "a claim of the token does not have its form";
    Signature "signature" "the token is not signed by a key that may";
    WrongPurpose "wrong-purpose" "the token is for another purpose";
    NotBefore "not-before" "the token's nbf differs from its iat";
    ExpiryBeforeIssue "expiry-before-issue" "the token expires before it is issued";
    LifeTooLong "life-too-long" "the token lives longer than its purpose allows";
    WrongAgent "wrong-agent" "the token is of another agent";
    WrongDevice "wrong-device" "the token is another device's";
    WrongConn "wrong-conn" "the token is for another link";
    WrongEpoch "wrong-epoch" "the token is from before the device was last revoked";
    NotYet "not-yet" "the token is from the future";
    Expired "expired" "the token has expired";
    OpenedLate "opened-late" "the token was issued too long ago to open a stream";
    WrongToken "wrong-token" "the token renews another token";
    Shortened "shortened" "the token ends before the one it renews";
    NoProvider "no-provider" "another signature provider was installed in this process";
}

impl From<TokenFault> for CloseCode {
    fn from(fault: TokenFault) -> Self {
        if fault == TokenFault::NotYet {
            Self::ClockBehind
        } else {
            Self::TokenRefused
        }
    }
}
