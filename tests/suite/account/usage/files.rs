//! Data files of processes: in and out in pieces, seen once they are whole.

use std::time::Duration;

use comptoir::account::service::files::{CHUNK, consistency};
use comptoir::config::ProcessSettings;
use poem::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Cast, PROCESSES, started};
use crate::support::{Answer, Client, PASSWORD, TestServer};

async fn upload(client: &Client, code: Uuid, flow: &str, bytes: Vec<u8>) -> Answer {
    client.call(Method::PUT, &format!("{PROCESSES}/{code}/files/{flow}")).body(bytes).send().await
}

/// Bytes that no two pieces share.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 251).unwrap()).collect()
}

async fn limited(max_file_size: u64, storage_per_company: u64) -> Cast {
    let settings = ProcessSettings {
        max_file_size: Some(max_file_size),
        storage_per_company: Some(storage_per_company),
        ..ProcessSettings::default()
    };
    let processes = settings.resolve().unwrap();
    Cast::on(TestServer::start_with(|options| options.processes = processes).await).await
}

fn assert_consistent(server: &TestServer) {
    assert_eq!(server.store().read(|conn| consistency(conn)).unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_file_comes_out_as_it_went_in_whatever_its_size() {
    let cast = Cast::new().await;
    for length in [0, 1, CHUNK, CHUNK + 1, 4 * CHUNK, 5 * CHUNK + 17] {
        let code = started(&cast.bot, json!({})).await;
        let sent = bytes(length);
        let kept = upload(&cast.bot, code, "OUTPUT", sent.clone()).await.expect(200).json();
        assert_eq!(kept["size"], length);
        let answer = cast.user.get(&format!("/account/data/{code}?data_flow_type=OUTPUT")).await.expect(200);
        assert!(answer.body == sent, "{length}");
        assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        let name = format!("attachment; filename=\"{code}.output\"");
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
        let process = cast.bot.get(&format!("{PROCESSES}/{code}")).await.expect(200).json();
        assert_eq!((&process["input_file_exists"], &process["output_file_exists"]), (&json!(false), &json!(true)));
    }
    assert_consistent(&cast.server);
}

#[tokio::test]
async fn data_is_for_its_user_and_for_admins_and_otherwise_not_there() {
    let cast = Cast::new().await;
    let code = started(&cast.bot, json!({})).await;
    upload(&cast.bot, code, "INPUT", b"in".to_vec()).await.expect(200);
    let path = format!("/account/data/{code}");
    for accept in ["application/json", "text/html;q=0.1", "*/*"] {
        let call = cast.user.call(Method::GET, &path).header("accept", accept);
        assert_eq!(call.send().await.expect(200).text(), "in", "the default is INPUT, RAW; `Accept` does not count");
    }
    cast.admin.get(&format!("{path}?data_flow_type=INPUT&data_flow_stage=RAW")).await.expect(200);
    cast.admin.get(&format!("{PROCESSES}/{code}/files/INPUT")).await.expect(200);
    let other = cast.server.user("north", "north_other", &["USER"]).await;
    for (client, path) in [
        (&other, path.clone()),
        (&cast.bot, path.clone()),
        (&cast.user, format!("{path}?data_flow_type=OUTPUT")),
        (&cast.user, format!("/account/data/{}", Uuid::new_v4())),
    ] {
        let answer = client.get(&path).await.expect(404).json();
        assert!(path.contains(answer["resource_key"].as_str().unwrap()), "{answer}");
        assert_eq!(answer["detail"]["tracedata"]["operation"], "read_data");
    }
    for (path, fault) in [
        ("/account/data/abc".to_owned(), "process_code: must be a UUID"),
        (format!("{path}?data_flow_type=BOTH"), "data_flow_type: must be one of INPUT, OUTPUT"),
    ] {
        assert_eq!(cast.user.get(&path).await.expect(400).faults(), [fault]);
    }
    let stage = cast.user.get(&format!("{path}?data_flow_stage=COOKED")).await.expect(400);
    assert!(stage.faults()[0].starts_with("data_flow_stage: "), "{}", stage.shown());
}

#[tokio::test]
async fn the_same_bytes_again_change_nothing_and_other_bytes_are_a_conflict() {
    let cast = Cast::new().await;
    let code = started(&cast.bot, json!({})).await;
    let first = upload(&cast.bot, code, "INPUT", bytes(CHUNK * 2)).await.expect(200).json();
    assert_eq!(upload(&cast.bot, code, "INPUT", bytes(CHUNK * 2)).await.expect(200).json(), first);
    let other = upload(&cast.bot, code, "INPUT", bytes(CHUNK * 2 + 1)).await.expect(409);
    assert!(other.json()["detail"].as_str().unwrap().ends_with("has another INPUT already"));
    upload(&cast.bot, Uuid::new_v4(), "INPUT", bytes(1)).await.expect(404);
    let answer = cast.user.get(&format!("/account/data/{code}")).await.expect(200);
    assert!(answer.body == bytes(CHUNK * 2));
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_its_room_comes_back() {
    // Room for one file and not for what is left of another.
    let size = 5 * CHUNK;
    let cast = limited(256 << 20, u64::try_from(size).unwrap()).await;
    cast.server.run_pending_tasks().await;
    let code = started(&cast.bot, json!({})).await;
    let path = format!("{PROCESSES}/{code}/files/INPUT");
    let mut request = format!(
        "PUT {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n{:x}\r\n",
        cast.bot.credential(),
        4 * CHUNK
    )
    .into_bytes();
    request.extend(bytes(4 * CHUNK));
    request.extend(b"\r\nno chunk\r\n");
    let answer = cast.server.raw("PUT", &path, &request).await;
    assert_eq!(answer.status, 400, "{}", answer.shown());
    let process = cast.bot.get(&format!("{PROCESSES}/{code}")).await.expect(200).json();
    assert_eq!(process["input_file_exists"], false);
    cast.user.get(&format!("/account/data/{code}")).await.expect(404);

    // Whoever removed it: the request's end, or the sweep after it.
    cast.server.clock.advance(Duration::from_hours(2));
    cast.server.run_pending_tasks().await;
    assert_consistent(&cast.server);
    upload(&cast.bot, code, "INPUT", bytes(size)).await.expect(200);
}

#[tokio::test]
async fn a_file_over_the_limit_and_one_that_finds_no_room_are_refused() {
    let cast = limited(u64::try_from(CHUNK).unwrap(), u64::try_from(CHUNK + 10).unwrap()).await;
    cast.server.run_pending_tasks().await;
    let code = started(&cast.bot, json!({})).await;
    let large = upload(&cast.bot, code, "INPUT", bytes(CHUNK + 1)).await.expect(413);
    assert_eq!(large.json()["detail"], format!("the body is larger than {CHUNK} bytes"));
    cast.server.clock.advance(Duration::from_hours(2));
    cast.server.run_pending_tasks().await;
    upload(&cast.bot, code, "INPUT", bytes(CHUNK)).await.expect(200);
    let full = upload(&cast.bot, code, "OUTPUT", bytes(11)).await.expect(507);
    assert!(full.json()["detail"].as_str().unwrap().contains("have used up their"), "{}", full.shown());
    upload(&cast.bot, code, "OUTPUT", bytes(10)).await.expect(200);
    // What an ADMIN removes makes room.
    cast.bot.delete(&format!("{PROCESSES}/{code}/files/INPUT")).await.expect(403);
    let admin = cast.server.sign_in("north_admin", PASSWORD).await;
    admin.delete(&format!("{PROCESSES}/{code}/files/INPUT")).await.expect(200);
    admin.get(&format!("{PROCESSES}/{code}/files/INPUT")).await.expect(404);
    admin.delete(&format!("{PROCESSES}/{code}/files/INPUT")).await.expect(404);
    cast.server.clock.advance(Duration::from_mins(10));
    cast.server.run_pending_tasks().await;
    upload(&cast.bot, code, "INPUT", bytes(CHUNK)).await.expect(200);
    assert_consistent(&cast.server);
}
