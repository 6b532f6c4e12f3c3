//! What the walk over the permission table needs of connectors: rows to name, and a request to each operation.

use serde_json::{Value, json};

use super::SET;
use crate::support::Client;

/// The code of the system and of the merchant.
const CODE: &str = "target";
/// The key.
const KEY: &str = "target.key";

/// What a request to the operations of connectors names.
pub struct Rows {
    /// Of the company the rows are in.
    admin: Client,
    /// The id of an alert rule.
    pub rule: String,
}

impl Rows {
    /// A system, a merchant, a rule and an alert in the company of `admin`.
    pub async fn make(admin: Client) -> Self {
        for register in ["systems", "merchants"] {
            admin.post(&format!("/comptoir/v1/connectors/{register}"), json!({"id": CODE})).await.expect(200);
        }
        let rule = Self::rule(&admin).await;
        admin.post(SET, statistic()).await.expect(200);
        Self { admin, rule }
    }

    async fn rule(admin: &Client) -> String {
        let made = admin.post("/comptoir/v1/connectors/alert-rules", rule()).await.expect(200).json();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Path and body of a request to `operation` that is in order; `fresh` was never used. `None`: not one of connectors.
    pub async fn request(&self, operation: &str, path: &str, fresh: &str) -> Option<(String, Value)> {
        let series = format!("{path}?system={CODE}&key={KEY}&merchant={CODE}");
        let of_rule = path.replace("{id}", &self.rule);
        Some(match operation {
            "set_statistic" => (path.to_owned(), statistic()),
            "list_external_systems"
            | "list_merchants"
            | "list_latest_values"
            | "list_keys"
            | "read_connector_metrics"
            | "list_alert_rules"
            | "list_alerts" => (path.to_owned(), Value::Null),
            "create_external_system" | "create_merchant" => (path.to_owned(), json!({"id": fresh})),
            "read_external_system" | "read_merchant" => (path.replace("{id}", CODE), Value::Null),
            "change_external_system" | "change_merchant" => (path.replace("{id}", CODE), json!({"enabled": true})),
            "read_series" | "read_series_buckets" | "export_series" => (series, Value::Null),
            "compare_merchants" => (format!("{series}&other_merchant={CODE}"), Value::Null),
            "create_alert_rule" => (path.to_owned(), rule()),
            "read_alert_rule" => (of_rule, Value::Null),
            "change_alert_rule" => (of_rule, json!({"enabled": true})),
            "delete_alert_rule" => (path.replace("{id}", &Self::rule(&self.admin).await), Value::Null),
            _ => return None,
        })
    }
}

fn rule() -> Value {
    json!({"name": "target rule", "key": KEY, "condition": "above", "threshold": 1})
}

fn statistic() -> Value {
    json!({"externalSystemId": CODE, "timestamp": 1_772_445_600, "items": [{"key": KEY, "value": 5, "merchantId": CODE}]})
}

/// Whether a request to `operation` names a row of the company that [`Rows`] are in. To the contract itself an unknown
/// system is a 200.
pub fn names_a_row(operation: &str) -> bool {
    matches!(
        operation,
        "read_external_system"
            | "change_external_system"
            | "read_merchant"
            | "change_merchant"
            | "read_alert_rule"
            | "change_alert_rule"
            | "delete_alert_rule"
            | "read_series"
            | "read_series_buckets"
            | "export_series"
            | "compare_merchants"
    )
}
