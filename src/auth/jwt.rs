//! Tokens for people: HS256 JWTs, made and read. Pure: the key and the time are given, whether the user still stands
//! behind a token is for `sessions` to say.
//!
//! Must not know: the database, HTTP, any domain.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::model::Role;
use crate::clock::Timestamp;

/// The signing key: 32 random bytes, made at first start and kept in the database.
pub const KEY_BYTES: usize = 32;

/// What a token says. Names are ids, so that a token stays under 900 characters whatever the names
/// (account contract: 10 to 1000 characters).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub sub: Uuid,
    /// The company's id.
    pub company: Uuid,
    /// The user's roles when it signed in: information for the reader; the server asks its own table.
    pub roles: Vec<Role>,
    /// Unix seconds at which it was made.
    pub iat: i64,
    /// Unix seconds from which it is no longer valid.
    pub exp: i64,
    /// The token's own id, by which it is revoked.
    pub jti: Uuid,
    /// The user's credential generation: a changed password or 'sign out everywhere' begins a new one and so ends
    /// every older token at once, even one made in the same second.
    #[serde(rename = "gen")]
    pub generation: i64,
}

/// Signs `claims`.
///
/// # Panics
/// When the claims cannot be written as JSON, which their types rule out.
#[must_use]
pub fn encode(claims: &Claims, key: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(key))
        .expect("claims of ids and integers serialise, and HMAC takes any key")
}

/// Reads a token: its claims if the signature is ours and it has not expired at `now`, to the second and without
/// leeway.
#[must_use]
pub fn decode(token: &str, key: &[u8], now: Timestamp) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The library would ask the machine's clock; expiry follows ours, below.
    validation.validate_exp = false;
    validation.leeway = 0;
    validation.set_required_spec_claims(&["exp", "sub"]);
    let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key), &validation).ok()?.claims;
    (now.as_unix_seconds() < claims.exp).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            sub: Uuid::from_u128(1),
            company: Uuid::from_u128(2),
            roles: vec![Role::Admin, Role::User],
            iat: 1_000,
            exp: 1_060,
            jti: Uuid::from_u128(3),
            generation: 0,
        }
    }

    #[test]
    fn a_token_is_valid_until_the_second_it_expires() {
        let token = encode(&claims(), &[7; KEY_BYTES]);
        assert!((10..=900).contains(&token.len()), "{}", token.len());
        assert_eq!(decode(&token, &[7; KEY_BYTES], Timestamp::from_unix_seconds(1_059)), Some(claims()));
        assert_eq!(decode(&token, &[7; KEY_BYTES], Timestamp::from_unix_seconds(1_060)), None);
    }

    #[test]
    fn a_token_of_another_key_or_algorithm_is_refused() {
        let now = Timestamp::from_unix_seconds(1_000);
        let token = encode(&claims(), &[8; KEY_BYTES]);
        assert_eq!(decode(&token, &[7; KEY_BYTES], now), None);
        let other =
            jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(&[7; KEY_BYTES]))
                .expect("encodes");
        assert_eq!(decode(&other, &[7; KEY_BYTES], now), None);
        // alg: none, with an empty signature
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIn0.";
        assert_eq!(decode(unsigned, &[7; KEY_BYTES], now), None);
        assert_eq!(decode("", &[7; KEY_BYTES], now), None);
    }
}
