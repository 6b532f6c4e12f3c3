//! The published document: what is committed is what the handlers say, and every operation is described.

use std::fs;
use std::path::Path;

use comptoir::auth::permissions::{self, Effect, Need};
use comptoir::cli::openapi;
use serde_json::Value;

use crate::support::TestServer;
use crate::support::contract::{self, Operation};

/// What brings the committed files up to date.
const UPDATE: &str = "cargo run -- openapi --write openapi";

#[test]
fn the_committed_documents_are_what_the_handlers_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
    let mut expected = openapi::files();
    expected.sort();
    for (name, text) in &expected {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            committed == *text,
            "openapi/{name} is not what the handlers say: run `{UPDATE}` and look at the change"
        );
    }
    let mut present: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    present.sort();
    let schema = fs::read_to_string(folder.join(openapi::FIXTURE_SCHEMA)).unwrap_or_default();
    assert!(schema == openapi::schema_text(), "the schema of fixtures has changed: run `{UPDATE}`");
    let mut names: Vec<_> = expected.into_iter().map(|(name, _)| name).collect();
    names.push(openapi::FIXTURE_SCHEMA.to_owned());
    names.sort();
    assert_eq!(present, names, "openapi/ holds a file that no contract writes");
}

fn operations() -> &'static [Operation] {
    contract::published().operations()
}

#[test]
fn every_operation_has_a_summary_a_tag_an_id_and_its_parameters_described() {
    for operation in operations() {
        let called = format!("{} {}", operation.method, operation.path);
        assert!(!operation.id.is_empty(), "{called} has no operationId");
        assert!(operation.meta["summary"].as_str().is_some_and(|text| text.len() > 3), "{called} has no summary");
        assert_eq!(operation.meta["tags"].as_array().map(Vec::len), Some(1), "{called} has no tag");
        for parameter in operation.meta["parameters"].as_array().into_iter().flatten() {
            let described = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{called}: {} has no description", parameter["name"]);
        }
        for (status, response) in operation.meta["responses"].as_object().unwrap() {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{called}: {status} has no description");
        }
    }
    let mut ids: Vec<_> = operations().iter().map(|operation| &operation.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "two operations share an id");
}

#[test]
fn every_request_body_has_an_example_that_is_valid_by_its_own_schema() {
    let mut bodies = 0;
    for operation in operations() {
        for (media_type, content) in operation.meta["requestBody"]["content"].as_object().into_iter().flatten() {
            let example =
                content.get("example").unwrap_or_else(|| panic!("{}: {media_type} has no example", operation.id));
            bodies += 1;
            if media_type == "application/xml" {
                comptoir::http::xml::read(example.as_str().unwrap().as_bytes(), "xml")
                    .unwrap_or_else(|why| panic!("{}: {why}", operation.id));
                continue;
            }
            contract::published()
                .valid(&content["schema"], example)
                .unwrap_or_else(|why| panic!("{}: {why}", operation.id));
        }
    }
    assert!(bodies > 0);
}

#[test]
fn every_schema_and_every_property_is_described() {
    let document = comptoir::app::document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} has no description");
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{property} has no description");
        }
    }
}

#[test]
fn media_types_carry_no_charset_and_every_answer_its_id() {
    for operation in operations() {
        for (status, response) in operation.meta["responses"].as_object().unwrap() {
            assert!(response["headers"]["X-Request-Id"].is_object(), "{} {status}", operation.id);
            for media_type in response["content"].as_object().into_iter().flatten().map(|(media_type, _)| media_type) {
                assert!(!media_type.contains(';'), "{} {status}: {media_type}", operation.id);
            }
        }
    }
}

/// The operations that document `status`.
fn documenting(status: &str) -> Vec<&'static str> {
    let mut ids: Vec<_> = operations()
        .iter()
        .filter(|operation| operation.meta["responses"].get(status).is_some())
        .map(|operation| operation.id.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn a_failure_is_documented_where_it_can_come_and_nowhere_else() {
    for status in ["414", "431", "500", "503"] {
        assert_eq!(documenting(status).len(), operations().len(), "{status} can come with every operation");
    }
    for operation in operations() {
        let has_body = operation.meta["requestBody"].is_object();
        for status in ["408", "413", "415"] {
            assert_eq!(operation.meta["responses"][status].is_object(), has_body, "{} {status}", operation.id);
        }
        let need = permissions::need(&operation.id).unwrap();
        // An export is recorded before it is answered.
        let exports = matches!(permissions::effect(&operation.id), Some(Effect::Exports | Effect::Downloads));
        let writes = (operation.method != "GET" || exports) && need != Need::Public || operation.id == "create_sid";
        assert_eq!(operation.meta["responses"]["507"].is_object(), writes, "{} 507", operation.id);
        let refuses = matches!(need, Need::Any(_) | Need::Operator | Need::Personal | Need::Tester)
            || matches!(operation.id.as_str(), "create_token" | "revoke_token");
        // The audience contract refuses inside a 200.
        let by_status = refuses && !operation.path.starts_with("/api/v1.1/");
        assert_eq!(operation.meta["responses"]["403"].is_object(), by_status, "{} 403", operation.id);
    }
    let contradictable = [
        "attach_requests",
        "cancel_task",
        "change_audience_list",
        "change_audience_resource",
        "change_company",
        "change_user",
        "create_alert_rule",
        "create_audience_list",
        "create_audience_resource",
        "create_calendar_feed",
        "create_company",
        "create_external_system",
        "create_merchant",
        "create_party",
        "create_schedule",
        "create_user",
        "create_webhook",
        "delete_test_snapshot",
        "finish_process",
        "ping_webhook",
        "preview_import_undo",
        "redeliver",
        "replace_schedule",
        "report_process",
        "retry_task",
        "seed_test_data",
        "set_holiday",
        "set_schedule_exception",
        "set_test_fault",
        "sign_out",
        "take_test_snapshot",
        "undo_import",
        "upload_process_file",
    ];
    assert_eq!(documenting("409"), contradictable);
    assert_eq!(documenting("402"), ["report_process"]);
    let ready = operations().iter().find(|operation| operation.id == "health_ready").unwrap();
    let kinds = ready.meta["responses"]["503"]["content"].as_object().unwrap();
    assert!(kinds.contains_key("application/json") && kinds.contains_key("application/problem+json"));
}

#[test]
fn the_bounds_of_integers_are_published_as_integers() {
    fn check(schema: &Value) {
        if schema["type"] == "integer" {
            for bound in ["minimum", "maximum"] {
                assert!(schema.get(bound).is_none_or(Value::is_i64), "{schema}");
            }
        }
        schema.as_object().into_iter().flatten().for_each(|(_, inner)| check(inner));
        schema.as_array().into_iter().flatten().for_each(check);
    }
    check(&comptoir::app::document());
}

#[test]
fn every_list_and_text_that_the_house_answers_with_is_bounded() {
    let document = comptoir::app::document();
    for name in ["CallerView", "Company", "CompanyPage", "UserView", "UserPage", "Token", "TokenPage", "CreatedToken"] {
        for (field, schema) in document["components"]["schemas"][name]["properties"].as_object().unwrap() {
            let bound = match (schema["type"].as_str(), schema.get("format")) {
                (Some("array"), _) => "maxItems",
                (Some("string"), None) => "maxLength",
                (Some("integer"), _) => "maximum",
                _ => continue,
            };
            assert!(schema.get(bound).is_some(), "{name}.{field} has no {bound}");
        }
    }
}

#[tokio::test]
async fn the_server_publishes_the_whole_and_each_contracts_part() {
    let server = TestServer::start().await;
    for (name, text) in openapi::files() {
        let path = if name == "comptoir.json" { "/openapi.json".to_owned() } else { format!("/openapi/{name}") };
        let answer = server.anonymous().get(&path).await.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.json(), serde_json::from_str::<Value>(&text).unwrap(), "{path}");
    }
    for path in ["/openapi/nothing.json", "/openapi", "/openapi/account", "/openapi.yaml"] {
        let answer = server.anonymous().get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.shown());
    }
}

#[tokio::test]
async fn a_contracts_part_names_only_its_own_paths_and_needs_no_other_schema() {
    let server = TestServer::start().await;
    let part = server.anonymous().get("/openapi/account.json").await.expect(200);
    let paths = part.json()["paths"].as_object().unwrap().clone();
    assert!(paths.len() > 3 && paths.keys().all(|path| path.starts_with("/account/")), "{:?}", paths.keys());
    let schemas = part.json()["components"]["schemas"].clone();
    for reference in part.text().split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas[name].is_object(), "{name} is referred to and not there");
    }
    for name in schemas.as_object().unwrap().keys() {
        assert!(part.text().contains(&format!("/schemas/{name}\"")), "{name} is there and not referred to");
    }
}
