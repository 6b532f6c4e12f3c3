//! What the walk over the permission table needs of usage.

use serde_json::{Value, json};
use uuid::Uuid;

use super::PROCESSES;
use crate::support::Client;

/// Reports a process of `owner`, with its input, and sets a quota; its code.
pub async fn process(admin: &Client, owner: &str) -> Uuid {
    let code = Uuid::new_v4();
    let start = json!({"username": owner, "service": "UNIVERSAL", "process_type": "ROUTE"});
    admin.post(PROCESSES, json!({"process_code": code, "start": start})).await.expect(200);
    admin.put(&format!("{PROCESSES}/{code}/files/INPUT"), json!("target")).await.expect(200);
    admin.put(&format!("/comptoir/v1/quotas/{owner}/AGRO/TRACE"), json!({})).await.expect(200);
    code
}

/// Path and body of a request to `operation` that is in order, about a process of `owner`. `None`: not of usage.
pub async fn request(admin: &Client, owner: &str, operation: &str, path: &str) -> Option<(String, Value)> {
    let start = json!({"service": "UNIVERSAL", "process_type": "PLAN"});
    let report = || json!({"process_code": Uuid::new_v4(), "start": start});
    let body = match operation {
        "generate_statistics"
        | "generate_report"
        | "read_quota"
        | "list_processes"
        | "list_quotas"
        | "read_data"
        | "read_process"
        | "download_process_file"
        | "delete_process_file"
        | "delete_quota" => Value::Null,
        "report_process" => report(),
        "report_processes" => json!({"reports": [report()]}),
        "upload_process_file" => json!("target"),
        "attach_requests" => json!({"requests": [{"request_code": Uuid::new_v4(), "operation": "operation"}]}),
        "finish_process" => json!({"status": "FAILED"}),
        "set_quota" => json!({"points_per_day": 5}),
        _ => return None,
    };
    let mut path = path.to_owned();
    if path.contains('{') {
        let code = process(admin, owner).await;
        path = path.replace("{process_code}", &code.to_string()).replace("{flow}", "INPUT");
        path = path.replace("{username}", owner).replace("{service}", "AGRO").replace("{process_type}", "TRACE");
    }
    Some((path, body))
}

/// Whether a request to `operation` names a row of the company that [`process`] is in.
pub fn names_a_row(operation: &str) -> bool {
    matches!(
        operation,
        "read_data"
            | "read_process"
            | "download_process_file"
            | "delete_process_file"
            | "upload_process_file"
            | "attach_requests"
            | "finish_process"
            | "set_quota"
            | "delete_quota"
    )
}
