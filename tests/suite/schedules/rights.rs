//! What the walk over the permission table needs of order schedules: rows to name, and a request to each operation.

use serde_json::{Value, json};

use super::{draft, gln};
use crate::support::{Client, PASSWORD};

/// The producer's number.
pub const PRODUCER: i64 = 700;
/// The distributor's number.
pub const DISTRIBUTOR: i64 = 710;

/// What a request to the operations of order schedules names.
pub struct Rows {
    /// Of the company the rows are in.
    admin: Client,
    /// The schedule's number.
    pub schedule: i64,
    /// The id of a calendar feed, and its path.
    pub feed: (String, String),
}

impl Rows {
    /// Two parties, a schedule and a feed in the company of `admin`.
    pub async fn make(admin: Client) -> Self {
        for (id, kind) in [(PRODUCER, "PRODUCER"), (DISTRIBUTOR, "DISTRIBUTOR")] {
            let body = json!({"id": id, "gln": gln(id), "name": format!("target {kind}"), "kind": kind});
            admin.post("/comptoir/v1/parties", body).await.expect(200);
        }
        let mut body = draft("target schedule", 1_772_500_000);
        body["distributors"] = json!([DISTRIBUTOR]);
        let made = admin.post(&producers(""), body).await.expect(200).json();
        let schedule = made["id"].as_i64().unwrap();
        let feed = Self::feed(&admin).await;
        admin.put("/comptoir/v1/holidays/2030-01-01", json!({"name": "target day"})).await.expect(200);
        Self { admin, schedule, feed }
    }

    async fn feed(owner: &Client) -> (String, String) {
        let body = json!({"name": "target feed", "distributor": DISTRIBUTOR.to_string()});
        let made = owner.post("/comptoir/v1/calendar-feeds", body).await.expect(200).json();
        (made["feed"]["id"].as_str().unwrap().to_owned(), made["path"].as_str().unwrap().to_owned())
    }

    /// Path and body of a request of `caller` to `operation` that is in order; `number` was never used. `None`: not one of
    /// order schedules.
    pub async fn request(
        &self,
        operation: &str,
        path: &str,
        number: u32,
        caller: Option<&Client>,
    ) -> Option<(String, Value)> {
        let day = 1_800_000_000 + i64::from(number) * 86_400;
        let pair = format!("{path}?producer={PRODUCER}&distributor={DISTRIBUTOR}");
        let exception = path.replace("{id}", &self.schedule.to_string()).replace("{date}", "2026-03-03");
        let holiday = path.replace("{date}", "2031-01-01");
        let skip = json!({"kind": "SKIP"});
        let (path, body) = match operation {
            "create_sid" => (path.to_owned(), json!({"username": "target", "password": PASSWORD})),
            "list_schedules" => (producers(""), Value::Null),
            "create_schedule" => (producers(""), draft("fresh", day)),
            "replace_schedule" => {
                let mut body = draft("target schedule", 1_772_500_000);
                body["id"] = json!(self.schedule);
                body["distributors"] = json!([DISTRIBUTOR]);
                (producers(""), body)
            }
            "delete_schedule" => {
                let made = self.admin.post(&producers(""), draft("fresh", day)).await.expect(200).json();
                (producers(&format!("&schedule_id={}", made["id"])), Value::Null)
            }
            "find_distributor_schedules" => (format!("{path}?gln={}", gln(DISTRIBUTOR)), json!([PRODUCER])),
            "list_schedule_days" => {
                let gln = gln(DISTRIBUTOR);
                (format!("{path}?gln={gln}&producer_id={PRODUCER}&year=2026&month=3"), Value::Null)
            }
            "list_parties" | "read_company_zone" | "list_holidays" | "list_calendar_feeds" => {
                (path.to_owned(), Value::Null)
            }
            "create_party" => {
                let id = 900_000 + i64::from(number);
                (path.to_owned(), json!({"gln": gln(id), "name": "fresh", "kind": "BOTH"}))
            }
            "read_party" => (path.replace("{party}", &PRODUCER.to_string()), Value::Null),
            "change_party" => (path.replace("{party}", &gln(PRODUCER)), json!({"name": "target PRODUCER"})),
            "read_user_parties" => (path.replace("{username}", "target"), Value::Null),
            "set_user_parties" => (path.replace("{username}", "target"), json!({"parties": []})),
            "set_company_zone" => (path.to_owned(), json!({"zone": "Europe/Kyiv"})),
            "check_order_window" => (pair, Value::Null),
            "explain_order_window" => (format!("{pair}&date=2026-03-03"), Value::Null),
            "list_schedule_exceptions" => (exception, Value::Null),
            "set_schedule_exception" => (exception, skip),
            "delete_schedule_exception" => {
                self.admin.put(&exception, skip).await.expect(200);
                (exception, Value::Null)
            }
            "set_holiday" => (holiday, json!({"name": "fresh"})),
            "delete_holiday" => {
                let owner = caller.unwrap_or(&self.admin);
                owner.put(&holiday, json!({"name": "fresh"})).await.expect(200);
                (holiday, Value::Null)
            }
            "create_calendar_feed" => (path.to_owned(), json!({"name": "fresh", "schedule_id": self.schedule})),
            "revoke_calendar_feed" => {
                // Everybody has feeds of their own; whoever has none is shown one of the first company.
                let owner = caller.unwrap_or(&self.admin);
                (path.replace("{id}", &Self::feed(owner).await.0), Value::Null)
            }
            "read_calendar" => (self.feed.1.clone(), Value::Null),
            _ => return None,
        };
        Some((path, body))
    }
}

/// The producer's schedules.
pub fn producers(more: &str) -> String {
    format!("/api/distribex/producer/schedules?gln={}{more}", gln(PRODUCER))
}

/// Whether a request to `operation` names a row of the company that [`Rows`] are in.
pub fn names_a_row(operation: &str) -> bool {
    matches!(
        operation,
        "list_schedules"
            | "create_schedule"
            | "replace_schedule"
            | "delete_schedule"
            | "find_distributor_schedules"
            | "list_schedule_days"
            | "read_party"
            | "change_party"
            | "read_user_parties"
            | "set_user_parties"
            | "check_order_window"
            | "explain_order_window"
            | "list_schedule_exceptions"
            | "set_schedule_exception"
            | "delete_schedule_exception"
            | "create_calendar_feed"
            | "revoke_calendar_feed"
    )
}
