//! The signature of Standard Webhooks (<https://github.com/standard-webhooks/standard-webhooks>, "Signature scheme"):
//! HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, one signature per valid secret.
//!
//! Pure. Must not know: the database, HTTP, the runtime, the clock.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::auth::AuthError;
use crate::clock::Timestamp;

/// How long the secret before stays valid after a rotation.
pub const OVERLAP: Duration = Duration::from_hours(24);

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";

/// How many bytes of ours a secret has; the standard allows 24 to 64.
const BYTES: usize = 32;

/// A signing secret: the key's bytes. Shown as text once, never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A fresh one.
    pub fn generate() -> Result<Self, AuthError> {
        Ok(Self(Zeroizing::new(crate::auth::random::<BYTES>()?.to_vec())))
    }

    /// Reads `whsec_<base64>`, with or without the prefix, of 24 to 64 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self(Zeroizing::new(bytes)))
    }

    /// The text to give to the receiver's owner.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&*self.0))
    }

    /// From the database.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// For the database.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret that is valid and, for a while after a rotation, the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPair {
    /// The newest.
    pub current: Secret,
    /// The one before, and when it ends.
    pub previous: Option<(Secret, Timestamp)>,
}

impl SecretPair {
    /// A first secret.
    #[must_use]
    pub fn first(secret: Secret) -> Self {
        Self { current: secret, previous: None }
    }

    /// The pair after `next` has replaced the current secret at `now`. Of two rotations within a day only the latter's
    /// predecessor lives on: whoever rotates twice wants the first one gone.
    #[must_use]
    pub fn rotated(&self, next: Secret, now: Timestamp) -> Self {
        Self { current: next, previous: Some((self.current.clone(), now.plus(OVERLAP))) }
    }

    /// The value of `webhook-signature` for a message sent at `now`: the current secret's signature first.
    #[must_use]
    pub fn signature(&self, id: &str, body: &[u8], now: Timestamp) -> String {
        let seconds = now.as_unix_seconds();
        let mut signature = self.current.sign(id, seconds, body);
        if let Some((previous, until)) = &self.previous
            && now < *until
        {
            signature.push(' ');
            signature += &previous.sign(id, seconds, body);
        }
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_computed_with_another_implementation() {
        // The standard's example message; the answers are those of Python's hmac module.
        for (secret, id, at, body, expected) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "018f9f7e-3c1c-4d5a-8a52-0d4a6d6a1b2c",
                1_772_445_600,
                r#"{"type":"ping","data":"Привіт"}"#,
                "v1,vEQTm3K/M7QoBx/GQ2Ke4Ocio0oRXIufMAXbLot2tV0=",
            ),
            (
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "x",
                0,
                "",
                "v1,Nu9Z2c7NfQ3vzfYl/1MtWRsSymdGY1F543eqEXfae+g=",
            ),
        ] {
            let pair = SecretPair::first(Secret::parse(secret).expect("a secret"));
            assert_eq!(pair.signature(id, body.as_bytes(), Timestamp::from_unix_seconds(at)), expected);
        }
    }

    #[test]
    fn a_secret_is_32_bytes_that_come_back_from_their_text_and_never_show() {
        let secret = Secret::generate().expect("random bytes");
        assert_eq!(secret.bytes().len(), 32);
        assert_eq!(Secret::parse(&secret.expose()).expect("our own"), secret);
        assert_ne!(Secret::generate().expect("random bytes"), secret);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for text in ["", "whsec_", "whsec_???", "whsec_AAAA"] {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn both_secrets_sign_for_a_day_after_a_rotation() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let [first, second, third] = [(); 3].map(|()| Secret::generate().expect("random bytes"));
        let alone = |secret: &Secret, at| SecretPair::first(secret.clone()).signature("id", b"body", at);
        let pair = SecretPair::first(first.clone()).rotated(second.clone(), now);
        let late = now.plus(OVERLAP).minus(Duration::from_secs(1));
        assert_eq!(pair.signature("id", b"body", late), format!("{} {}", alone(&second, late), alone(&first, late)));
        let after = now.plus(OVERLAP);
        assert_eq!(pair.signature("id", b"body", after), alone(&second, after));
        let twice = pair.rotated(third.clone(), now);
        assert_eq!(twice.signature("id", b"body", now), format!("{} {}", alone(&third, now), alone(&second, now)));
    }
}
