//! What the walk over the permission table needs of the audience: rows to name, and a request to each operation.

use serde_json::{Value, json};

use super::done;
use crate::support::{Answer, Client};

/// The number of both: none that a company gets by itself here.
pub const NUMBER: i64 = 700;

/// What a request to the audience's operations names.
pub struct Rows {
    /// Of the company the rows are in.
    pub admin: Client,
    /// A refresh of theirs.
    task: String,
}

impl Rows {
    /// A list, a resource and a refresh of both, in the company of `admin`.
    pub async fn make(admin: Client) -> Self {
        admin.post("/comptoir/v1/audience/lists", json!({"id": NUMBER, "name": "target list"})).await.expect(200);
        admin
            .post("/comptoir/v1/audience/resources", json!({"id": NUMBER, "name": "target resource"}))
            .await
            .expect(200);
        let answer = done(&admin, "resources/refresh_counters", json!({"id": NUMBER, "list_id": NUMBER})).await;
        Self { task: answer["data"]["task_id"].as_str().unwrap().to_owned(), admin }
    }

    /// Body and path of a request to `operation` that is in order; `fresh` was never used. `None`: not the audience's.
    pub async fn request(&self, operation: &str, path: &str, fresh: &str) -> Option<(String, Value)> {
        let email = format!("{fresh}@example.com");
        let body = match operation {
            "refresh_resource_counters" | "read_resource_counters" => json!({"id": NUMBER, "list_id": NUMBER}),
            "refresh_database_counters" | "read_database_counters" => json!({"id": NUMBER, "resource_id": NUMBER}),
            "read_task_status" => json!({"task_id": self.task}),
            "list_databases" | "list_resources" => json!({"limit": 1}),
            "read_resource" => json!({"id": NUMBER}),
            "import_profile" => json!({"db_id": NUMBER, "data": {"email": email}}),
            "import_profiles" => json!({"db_id": NUMBER, "data": [{"email": email}]}),
            "delete_profile" | "set_subscription" | "delete_subscription" | "suspend_subscriptions" => {
                let subscriptions = json!([{"resource_id": NUMBER, "channel": "email"}]);
                let profile = json!({"db_id": NUMBER, "data": {"email": email, "subscriptions": subscriptions}});
                done(&self.admin, "profiles/import", profile).await;
                let mut body = json!({"db_id": NUMBER, "email": email});
                if operation.ends_with("_subscription") {
                    body["resource_id"] = json!(NUMBER);
                    body["channel"] = json!("email");
                }
                body
            }
            "create_audience_list" | "create_audience_resource" => json!({"name": fresh}),
            "list_audience_lists"
            | "list_audience_resources"
            | "list_suppressed"
            | "read_audience_list"
            | "read_audience_resource" => Value::Null,
            "change_audience_list" | "change_audience_resource" => json!({"enabled": true}),
            "add_suppressed" | "remove_suppressed" => json!({"addresses": [email]}),
            _ => return None,
        };
        Some((path.replace("{id}", &NUMBER.to_string()), body))
    }
}

/// Whether a request to `operation` names a row of the company that [`Rows`] are in.
pub fn names_a_row(operation: &str) -> bool {
    match operation {
        "refresh_resource_counters"
        | "read_resource_counters"
        | "refresh_database_counters"
        | "read_database_counters"
        | "read_task_status"
        | "read_resource"
        | "import_profile"
        | "import_profiles"
        | "delete_profile"
        | "set_subscription"
        | "delete_subscription"
        | "suspend_subscriptions" => true,
        _ => operation.contains("_audience_") && (operation.starts_with("read") || operation.starts_with("change")),
    }
}

/// The status an answer stands for: the audience contract has its own inside a 200.
pub fn standing(path: &str, answer: &Answer) -> u16 {
    if path.starts_with("/api/v1.1/") && answer.status == 200 {
        return match answer.json()["error"].as_u64().unwrap() {
            0 => 200,
            code => u16::try_from(code).unwrap(),
        };
    }
    answer.status
}
