//! The wire types of the house API's part on connectors, by resource.
//!
//! Must not know: SQL, other domains.

mod alerts;
mod registry;
mod values;

pub use self::alerts::*;
pub use self::registry::*;
pub use self::values::*;
use crate::clock::Timestamp;
use crate::connectors::model::{Name, Refused, UnixSeconds};
use crate::http::Failure;
use crate::http::wire::Instant;

fn name(text: &str) -> Result<Name, Failure> {
    Ok(Name::parse(text).map_err(|rule| Refused { field: "name", rule })?)
}

fn utc(seconds: UnixSeconds) -> Instant {
    Instant::utc(Timestamp::from_unix_seconds(seconds))
}
