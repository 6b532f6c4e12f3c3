//! The contract's frame: headers, parameters, error shape, paths, streams.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{World, XLSX, lp, priced, upload_form};

#[tokio::test]
async fn a_missing_or_malformed_header_or_parameter_is_named() {
    let world = World::new().await;
    let path = world.at("async/imports/nomenclature");
    let all = [("accept-language", "ru-RU"), ("x-lp-client-identifier", "me"), ("x-lp-client-type", "Android")];
    for (left_out, field) in [(0, "Accept-Language"), (1, "X-LP-Client-Identifier"), (2, "X-LP-Client-Type")] {
        for malformed in [None, Some("")] {
            let mut call = world.user.call(Method::GET, &path);
            for (at, (name, value)) in all.iter().enumerate() {
                match malformed {
                    _ if at != left_out => call = call.header(name, value),
                    Some(value) => call = call.header(name, value),
                    None => {}
                }
            }
            let refused = call.send().await.expect(422).json();
            assert_eq!(
                (&refused["code"], &refused["errors"][0]["field"]),
                (&json!("RequestIsNotValid"), &json!(field))
            );
        }
    }
    let call = all.iter().fold(world.user.call(Method::GET, &path), |call, (name, value)| call.header(name, value));
    call.send().await.expect(200);
    for (query, field) in [
        ("presentation=short", "presentation"),
        ("order_by=guid", "order_by"),
        ("task_status=Done", "task_status"),
        ("created_from=yesterday", "created_from"),
        ("updated_to=2026-03-02", "updated_to"),
        ("items_per_page=0", "items_per_page"),
        ("items_per_page=201", "items_per_page"),
    ] {
        let call = lp(world.user.call(Method::GET, &format!("{path}?{query}")), "en");
        let refused = call.send().await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{query}: {refused}");
    }
    for (query, field) in [
        ("import_strategy=Half", "import_strategy"),
        ("use_good_name=maybe", "use_good_name"),
        ("confirm=yes", "confirm"),
    ] {
        let refused = super::upload(&world.user, &world.org, &format!("?{query}"), Vec::new()).await.expect(422).json();
        assert_eq!(refused["errors"][0]["field"], field, "{query}: {refused}");
    }
}

#[tokio::test]
async fn every_failure_has_the_contracts_shape_and_codes() {
    let world = World::new().await;
    let shape = |answer: &crate::support::Answer| {
        let body = answer.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "message", "errors"]);
        body["code"].as_str().unwrap().to_owned()
    };
    let nobody = world.server.anonymous();
    let partner = world.server.user("north", "partner", &["PARTNER"]).await;
    let goods = world.at("nomenclature");
    assert_eq!(shape(&nobody.get(&goods).await.expect(401)), "Unauthorized");
    assert_eq!(shape(&partner.get(&goods).await.expect(403)), "NoPermissions");
    let other = goods.replace(&world.org, "00000000-0000-4000-8000-000000000000");
    assert_eq!(shape(&world.user.get(&other).await.expect(404)), "NotFound");
    assert_eq!(shape(&world.user.get(&world.at("nothing")).await.expect(404)), "NotFound");
    assert_eq!(shape(&world.user.get("/v5/orgs/abc/nomenclature").await.expect(422)), "RequestIsNotValid");
    assert_eq!(shape(&world.user.delete(&goods).await.expect(405)), "RequestIsNotValid");
    let path = world.at("async/imports/nomenclature:new.xlsx");
    let call = || lp(world.user.call(Method::POST, &path), "uk");
    let json = call().header("content-type", "application/json").body("{}").send().await.expect(415);
    assert_eq!(shape(&json), "RequestIsNotValid");
    assert!(json.json()["message"].as_str().unwrap().starts_with("Запит містить помилки"), "{}", json.shown());
    assert_eq!(shape(&call().send().await.expect(415)), "RequestIsNotValid");
    let form =
        call().header("content-type", "multipart/form-data; boundary=x").body("--x--\r\n").send().await.expect(422);
    assert_eq!(form.json()["errors"], json!([{"field": "file", "message": "у формі немає поля `file`"}]));
    let broken = call().header("content-type", "multipart/form-data; boundary=x").body("--y").send().await;
    assert_eq!((broken.status, shape(&broken).as_str()), (422, "RequestIsNotValid"), "{}", broken.shown());
    let good = world.at("nomenclature/00000000-0000-4000-8000-000000000000");
    let malformed = world.user.call(Method::PATCH, &good).json_text("{").send().await.expect(422);
    assert_eq!(shape(&malformed), "RequestIsNotValid");
}

#[tokio::test]
async fn the_path_of_an_upload_is_matched_exactly() {
    let world = World::new().await;
    for (name, status) in [
        ("nomenclature:new.xlsx", 200),
        ("nomenclature%3Anew.xlsx", 200),
        ("nomenclature:new.xlsx/", 200),
        ("nomenclatureXnew.xlsx", 404),
        ("nomenclature:newXxlsx", 404),
        ("nomenclaturenew.xlsx", 404),
        ("nomenclature:new.xls", 404),
        ("nomenclature:", 404),
        ("nomenclature:new.xlsx:new.xlsx", 404),
    ] {
        let path = world.at(&format!("async/imports/{name}"));
        let call = lp(world.user.call(Method::POST, &path), "en").header("content-type", XLSX);
        assert_eq!(call.body(priced(&[("Milk", "1", 1)])).send().await.status, status, "{name}");
    }
    world.user.get(&world.at("async/imports/nomenclature:new.xlsx")).await.expect(405);
    let document = world.user.get("/openapi/nomenclature.json").await.expect(200).json();
    assert!(document["paths"].get("/v5/orgs/{org_guid}/async/imports/nomenclature:new.xlsx").is_some());
    assert!(!document.to_string().contains("%3A"));
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let name = "x".repeat(300);
    let answer = upload_form(&world.user, &world.org, "", &name, &vec![b'x'; 101 << 20]).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (413, json!("RequestIsNotValid")));
    world.server.clock.advance(Duration::from_hours(2));
    world.server.run_pending_tasks().await;
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_company_has_a_share_of_the_storage() {
    let server =
        crate::support::TestServer::start_with(|options| options.nomenclature.storage_per_company = 300_000).await;
    let world = World::over(server).await;
    let csv = |rows: usize| format!("Name\n{}", "Milk\n".repeat(rows));
    let call = |text: String| upload_form_owned(&world, text);
    call(csv(40_000)).await.expect(200);
    let full = call(csv(40_000)).await.expect(507);
    assert_eq!(full.json()["code"], "InternalServerError");
    // What was sent of the refused one counts no longer once it is swept up.
    world.server.clock.advance(Duration::from_mins(11));
    world.server.run_pending_tasks().await;
    assert_eq!(world.findings(), Vec::<String>::new());
    call(csv(10_000)).await.expect(200);
}

async fn upload_form_owned(world: &World, text: String) -> crate::support::Answer {
    upload_form(&world.user, &world.org, "?use_barcodes_ean13=false", "goods.csv", text.as_bytes()).await
}

#[tokio::test]
async fn a_machine_imports_and_exports_nothing() {
    let world = World::new().await;
    let bot = world.server.user("north", "bot", &["BOT"]).await;
    let task = super::upload(&bot, &world.org, "?confirm=auto", priced(&[("Milk", "1", 1)])).await.expect(200).json();
    world.server.run_pending_tasks().await;
    assert_eq!(bot.get(&world.task_path(&task, "")).await.expect(200).json()["status"], "Completed");
    bot.get(&world.at("nomenclature")).await.expect(200);
    bot.get(&world.at("nomenclature.xlsx")).await.expect(403);
    let good = world.good("Milk").await;
    bot.patch(&world.at(&format!("nomenclature/{}", good["guid"].as_str().unwrap())), json!({"price": 1}))
        .await
        .expect(403);
}

#[tokio::test]
async fn events_tell_how_an_import_goes_until_it_has_ended() {
    let world = World::new().await;
    let task = world.upload("?confirm=auto", priced(&[("Milk", "1", 1)])).await;
    let mut stream = TcpStream::connect(world.server.address()).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        world.task_path(&task, "/events"),
        world.user.credential()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    // The first event is how it stands.
    while !String::from_utf8_lossy(&received).contains("InQueue") {
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
    }
    world.server.run_pending_tasks().await;
    // The stream ends by itself.
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut received)).await;
    read.expect("an end").unwrap();
    let text = String::from_utf8(received).unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.split_once("data: "))
        .filter_map(|(_, json)| serde_json::from_str(json).ok())
        .collect();
    assert_eq!((&events[0]["status"], &events[0]["progress"]), (&json!("InQueue"), &json!(0)));
    let last = events.last().unwrap();
    assert_eq!((&last["status"], &last["progress"], &last["guid"]), (&json!("Completed"), &json!(100), &task["guid"]));
}
