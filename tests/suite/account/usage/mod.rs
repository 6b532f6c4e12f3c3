//! Usage: what services report, and what the account contract answers from it.

mod batch;
mod days;
mod files;
mod points;
mod processes;
mod quotas;
mod report;
pub mod rights;
mod statistics;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, TestServer};

pub const PROCESSES: &str = "/comptoir/v1/processes";

/// The people of one company.
pub struct Cast {
    pub server: TestServer,
    pub admin: Client,
    pub bot: Client,
    pub user: Client,
}

impl Cast {
    /// A company `north` with an ADMIN, a BOT and a USER called `north_admin`, `north_bot`, `north_user`.
    pub async fn new() -> Self {
        Self::on(TestServer::start().await).await
    }

    pub async fn on(server: TestServer) -> Self {
        server.company("north").await;
        let admin = server.user("north", "north_admin", &["ADMIN"]).await;
        let bot = server.user("north", "north_bot", &["BOT"]).await;
        let user = server.user("north", "north_user", &["USER"]).await;
        Self { server, admin, bot, user }
    }

    /// Moves a user's day.
    pub async fn live_at(&self, username: &str, hours: i32) {
        let path = format!("/comptoir/v1/users/{username}");
        self.admin.patch(&path, json!({"timezone": hours})).await.expect(200);
    }
}

/// A start of `UNIVERSAL` `PLAN` work for `north_user`, with what `more` says.
pub fn start(code: Uuid, more: Value) -> Value {
    let mut start = json!({"username": "north_user", "service": "UNIVERSAL", "process_type": "PLAN"});
    for (name, value) in more.as_object().unwrap() {
        start[name] = value.clone();
    }
    json!({"process_code": code, "start": start})
}

/// Reports a start that must be taken; its code.
pub async fn started(client: &Client, more: Value) -> Uuid {
    let code = Uuid::new_v4();
    client.post(PROCESSES, start(code, more)).await.expect(200);
    code
}

/// Ends a process.
pub async fn finish(client: &Client, code: Uuid, elements: u32) -> Answer {
    let body = json!({"status": "FINISHED_IN_TIME", "elements": elements});
    client.post(&format!("{PROCESSES}/{code}/finish"), body).await
}

/// The caller's statistics of all days around [`crate::support::server::NOW`].
pub async fn statistics(client: &Client) -> Value {
    client.get("/account/statistics?from=2020-01-01&to=2029-12-31").await.expect(200).json()["dates"].clone()
}

/// Days, services, types and the four counts (processes, points, unique, elements) of a statistic, a line each.
pub fn lines(dates: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for date in dates.as_array().unwrap() {
        for service in date["services"].as_array().unwrap() {
            for process in service["processes"].as_array().unwrap() {
                lines.push(format!(
                    "{} {} {}: {} {} {} {}",
                    date["date"].as_str().unwrap(),
                    service["service"].as_str().unwrap(),
                    process["process_type"].as_str().unwrap(),
                    process["processes_per_day"],
                    process["points_per_day"],
                    process["unique_points_per_day"],
                    process["elements_per_day"],
                ));
            }
        }
    }
    lines
}
