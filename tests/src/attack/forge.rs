//! Tokens put together by hand, so that anything can be wrong with them. Nothing here asks the product's own issuer.

use ed25519_dalek::{Signer as _, SigningKey};
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, TokenId};
use ring::hmac;
use serde_json::{Map, Value};

/// `typ` of a purpose token (`docs/PROTOCOL.md`, section 3).
pub const TOKEN: &str = "lanyard-token+jwt";
/// `typ` of a grant.
pub const GRANT: &str = "lanyard-grant+jwt";
/// Seconds that a grant lives at most.
pub const GRANT_LIFE: u64 = 30 * 24 * 3600;
/// Seconds that a `view` token lives at most.
pub const VIEW_LIFE: u64 = 15 * 60;

/// A token before it is signed: names and values as they will be written. As made by [`Forged::view`] or [`Forged::grant`] it is honest.
#[derive(Clone, Debug)]
pub struct Forged {
    header: Fields,
    claims: Fields,
}

/// A JSON object, in order, in which a name may stand twice.
type Fields = Vec<(String, String)>;

/// Whose token it is said to be.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    /// Issuer.
    pub agent: AgentId,
    /// Holder.
    pub device: DeviceId,
    /// The holder's epoch.
    pub epoch: u32,
    /// Unix seconds of its issue.
    pub issued: u64,
    /// Its name.
    pub id: TokenId,
}

impl Forged {
    /// A token to watch, for one link.
    #[must_use]
    pub fn view(of: &Of, conn: ConnId) -> Self {
        Self::new(of, TOKEN, "view", &conn.to_string(), VIEW_LIFE)
    }

    /// A device's grant.
    #[must_use]
    pub fn grant(of: &Of) -> Self {
        Self::new(of, GRANT, "device", "", GRANT_LIFE)
    }

    /// What an honest token says, ready to be changed. `None` if it is no token.
    #[must_use]
    pub fn read(raw: &str) -> Option<Self> {
        let mut parts = raw.split('.').map(|part| {
            let fields: Map<String, Value> = serde_json::from_slice(&b64::decode(part)?).ok()?;
            let fields = fields.into_iter().map(|(n, v)| (n, v.to_string()));
            Some(fields.collect::<Fields>())
        });
        let (header, claims) = (parts.next()??, parts.next()??);
        Some(Self { header, claims })
    }

    fn new(of: &Of, typ: &str, purpose: &str, conn: &str, life: u64) -> Self {
        let field = |name: &str, value: String| (name.to_owned(), value);
        Self {
            header: vec![field("typ", quoted(typ)), field("alg", quoted("EdDSA"))],
            claims: vec![
                field("iss", quoted(&of.agent.to_string())),
                field("aud", quoted(purpose)),
                field("sub", quoted(&of.device.to_string())),
                field("iat", of.issued.to_string()),
                field("nbf", of.issued.to_string()),
                field("exp", (of.issued + life).to_string()),
                field("jti", quoted(&of.id.to_string())),
                field("conn", quoted(conn)),
                field("ep", of.epoch.to_string()),
            ],
        }
    }

    /// With this header field, in place of the one of its name if there is one. `value` is JSON.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        put(&mut self.header, name, value.to_string());
        self
    }

    /// With this claim, in place of the one of its name if there is one. `value` is JSON.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl ToString) -> Self {
        put(&mut self.claims, name, value.to_string());
        self
    }

    /// With this claim behind all others, even if it is there already.
    #[must_use]
    pub fn and_claim(mut self, name: &str, value: impl ToString) -> Self {
        self.claims.push((name.to_owned(), value.to_string()));
        self
    }

    /// Without this claim.
    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.retain(|(known, _)| known != name);
        self
    }

    /// What a claim says, as JSON; empty if there is none.
    #[must_use]
    pub fn says(&self, name: &str) -> String {
        let found = self.claims.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The time that a claim names, 0 if it names none.
    #[must_use]
    pub fn claim_seconds(&self, name: &str) -> u64 {
        self.says(name).parse().unwrap_or_default()
    }

    /// Signed as a token is.
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> String {
        signed_text(&text(&self.header), &text(&self.claims), key)
    }

    /// Signed, with other text for its claims.
    #[must_use]
    pub fn signed_with_claims(&self, claims: &str, key: &SigningKey) -> String {
        signed_text(&text(&self.header), claims, key)
    }

    /// With this for a signature.
    #[must_use]
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), b64::encode(signature))
    }

    /// Under a symmetric key, for those who take the algorithm from the token and the key from elsewhere.
    #[must_use]
    pub fn keyed(&self, secret: &[u8]) -> String {
        let hs256 = self.clone().header("alg", quoted("HS256"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mac = hmac::sign(&key, hs256.message().as_bytes());
        hs256.with_signature(mac.as_ref())
    }

    fn message(&self) -> String {
        message(&text(&self.header), &text(&self.claims))
    }
}

/// A JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn put(fields: &mut Fields, name: &str, value: String) {
    match fields.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name.to_owned(), value)),
    }
}

fn text(fields: &Fields) -> String {
    let fields: Vec<String> = fields.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", b64::encode(header), b64::encode(claims))
}

fn signed_text(header: &str, claims: &str, key: &SigningKey) -> String {
    let message = message(header, claims);
    let signature = key.sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", b64::encode(signature))
}
