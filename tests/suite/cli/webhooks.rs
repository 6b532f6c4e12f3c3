//! Webhooks of the built binary: the command, and a kill in the middle of a call.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place, shown_once};
use crate::webhooks::receiver::{Receiver, Reply};

#[tokio::test]
async fn webhooks_are_added_listed_and_removed_beside_a_running_server() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let url = "https://receiver.example/hook";
    let printed = place.succeed(&["webhook", "add", "comptoir", url, "--event", "task_ended,alert_started"]).await;
    assert!(shown_once(&printed).starts_with("whsec_"));
    place.succeed(&["webhook", "add", "comptoir", "http://10.1.2.3/", "--webhooks-allow", "10.0.0.0/8"]).await;
    let listed = place.list(&["webhook", "list", "comptoir", "--json"]).await;
    assert_eq!((&listed[0]["url"], &listed[0]["events"]), (&json!(url), &json!("task_ended,alert_started")));
    assert_eq!(listed[1]["events"], "task_ended,order_reminder,alert_started,alert_ended");
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let seen = operator.get("/comptoir/v1/webhooks").await.expect(200).json();
    assert_eq!(seen["items"][0]["id"], listed[0]["id"]);
    let id = listed[0]["id"].as_str().unwrap();
    place.succeed(&["webhook", "remove", "comptoir", id]).await;
    operator.get(&format!("/comptoir/v1/webhooks/{id}")).await.expect(404);

    for (arguments, code, why) in [
        (&["webhook", "remove", "comptoir", id][..], 1, "there is no webhook"),
        (&["webhook", "add", "comptoir", "http://127.0.0.1/"], 1, "`url` must not lead inside"),
        (&["webhook", "add", "comptoir", "ftp://example.com/"], 1, "`url` must begin with http"),
        (&["webhook", "add", "comptoir", url, "--event", "ping"], 1, "`events` must not name ping"),
        (&["webhook", "add", "comptoir", url, "--event", "everything"], 2, "must be one of task_ended"),
        (&["webhook", "add", "comptoir", url, "--webhooks-allow", "a b"], 1, "webhooks.allow must be"),
        (&["webhook", "list", "nowhere"], 1, "there is no company `nowhere`"),
    ] {
        let output = place.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_delivery_that_kill_9_cuts_off_is_made_after_the_restart_under_the_same_id() {
    let place = Place::new();
    let receiver = Receiver::start().await;
    receiver.answer([Reply::Silence]);
    let allow = ["--webhooks-allow", "127.0.0.1"];
    let server = place.serve_with_password(&allow).await;
    place.succeed(&[&["webhook", "add", "comptoir", &receiver.url()][..], &allow].concat()).await;
    let webhook = place.list(&["webhook", "list", "comptoir", "--json"]).await[0]["id"].as_str().unwrap().to_owned();
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let ping = operator.post(&format!("/comptoir/v1/webhooks/{webhook}/ping"), Value::Null).await.expect(200).json();
    timeout(GENEROUS, receiver.until(1)).await.expect("the first call");
    server.signal("KILL").await;

    let server = place.serve(&allow).await;
    timeout(GENEROUS, receiver.until(2)).await.expect("the call after the restart");
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let delivery = format!("/comptoir/v1/deliveries/{}", ping["id"].as_str().unwrap());
    let seen = timeout(GENEROUS, async {
        loop {
            let seen = operator.get(&delivery).await.expect(200).json();
            if seen["delivery"]["state"] != "pending" {
                return seen;
            }
        }
    });
    let seen = seen.await.expect("an end");
    assert_eq!(seen["delivery"]["state"], "delivered");
    assert_eq!(seen["attempts"].as_array().unwrap().len(), 1, "the call that was cut off was never judged");
    let calls = receiver.calls();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.header("webhook-id"), ping["id"].as_str().unwrap());
        assert_eq!(call.body, calls[0].body);
    }
}
