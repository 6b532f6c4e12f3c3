//! What the house API has beside the schedules contract: parties and their binding, exceptions and holidays, whether an
//! order may be sent and why, calendars.
//!
//! Must not know: SQL, other domains. Making something twice is refused by its number, GLN or day, and what is written to
//! a day replaces what is there: only what makes a calendar feed takes an `Idempotency-Key`.

mod calendar;
mod parties;
mod windows;
pub mod wire;

use poem_openapi::Tags;

pub use self::parties::PartiesApi;
pub use self::windows::OrderWindowsApi;
use crate::http::problem::Problems;
use crate::http::{Failure, Refused};

#[derive(Tags)]
enum HouseTags {
    /// Producers and distributors, and who may act for them.
    #[oai(rename = "house: parties")]
    Parties,
    /// Whether an order may be sent, exceptions, holidays, calendars.
    #[oai(rename = "house: order windows")]
    Windows,
}

type Answer<T> = Result<T, Refused<Problems>>;

/// A page token's row key.
fn row_key(after: &str) -> Result<i64, Failure> {
    match after {
        "" => Ok(0),
        key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list")),
    }
}
