//! `refresh_counters` and `tasks/status`: the seed's own requests and answers, joined refreshes, feedback.

use std::sync::Arc;
use std::time::Duration;

use comptoir::audience::model::{Feedback, FeedbackFormat, Refresh, Shelf};
use comptoir::audience::service::refreshes::REFRESH;
use comptoir::auth::model::Scope;
use comptoir::clock::Timestamp;
use comptoir::config::AllowedDestination;
use comptoir::tasks::{self, KindOptions, Outcome, Registry, Runner, RunnerOptions, State};
use poem::http::Method;
use regex::Regex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use super::counting::World;
use super::{FORMATS, Format, company, done, ended, import, post, refused, value};
use crate::support::{Client, TestServer};
use crate::webhooks::receiver::Receiver;

/// The moment the seed's figures were right for: 2024-04-19T13:31:08.927Z.
const SEED_NOW: Timestamp = Timestamp::from_micros(1_713_533_468_927_000);

/// A document of the seed, without the white space between its parts.
fn seed(name: &str) -> String {
    let path = format!("{}/tests/suite/audience/seed/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    if name.ends_with("json") {
        serde_json::from_str::<Value>(&text).unwrap().to_string()
    } else {
        Regex::new(r">\s+<").unwrap().replace_all(text.trim(), "><").into_owned()
    }
}

/// An answer with what differs from run to run as the seed has it.
fn as_in_the_seed(text: &str) -> String {
    let id = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
    let text = id.replace_all(text, "c9c3ec48-1bef-4969-9c1a-df39f0c179bb");
    text.replace(" in 0s", " in 231.374251ms")
}

async fn send(client: &Client, path: &str, format: Format, body: String) -> String {
    let media_type = if format == Format::Json { "application/json" } else { "application/xml" };
    let call = client.call(Method::POST, path).header("content-type", media_type).header("accept", media_type);
    call.body(body).send().await.expect(200).text().to_owned()
}

#[tokio::test]
async fn the_seeds_requests_get_the_seeds_answers_in_both_formats() {
    let server = TestServer::start().await;
    server.clock.set(SEED_NOW);
    let admin = company(&server, "north").await;
    let rows: Vec<_> = (0..1336)
        .map(|number| {
            let status = match number {
                0..434 => "hardbounced",
                434..1276 => "subscribed",
                _ => "unsubscribed",
            };
            json!({"email": format!("profile{number}@example.com"),
                   "subscriptions": [{"resource_id": 24, "channel": "email", "status": status}]})
        })
        .collect();
    import(&admin, json!(rows)).await;
    let nobody = server.anonymous();
    let id = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    for (format, kind) in [(Format::Json, "json"), (Format::Xml, "xml")] {
        // The seed's request names its answer's format itself.
        let other = "<format>json</format>";
        let request = seed(&format!("refresh_request.{kind}"))
            .replace("abcdefghijklmnqrstuvwxyz", admin.credential())
            .replace(other, "<format>xml</format>");
        let answer = send(&nobody, "/api/v1.1/resources/refresh_counters", format, request).await;
        assert_eq!(as_in_the_seed(&answer), seed(&format!("refresh_answer.{kind}")));

        let task = id.find(&answer).unwrap().as_str().to_owned();
        assert_eq!(ended(&server, &admin, &task).await["status"], "completed");
        let request = seed(&format!("status_request.{kind}"))
            .replace("abcdefghijklmnqrstuvwxyz", admin.credential())
            .replace("c9c3ec48-1bef-4969-9c1a-df39f0c179bb", &task);
        let answer = send(&nobody, "/api/v1.1/tasks/status", format, request).await;
        assert_eq!(as_in_the_seed(&answer), seed(&format!("status_answer.{kind}")));
    }
}

#[tokio::test]
async fn a_refresh_may_be_asked_of_the_list_as_well() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for format in FORMATS {
        let body = json!({"id": 1, "resource_id": 24});
        let answer = value(format, &post(&admin, format, "databases/refresh_counters", &body).await.expect(200));
        let task = answer["data"]["task_id"].as_str().unwrap();
        let status = ended(&server, &admin, task).await;
        assert_eq!((&status["status"], &status["progress"]), (&json!("completed"), &json!(100)));
        assert_eq!(status["result"][0]["list_id"], 1);
    }
}

#[tokio::test]
async fn a_task_of_another_company_or_none_is_not_found() {
    let server = TestServer::start().await;
    let north = company(&server, "north").await;
    let south = company(&server, "south").await;
    let (task, _) = super::refresh(&server, &north).await;
    for (client, id) in [(&south, task.as_str()), (&north, "c9c3ec48-1bef-4969-9c1a-df39f0c179bb"), (&north, "x")] {
        for format in FORMATS {
            let answer =
                value(format, &post(client, format, "tasks/status", &json!({"task_id": id})).await.expect(200));
            assert_eq!(answer["error"], 404);
            assert_eq!(answer["error_text"], format!("there is no task `{id}`"));
        }
    }
}

#[tokio::test]
async fn a_feedback_that_could_not_be_delivered_is_refused_at_once_and_nothing_is_begun() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    for (feedback, why) in [
        (json!({"type": "YAML", "url": "http://example.com/"}), "`feedback.type` must be JSON or XML"),
        (json!({"type": "json", "url": "ftp://example.com/"}), "`feedback.url` must begin with http:// or https://"),
        (json!({"type": "json", "url": "example.com"}), "`feedback.url` must be a URL"),
        (json!({"type": "json"}), "`feedback.url` is required"),
        (json!({"type": "json", "url": "http://127.0.0.1/x"}), "webhooks.allow"),
        (json!({"type": "xml", "url": "http://2130706433/x"}), "webhooks.allow"),
        (json!({"type": "xml", "url": "http://[::1]:8080/x"}), "webhooks.allow"),
        (json!({"type": "Xml", "url": "http://localhost/x"}), "webhooks.allow"),
    ] {
        let body = json!({"id": 24, "list_id": 1, "feedback": feedback});
        let (code, text) = refused(&admin, "resources/refresh_counters", body.clone()).await;
        assert_eq!(code, 400);
        assert!(text.contains(why), "{text}");
        let answer = post(&admin, Format::Xml, "resources/refresh_counters", &body).await.expect(200);
        assert_eq!(value(Format::Xml, &answer)["error"], 400);
    }
    let figures = done(&admin, "resources/get_counters", json!({"id": 24, "list_id": 1})).await;
    assert_eq!(figures["data"][0]["refresh_task_id"], "");
}

#[tokio::test]
async fn what_is_sent_as_null_counts_as_left_out() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let body = json!({"id": 24, "list_id": 1, "format": null, "feedback": null, "token": null});
    done(&admin, "resources/refresh_counters", body).await;
    let (code, text) = refused(&admin, "resources/refresh_counters", json!({"id": null, "list_id": 1})).await;
    assert_eq!((code, text.as_str()), (400, "`id` is required"));
}

#[tokio::test]
async fn a_refresh_tells_a_hundred_receivers_and_one_more_is_asked_to_come_again() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    let body = |number: i32| {
        let url = format!("https://example.com/{number}");
        json!({"id": 24, "list_id": 1, "feedback": {"type": "JSON", "url": url}})
    };
    for number in 0..100 {
        done(&admin, "resources/refresh_counters", body(number)).await;
    }
    for format in FORMATS {
        let answer = post(&admin, format, "resources/refresh_counters", &body(100)).await.expect(200);
        let answer = value(format, &answer);
        assert_eq!(answer["error"], 429);
        assert!(answer["error_text"].as_str().unwrap().starts_with("100 receivers wait"), "{answer}");
    }
    // Whom it tells already may ask again, and without one more receiver anybody may.
    done(&admin, "resources/refresh_counters", body(7)).await;
    done(&admin, "resources/refresh_counters", json!({"id": 24, "list_id": 1})).await;
}

/// Resource 24 in list 1.
const BOTH: Refresh = Refresh { list: 1, resource: 24 };

fn feedback(url: &str) -> Feedback {
    Feedback { format: FeedbackFormat::Json, url: url.to_owned() }
}

#[tokio::test]
async fn a_second_refresh_joins_one_that_has_not_begun_and_exactly_one_waits_behind_one_that_counts() {
    let world = World::new().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut registry = Registry::new();
    let (handler_begun, handler_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    registry.register(REFRESH, KindOptions::default(), move |_context, _refresh: Refresh| {
        let (begun, go_on) = (Arc::clone(&handler_begun), Arc::clone(&handler_go_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            Outcome::failed("enough of it")
        }
    });
    let runner = Runner::new(world.store.clone(), world.queue.clone(), registry, RunnerOptions::default());
    let ask = async |feedback| world.service.refresh(world.principal.clone(), BOTH, feedback).await.unwrap();

    // None has begun: all are one.
    let first = ask(Some(feedback("https://a.example/"))).await;
    assert_eq!(ask(Some(feedback("https://b.example/"))).await, first);
    assert_eq!(ask(Some(feedback("https://a.example/"))).await, first);
    runner.start();
    begun.notified().await;
    // One counts: exactly one more waits.
    let second = ask(None).await;
    assert_ne!(second, first);
    assert_eq!(ask(None).await, second);
    let state = |task: Uuid| world.store.read(|conn| tasks::get(conn, world.principal.company_id, task)).unwrap().state;
    assert_eq!((state(first), state(second)), (State::Running, State::Waiting));
    let figures = world.service.figures(world.principal.company_id, BOTH).unwrap();
    assert_eq!(figures.refresh, Some(first), "the running task's id");
    let status = world.service.refresh_status(world.principal.company_id, &second.to_string()).unwrap();
    assert_eq!(status.figures.unwrap().refresh, Some(first));
    go_on.notify_one();
    begun.notified().await;
    assert_eq!((state(first), state(second)), (State::Failed, State::Running));
    let status = world.service.refresh_status(world.principal.company_id, &first.to_string()).unwrap();
    assert_eq!(status.error.as_deref(), Some("enough of it"));
    go_on.notify_one();
    runner.drain(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_list_that_is_disabled_before_its_count_fails_the_task_with_a_clear_text() {
    let world = World::new().await;
    let task = world.service.refresh(world.principal.clone(), BOTH, None).await.unwrap();
    world.service.change_entry(world.principal.clone(), Shelf::Lists, 1, None, Some(false)).await.unwrap();
    world.run_pending().await;
    let status = world.service.refresh_status(world.principal.company_id, &task.to_string()).unwrap();
    assert_eq!(status.error.as_deref(), Some("There is no list `1` any more."));
    assert_eq!(status.figures, None);
}

#[tokio::test]
async fn every_distinct_feedback_gets_the_final_status_in_its_own_format() {
    let server = TestServer::start_with(|options| options.webhooks.allow = AllowedDestination::loopback()).await;
    let admin = company(&server, "north").await;
    import(&admin, json!([{"email": "a@example.com", "subscriptions": [{"resource_id": 24, "channel": "sms"}]}])).await;
    let (json_receiver, xml_receiver) = (Receiver::start().await, Receiver::start().await);
    let mut tasks = Vec::new();
    for (kind, receiver) in [("JSON", &json_receiver), ("json", &json_receiver), ("Xml", &xml_receiver)] {
        let feedback = json!({"type": kind, "url": receiver.url()});
        let body = json!({"id": 24, "list_id": 1, "feedback": feedback});
        tasks.push(done(&admin, "resources/refresh_counters", body).await["data"]["task_id"].clone());
    }
    assert!(tasks.iter().all(|task| *task == tasks[0]), "{tasks:?}");
    server.run_pending_tasks().await;

    let status = json!({"task_id": tasks[0]});
    for (format, receiver) in [(Format::Json, &json_receiver), (Format::Xml, &xml_receiver)] {
        let calls = receiver.calls();
        assert_eq!(calls.len(), 1, "{format:?}");
        let answer = post(&admin, format, "tasks/status", &status).await.expect(200);
        assert_eq!(String::from_utf8_lossy(&calls[0].body), answer.text());
        assert_eq!(Some(calls[0].header("content-type")), answer.header("content-type"));
        assert!(!calls[0].header("webhook-signature").is_empty());
    }
}

#[tokio::test]
async fn a_canceled_refresh_says_so_to_whoever_asked() {
    let server = TestServer::start_with(|options| options.webhooks.allow = AllowedDestination::loopback()).await;
    let admin = company(&server, "north").await;
    let receiver = Receiver::start().await;
    let body = json!({"id": 24, "list_id": 1, "feedback": {"type": "JSON", "url": receiver.url()}});
    let task = done(&admin, "resources/refresh_counters", body).await["data"]["task_id"].clone();
    let guid = Uuid::parse_str(task.as_str().unwrap()).unwrap();
    let figures = done(&admin, "resources/get_counters", json!({"id": 24, "list_id": 1})).await;
    assert_eq!(figures["data"][0]["refresh_task_id"], task);
    assert_eq!(figures["data"][0]["in_progress"], true);
    let queue = server.queue.clone();
    let canceled = server.store().write(move |tx| {
        let company = comptoir::auth::companies::find(tx, Scope::Installation, "north").unwrap().id;
        queue.cancel(tx, company, guid)
    });
    canceled.await.unwrap();
    server.run_pending_tasks().await;
    assert_eq!(done(&admin, "tasks/status", json!({"task_id": task})).await["data"]["status"], "canceled");
    let told: Value = serde_json::from_slice(&receiver.calls()[0].body).unwrap();
    assert_eq!((&told["data"]["status"], &told["error"]), (&json!("canceled"), &json!(0)));
    assert_eq!(told["data"]["result"][0]["in_progress"], false);
}

#[tokio::test]
async fn a_refresh_that_a_server_left_half_done_is_finished_by_the_next_one_with_one_result() {
    let world = World::new().await;
    let begun = Arc::new(Notify::new());
    let mut registry = Registry::new();
    let handler_begun = Arc::clone(&begun);
    registry.register(REFRESH, KindOptions::default(), move |_context, _refresh: Refresh| {
        let begun = Arc::clone(&handler_begun);
        async move {
            begun.notify_one();
            std::future::pending::<Outcome>().await
        }
    });
    let first = Runner::new(world.store.clone(), world.queue.clone(), registry, RunnerOptions::default());
    let asked = Some(feedback("https://a.example/"));
    let task = world.service.refresh(world.principal.clone(), BOTH, asked).await.unwrap();
    first.start();
    begun.notified().await;
    first.drain(Duration::ZERO).await;

    world.run_pending().await;
    let status = world.service.refresh_status(world.principal.company_id, &task.to_string()).unwrap();
    assert_eq!((status.progress, status.error), (100, None));
    let told: i64 = world
        .store
        .read(|conn| {
            Ok::<_, comptoir::store::StoreError>(conn.query_row(
                "SELECT count(*) FROM webhook_deliveries",
                [],
                |row| row.get(0),
            )?)
        })
        .unwrap();
    assert_eq!(told, 1, "one end, one delivery");
}

/// Two counts of one list run at once and both find its number of profiles wrong: it must not be repaired twice.
#[tokio::test]
async fn a_lists_number_of_profiles_is_repaired_once_by_counts_that_run_at_once() {
    let server = TestServer::start().await;
    let admin = company(&server, "north").await;
    import(&admin, json!([{"email": "a@example.com"}, {"email": "b@example.com"}])).await;
    for _ in 0..10 {
        let damage = |tx: &comptoir::store::WriteTx<'_>| {
            tx.execute("UPDATE audience_lists SET profiles = 9", [])?;
            Ok::<_, comptoir::store::StoreError>(())
        };
        server.store().write(damage).await.unwrap();
        for resource in [24, 25] {
            done(&admin, "resources/refresh_counters", json!({"id": resource, "list_id": 1})).await;
        }
        server.run_pending_tasks().await;
        let list = admin.get("/comptoir/v1/audience/lists/1").await.expect(200).json();
        assert_eq!(list["profiles"], 2);
    }
}
