//! `/comptoir/v1/tasks` and `/comptoir/v1/events`.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::TestServer;

const PATH: &str = "/comptoir/v1/tasks";

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_empty_then_newest_first_and_goes_on_on_a_second_page() {
    let server = TestServer::start().await;
    server.company("north").await;
    let olena = server.user("north", "olena", &["ADMIN"]).await;
    assert_eq!(olena.get(PATH).await.expect(200).json(), json!({"items": [], "next_page_token": null}));
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, server.waiting_task("olena").await);
    }
    let first = olena.get(&format!("{PATH}?limit=2")).await.expect(200).json();
    assert_eq!(ids(&first), made[..2]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = olena.get(&format!("{PATH}?limit=2&page_token={token}")).await.expect(200).json();
    assert_eq!(ids(&second), made[2..]);
    assert_eq!(second["next_page_token"], Value::Null);
    olena.get(&format!("{PATH}?page_token=dXNlcnM6eA")).await.expect(400);
}

#[tokio::test]
async fn an_admin_sees_the_companys_tasks_others_their_own_and_nobody_anothers() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.company("south").await;
    let olena = server.user("north", "olena", &["ADMIN"]).await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    let dana = server.user("south", "dana", &["ADMIN"]).await;
    let of_olena = server.waiting_task("olena").await;
    let of_ivan = server.waiting_task("ivan").await;
    assert_eq!(ids(&olena.get(PATH).await.expect(200).json()), [of_ivan.as_str(), &of_olena]);
    assert_eq!(ids(&olena.get(&format!("{PATH}?username=ivan")).await.expect(200).json()), [of_ivan.as_str()]);
    assert_eq!(ids(&ivan.get(PATH).await.expect(200).json()), [of_ivan.as_str()]);
    ivan.get(&format!("{PATH}?username=olena")).await.expect(404);
    assert!(ids(&dana.get(PATH).await.expect(200).json()).is_empty());
    for client in [&ivan, &dana] {
        client.get(&format!("{PATH}/{of_olena}")).await.expect(404);
        client.post(&format!("{PATH}/{of_olena}/cancel"), Value::Null).await.expect(404);
        client.post(&format!("{PATH}/{of_olena}/retry"), Value::Null).await.expect(404);
    }
    assert_eq!(olena.get(&format!("{PATH}/{of_olena}")).await.expect(200).json()["state"], "waiting");
}

#[tokio::test]
async fn a_waiting_task_is_canceled_at_once_tried_again_and_found_by_its_state() {
    let server = TestServer::start().await;
    server.company("north").await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    let id = server.waiting_task("ivan").await;
    ivan.post(&format!("{PATH}/{id}/retry"), Value::Null).await.expect(409);
    let canceled = ivan.post(&format!("{PATH}/{id}/cancel"), Value::Null).await.expect(200).json();
    assert_eq!((canceled["state"].as_str(), canceled["ended_at"].is_string()), (Some("canceled"), true));
    assert_eq!(ids(&ivan.get(&format!("{PATH}?state=canceled&kind=nobodys")).await.expect(200).json()), [id.as_str()]);
    assert!(ids(&ivan.get(&format!("{PATH}?state=waiting")).await.expect(200).json()).is_empty());
    let again = ivan.post(&format!("{PATH}/{id}/retry"), Value::Null).await.expect(200).json();
    assert_eq!((again["state"].as_str(), again["ended_at"].is_null()), (Some("waiting"), true));
    let refused = ivan.get(&format!("{PATH}?state=asleep")).await.expect(400);
    assert_eq!(refused.faults(), ["state: must be one of waiting, running, feedback, done, failed, canceled"]);
}

#[tokio::test]
async fn a_stream_shows_the_changes_in_its_reach_and_ends_with_its_callers_credential() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.company("south").await;
    let ivan = server.user("north", "ivan", &["USER"]).await;
    server.user("south", "dana", &["ADMIN"]).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!(
        "GET /comptoir/v1/events HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        ivan.credential()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let until = async |stream: &mut TcpStream, received: &mut Vec<u8>, text: &str| {
        while !String::from_utf8_lossy(received).contains(text) {
            assert_ne!(stream.read_buf(received).await.unwrap(), 0, "it ended before {text}");
        }
    };
    until(&mut stream, &mut received, "text/event-stream").await;
    let theirs = server.waiting_task("dana").await;
    let own = server.waiting_task("ivan").await;
    until(&mut stream, &mut received, &own).await;
    assert!(!String::from_utf8_lossy(&received).contains(&theirs), "another company's task");
    ivan.post("/comptoir/v1/sign-out", Value::Null).await.expect(200);
    // The next change has the stream look at its caller, and there is nobody left.
    server.waiting_task("ivan").await;
    while stream.read_buf(&mut received).await.unwrap() != 0 {}
    assert_eq!(String::from_utf8_lossy(&received).matches("nobodys").count(), 1, "nothing after the sign-out");
}
