//! Usage in the house API: services report their work, ADMINs set quotas.
//!
//! Must not know: SQL, other domains. A report carries its own codes and a quota is set by its name, so these take no
//! `Idempotency-Key`.

mod processes;
mod quotas;
mod wire;

use poem_openapi::Tags;

pub use self::processes::ProcessesApi;
pub use self::quotas::QuotasApi;
pub use self::wire::FinishWire;
use crate::http::Refused;
use crate::http::document::Example;
use crate::http::problem::Problems;

/// The largest body of reports, in bytes.
pub const REPORTS_LIMIT: usize = 16 * 1024 * 1024;

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("report_process", wire::report_example),
    ("report_processes", wire::batch_example),
    ("attach_requests", wire::requests_example),
    ("finish_process", wire::finish_example),
    ("upload_process_file", wire::bytes_example),
    ("set_quota", wire::limits_example),
];

/// What the answers look like.
pub const ANSWERS: &[Example] = &[
    ("report_process", wire::process_answer),
    ("report_processes", wire::batch_answer),
    ("read_process", wire::process_answer),
];

#[derive(Tags)]
enum HouseTags {
    /// What services report of their work, with the data that went in and came out.
    #[oai(rename = "house: processes")]
    Processes,
    /// What each user may use.
    #[oai(rename = "house: quotas")]
    Quotas,
}

type Answer<T> = Result<T, Refused<Problems>>;
