//! The `Idempotency-Key` of a POST that makes something, and what is said of one that cannot be taken.
//!
//! Must not know: any domain.

use poem::http::{HeaderMap, StatusCode};
use poem_openapi::types::ToJSON;

use super::Failure;
use crate::auth::idempotency::{IdempotencyError, IdempotencyKey};
use crate::auth::model::Principal;

impl From<IdempotencyError> for Failure {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::Reused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            IdempotencyError::Unreadable(_) => Self::internal(error),
            IdempotencyError::Store(error) => error.into(),
        }
    }
}

/// The key a POST came with, if any: 1 to 255 printable characters. Read from the headers themselves, because the
/// framework takes a value that is not ASCII for none, and a key that is silently passed over protects nobody.
pub fn idempotency(
    caller: &Principal,
    operation: &'static str,
    headers: &HeaderMap,
    request: &impl ToJSON,
) -> Result<Option<IdempotencyKey>, Failure> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let refused = |rule| Failure::invalid_field("Idempotency-Key", rule);
    if keys.next().is_some() {
        return Err(refused("must be sent once"));
    }
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| refused("must have 1 to 255 printable ASCII characters"))?;
    let mut request = request.to_json().unwrap_or_default();
    if let Some(fields) = request.as_object_mut() {
        fields.remove("password");
    }
    Ok(Some(IdempotencyKey::new(caller.user_id, operation, key, &request.to_string())))
}
