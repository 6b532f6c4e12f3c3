//! What the house API has beside the connectors contract: registering systems and merchants, reading back, alerts.
//!
//! Must not know: SQL, other domains. A system and a merchant are registered under codes of their own and a rule that is
//! made twice can be seen and deleted, so these take no `Idempotency-Key`.

mod alerts;
mod exposition;
mod reading;
mod registry;
pub mod wire;

use poem_openapi::Tags;

pub use self::alerts::AlertsApi;
pub use self::reading::ReadingApi;
pub use self::registry::RegistryApi;
use crate::clock::Timestamp;
use crate::connectors::model::LAST_SECOND;
use crate::connectors::moment;
use crate::http::problem::Problems;
use crate::http::{Failure, Refused};

#[derive(Tags)]
enum HouseTags {
    /// The systems that connectors report from, and the merchants they report of.
    #[oai(rename = "house: connectors")]
    Connectors,
    /// What they reported: newest values, keys, series, workbooks, gauges.
    #[oai(rename = "house: statistics")]
    Statistics,
    /// Rules that tell webhooks of values out of bounds and of silence.
    #[oai(rename = "house: alerts")]
    Alerts,
}

type Answer<T> = Result<T, Refused<Problems>>;

/// Reads an instant: Unix seconds, or ISO 8601.
fn instant(field: &'static str, text: &str) -> Result<i64, Failure> {
    let seconds = text.parse::<i64>().ok().or_else(|| moment::of_text(text).map(Timestamp::as_unix_seconds));
    seconds.filter(|seconds| (0..=LAST_SECOND).contains(seconds)).ok_or_else(|| {
        Failure::invalid_field(field, "must be Unix seconds, or an instant such as 2026-01-31T23:59:59Z")
    })
}
