//! The audience contract through the front door, each operation in both formats.

mod bodies;
mod counters;
mod counting;
mod house;
mod lists;
mod profiles;
mod refresh;
pub mod rights;

use comptoir::http::xml;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

/// What a request and its answer are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Xml,
}

pub const FORMATS: [Format; 2] = [Format::Json, Format::Xml];

/// Sends `body` to `/api/v1.1/{path}` in `format` and asks for the answer in the same.
pub async fn post(client: &Client, format: Format, path: &str, body: &Value) -> Answer {
    let (media_type, text) = match format {
        Format::Json => ("application/json", body.to_string()),
        Format::Xml => ("application/xml", xml::write("xml", body)),
    };
    let call = client.call(Method::POST, &format!("/api/v1.1/{path}"));
    call.header("content-type", media_type).header("accept", media_type).body(text).send().await
}

/// The answer as JSON, whatever it came in: every text of XML that reads as a number is one.
pub fn value(format: Format, answer: &Answer) -> Value {
    match format {
        Format::Json => answer.json(),
        Format::Xml => {
            assert_eq!(answer.header("content-type"), Some("application/xml"), "{}", answer.shown());
            plain(&xml::read(&answer.body, "xml").unwrap())
        }
    }
}

fn plain(element: &xml::Element) -> Value {
    if element.children.is_empty() {
        return match element.text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
    }
    let mut map = serde_json::Map::new();
    for child in &element.children {
        let value = plain(child);
        match map.get_mut(&child.name) {
            None => {
                map.insert(child.name.clone(), value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(map)
}

/// Sends a request that must succeed, in JSON.
pub async fn done(client: &Client, path: &str, body: Value) -> Value {
    let answer = post(client, Format::Json, path, &body).await.expect(200).json();
    assert_eq!(answer["error"], 0, "{path} {body}: {answer}");
    answer
}

/// The error code and text of a request in JSON.
pub async fn refused(client: &Client, path: &str, body: Value) -> (i64, String) {
    let answer = post(client, Format::Json, path, &body).await.expect(200).json();
    assert_eq!(answer["data"], Value::Null, "{answer}");
    (answer["error"].as_i64().unwrap(), answer["error_text"].as_str().unwrap().to_owned())
}

/// A company with list 1 and resources 24 and 25, and its ADMIN.
pub async fn company(server: &TestServer, key: &str) -> Client {
    server.company(key).await;
    let admin = server.user(key, &format!("{key}_admin"), &["ADMIN"]).await;
    admin.post("/comptoir/v1/audience/lists", json!({"name": "Customers"})).await.expect(200);
    for (id, name) in [(24, "News"), (25, "Offers")] {
        admin.post("/comptoir/v1/audience/resources", json!({"id": id, "name": name})).await.expect(200);
    }
    admin
}

/// Imports profiles into list 1 and returns their ids.
pub async fn import(client: &Client, rows: Value) -> Vec<String> {
    let answer = done(client, "profiles/import_batch", json!({"db_id": 1, "data": rows})).await;
    assert_eq!(answer["data"]["failed"], 0, "{answer}");
    let rows = answer["result"].as_array().unwrap();
    rows.iter().map(|row| row["profile_id"].as_str().unwrap().to_owned()).collect()
}

/// Refreshes resource 24 in list 1; the task's id and its `data` at the end.
pub async fn refresh(server: &TestServer, client: &Client) -> (String, Value) {
    let task = done(client, "resources/refresh_counters", json!({"id": 24, "list_id": 1})).await;
    let task = task["data"]["task_id"].as_str().unwrap().to_owned();
    (task.clone(), ended(server, client, &task).await)
}

/// The `data` of a task once what is due has been done.
pub async fn ended(server: &TestServer, client: &Client, task: &str) -> Value {
    server.run_pending_tasks().await;
    done(client, "tasks/status", json!({"task_id": task})).await["data"].clone()
}

/// The figures of one channel of resource 24 in list 1, counted now.
pub async fn figures(server: &TestServer, client: &Client, channel: &str) -> Value {
    refresh(server, client).await;
    let answer = done(client, "resources/get_counters", json!({"id": 24, "list_id": 1})).await;
    let channels = answer["data"][0]["channels"].as_array().unwrap().clone();
    channels.into_iter().find(|figures| figures["channel"] == channel).unwrap()["status"].clone()
}
