//! External systems and merchants of the built binary, and the demo's figures.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place};
use crate::support::Client;

#[tokio::test]
async fn systems_and_merchants_are_registered_beside_a_running_server_and_hold_at_once() {
    let place = Place::new();
    let server = place.serve_with_password(&[]).await;
    let of =
        |register: &'static str, words: &[&'static str]| [&[register, "--company", "comptoir"][..], words].concat();
    let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
    let set = async || {
        let items = json!([{"key": "a", "value": 1, "merchantId": "77624623f"}]);
        let body = json!({"externalSystemId": "29e86b162", "timestamp": 1_654_055_585, "items": items});
        let answer = operator.post("/ExternalExchange/v1/statistic/set", body).await.expect(200).json();
        answer["message"].as_str().unwrap().to_owned()
    };
    assert!(set().await.starts_with("External system was not found"));
    assert_eq!(
        place.succeed(&of("system", &["add", "29e86b162", "--name", "1C"])).await,
        "external system 29e86b162 registered\n"
    );
    assert_eq!(place.succeed(&of("merchant", &["add", "77624623f"])).await, "merchant 77624623f registered\n");
    assert_eq!(set().await, "Statistic successfully settled");
    assert_eq!(
        place.list(&of("system", &["list", "--json"])).await,
        json!([{"id": "29e86b162", "name": "1C", "enabled": true}])
    );
    place.succeed(&of("merchant", &["rename", "77624623f", "Rozetka"])).await;
    place.succeed(&of("merchant", &["disable", "77624623f"])).await;
    assert_eq!(set().await, "Personal cabinets was not found by following merchantId: 77624623f");
    assert_eq!(
        place.list(&of("merchant", &["list", "--json"])).await,
        json!([{"id": "77624623f", "name": "Rozetka", "enabled": false}])
    );
    place.succeed(&of("merchant", &["enable", "77624623f"])).await;
    assert_eq!(set().await, "Statistic successfully settled");
    assert!(place.succeed(&["check"]).await.contains("is well"));
    for (arguments, why) in [
        (of("system", &["add", "29e86b162"]), "there already is a registered external system `29e86b162`"),
        (of("system", &["add", "a/b"]), "`code` must not contain a slash"),
        (of("merchant", &["enable", "absent"]), "there is no merchant `absent`"),
    ] {
        let output = place.run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(why), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn the_demo_has_figures_and_takes_the_documents_own_example() {
    let place = Place::new();
    let mut child =
        place.command(&["demo", "--json", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    timeout(GENEROUS, stdout.read_line(&mut line)).await.expect("a ready line").unwrap();
    let demo: serde_json::Value = serde_json::from_str(&line).unwrap();
    let client = Client::new(demo["url"].as_str().unwrap()).bearing(demo["api_token"]["secret"].as_str().unwrap());
    let document = comptoir::app::document();
    let operation = &document["paths"]["/ExternalExchange/v1/statistic/set"]["post"];
    let example = operation["requestBody"]["content"]["application/json"]["example"].clone();
    let answer = client.post("/ExternalExchange/v1/statistic/set", example).await.expect(200);
    assert_eq!(answer.json(), operation["responses"]["200"]["content"]["application/json"]["example"]);
    let values = client.get("/comptoir/v1/connectors/values").await.expect(200).json();
    assert_eq!(values["items"].as_array().unwrap().len(), 6);
    let key = "%D0%97%D0%B0%D0%BA%D0%B0%D0%B7%D1%8B.%D0%9A%D0%BE%D0%BB%D0%B8%D1%87%D0%B5%D1%81%D1%82%D0%B2%D0%BE%D0%9F%D1%80%D0%BE%D0%B2%D0%B5%D0%B4%D0%B5%D0%BD%D0%BD%D1%8B%D1%85.%D0%97%D0%B0%D0%A7%D0%B0%D1%81";
    let path = format!(
        "/comptoir/v1/connectors/series/comparison?system=29e86b162&key={key}&merchant=77624623f&other_merchant=c51d08a7e"
    );
    let day = client.get(&path).await.expect(200).json();
    let hours = day["items"].as_array().unwrap();
    assert!(hours[..hours.len() - 1].iter().all(|hour| hour["first"]["count"].as_u64() > Some(0)), "{day}");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}
