//! What the walk over the permission table needs of the nomenclature: rows to name, and a request to each operation.

use serde_json::{Value, json};

use super::{org_of, priced, upload};
use crate::support::{Client, TestServer};

/// What a request to the operations of the nomenclature names.
pub struct Rows {
    /// The organisation's id.
    pub org: String,
    /// A good.
    pub good: String,
    /// A completed import.
    pub import: String,
}

impl Rows {
    /// A good in the company of `admin`, whose key is `company`.
    pub async fn make(server: &TestServer, admin: &Client, company: &str) -> Self {
        let org = org_of(admin, company).await;
        let rows = priced(&[("target good", "1", 77)]);
        let made = upload(admin, &org, "?confirm=auto&meta=target", rows).await.expect(200).json();
        server.run_pending_tasks().await;
        let page = admin.get(&format!("/v5/orgs/{org}/nomenclature")).await.expect(200).json();
        let good = page["items"][0]["guid"].as_str().unwrap().to_owned();
        Self { org, good, import: made["guid"].as_str().unwrap().to_owned() }
    }

    /// Path and body of a request to `operation` that is in order. `owner`: whose imports may be named. `None`: not one of
    /// the nomenclature.
    pub async fn request(
        &self,
        server: &TestServer,
        operation: &str,
        path: &str,
        owner: &Client,
    ) -> Option<(String, Value)> {
        let path = path.replace("{org_guid}", &self.org);
        let own = async |ended: bool, read: bool| {
            let made = upload(owner, &self.org, "", priced(&[("another", "1", 78)])).await.expect(200).json();
            let guid = made["guid"].as_str().unwrap().to_owned();
            if read {
                server.run_pending_tasks().await;
            }
            let at = format!("/v5/orgs/{}/async/imports/nomenclature/{guid}", self.org);
            if ended {
                owner.post(&format!("{at}/cancel"), Value::Null).await.expect(200);
            }
            path.replace("{guid}", &guid)
        };
        let to = |path: String, body: Value| Some((path, body));
        match operation {
            "list_nomenclature_imports"
            | "download_nomenclature_template"
            | "list_goods"
            | "export_goods"
            | "list_organization_imports"
            | "list_good_groups" => to(path, Value::Null),
            "create_nomenclature_import" => to(path, json!("a workbook")),
            "read_nomenclature_import" | "cancel_nomenclature_import" | "watch_nomenclature_import" => {
                to(own(false, false).await, Value::Null)
            }
            "confirm_nomenclature_import" | "download_nomenclature_report" => to(own(false, true).await, Value::Null),
            "delete_nomenclature_import" => to(own(true, false).await, Value::Null),
            "read_good" => to(path.replace("{guid}", &self.good), Value::Null),
            "change_good" => to(path.replace("{guid}", &self.good), json!({"unit": "pc"})),
            "read_organization_import" | "preview_import_undo" => to(path.replace("{id}", &self.import), Value::Null),
            "undo_import" => to(path.replace("{id}", &self.import), json!({"skip_conflicts": true})),
            _ => None,
        }
    }
}

/// Whether a request to `operation` names a row of the company that [`Rows`] are in: the organisation itself, for one.
pub fn names_a_row(operation: &str) -> bool {
    operation.contains("nomenclature_")
        || matches!(
            operation,
            "list_goods"
                | "read_good"
                | "change_good"
                | "export_goods"
                | "read_organization_import"
                | "preview_import_undo"
                | "undo_import"
        )
}
