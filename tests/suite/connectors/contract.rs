//! Each row of the contract's table, and what its request promises.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::Method;
use serde_json::{Value, json};

use super::{MERCHANT, SET, SYSTEM, TODAY, World, of};
use crate::support::{Client, PASSWORD, TestServer, api_token};

const SETTLED: &str = "Statistic successfully settled";

/// The vendor's sample, with the two commas it misses.
fn sample() -> String {
    SEED.replace("\"value\": 10\n      \"merchantId\"", "\"value\": 10,\n      \"merchantId\"")
}

/// The vendor's sample as it stands.
const SEED: &str = r#"{
  "externalSystemId": "29e86b162",
  "timestamp": 1654055585,
  "items": [
    {
      "key": "Очереди.ОбработкаЗаказов.КоличествоОшибок",
      "value": 10
    },
    {
      "key": "Очереди.ВыгрузкаНоменклатуры.КоличествоОшибок",
      "value": 50
    },
    {
      "key": "Заказы.КоличествоПроведенных.ЗаЧас",
      "value": 100,
      "merchantId": "77624623f"
    },
    {
      "key": "Заказы.КоличествоНепроведенных.ЗаЧас",
      "value": 10
      "merchantId": "77624623f"
    }
  ]
}"#;

#[tokio::test]
async fn everything_set_is_settled_and_can_be_read_back() {
    let world = World::new().await;
    let answer = world.send(&sample()).await.expect(200);
    insta::assert_snapshot!(answer.text(), @r#"{"message":"Statistic successfully settled","success":true,"successInAllSubrequests":true}"#);
    assert_eq!(
        world.latest("").await,
        [
            "Заказы.КоличествоНепроведенных.ЗаЧас|29e86b162|77624623f|10",
            "Заказы.КоличествоПроведенных.ЗаЧас|29e86b162|77624623f|100",
            "Очереди.ВыгрузкаНоменклатуры.КоличествоОшибок|29e86b162||50",
            "Очереди.ОбработкаЗаказов.КоличествоОшибок|29e86b162||10",
        ]
    );
    let page = world.json("values?limit=1").await;
    assert_eq!(page["items"][0]["at"], "2022-06-01T03:53:05Z");
}

#[tokio::test]
async fn the_vendors_sample_as_it_stands_is_told_where_its_comma_is_missing() {
    let world = World::new().await;
    let answer = world.send(SEED).await.expect(400);
    insta::assert_snapshot!(answer.shown(), @r#"
    400
    {
      "message": "the body is not valid JSON: expected `,` or `}` at line 21 column 7",
      "success": false,
      "successInAllSubrequests": false
    }
    "#);
    assert_eq!(world.latest("").await, [""; 0]);
}

#[tokio::test]
async fn an_item_that_cannot_be_set_is_named_and_the_others_are_set() {
    let world = World::new().await;
    let long = "я".repeat(513);
    let body = format!(
        r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {TODAY}, "items": [
            {{"key": "good", "value": 1}},
            {{"key": "когда", "value": "вчера", "valueType": "datetime"}},
            {{"key": "money", "value": 1, "valueType": "money"}},
            {{"key": "object", "value": {{"a": 1}}}},
            {{"key": "array", "value": [1]}},
            {{"key": "huge", "value": 1e400}},
            {{"key": "", "value": 1}},
            {{"key": "{long}", "value": 1}},
            {{"key": "nul\u0000key", "value": 1}},
            {{"key": "also good", "value": "x", "merchantId": "{MERCHANT}"}}
        ]}}"#
    );
    let answer = world.send(&body).await.expect(200).json();
    assert_eq!((&answer["success"], &answer["successInAllSubrequests"]), (&json!(true), &json!(false)));
    let message = answer["message"].as_str().unwrap();
    for named in [
        "`когда` is no date and time",
        "`money` has a valueType other than datetime",
        "`object` is an object",
        "`array` is an array",
        "`huge` is a number that a 64-bit float cannot hold",
        "`items[6]` key must not be empty",
        "…` key",
        "must have at most 512 characters (has 513)",
        "key must not contain the NUL character",
    ] {
        assert!(message.contains(named), "{named}: {message}");
    }
    assert!(!message.contains("good"), "{message}");
    assert_eq!(world.latest("").await, ["also good|29e86b162|77624623f|\"x\"", "good|29e86b162||1"]);
}

#[tokio::test]
async fn unknown_merchants_are_named_once_each_in_order_and_nothing_is_set() {
    let world = World::new().await;
    let answer = world
        .set(
            TODAY,
            json!([
                {"key": "a", "value": 1},
                {"key": "b", "value": 1, "merchantId": "B"},
                {"key": "c", "value": 1, "merchantId": MERCHANT},
                {"key": "d", "value": 1, "merchantId": "A"},
                {"key": "e", "value": [], "merchantId": "B"},
            ]),
        )
        .await;
    assert_eq!(
        answer,
        json!({"message": "Personal cabinets was not found by following merchantId: B, A", "success": false,
               "successInAllSubrequests": false})
    );
    assert_eq!(world.latest("").await, [""; 0]);
    world.admin.patch("/comptoir/v1/connectors/merchants/77624623f", json!({"enabled": false})).await.expect(200);
    let answer = world.set(TODAY, json!([{"key": "c", "value": 1, "merchantId": MERCHANT}])).await;
    assert_eq!(answer["message"], "Personal cabinets was not found by following merchantId: 77624623f");
}

#[tokio::test]
async fn an_unknown_system_is_named_and_nothing_is_set() {
    let world = World::new().await;
    for (code, shown) in [("0f0f0f0f0", "0f0f0f0f0"), ("", ""), ("a\nb", "a\u{fffd}b")] {
        let body = json!({"externalSystemId": code, "timestamp": TODAY, "items": [{"key": "a", "value": 1}]});
        let answer = world.bot.post(SET, body).await.expect(200).json();
        let message = format!("External system was not found by following externalSystemId: {shown}");
        assert_eq!(answer, json!({"message": message, "success": false, "successInAllSubrequests": false}));
    }
    assert_eq!(world.latest("").await, [""; 0]);
}

#[tokio::test]
async fn no_items_are_settled() {
    let world = World::new().await;
    let answer = world.set(TODAY, json!([])).await;
    assert_eq!(answer, json!({"message": SETTLED, "success": true, "successInAllSubrequests": true}));
}

#[tokio::test]
async fn what_is_no_request_is_told_what_and_where() {
    let world = World::new().await;
    for (body, told) in [
        ("", "the body is required"),
        ("{", "the body is not valid JSON: EOF while parsing an object at line 1 column 1"),
        ("nonsense", "the body is not valid JSON: expected ident at line 1 column 2"),
        ("[]", "body must be an object"),
        ("{}", "`externalSystemId` is required; `timestamp` is required; `items` is required"),
        (r#"{"externalSystemId": 5, "timestamp": 1, "items": []}"#, "externalSystemId must be a string"),
        (r#"{"externalSystemId": "s", "timestamp": "1", "items": []}"#, "timestamp must be an integer: Unix seconds"),
        (r#"{"externalSystemId": "s", "timestamp": 1.5, "items": []}"#, "timestamp must be an integer: Unix seconds"),
        (r#"{"externalSystemId": "s", "timestamp": null, "items": []}"#, "timestamp is required"),
        (r#"{"externalSystemId": "s", "timestamp": 1, "items": {}}"#, "items must be an array"),
        (r#"{"externalSystemId": "s", "timestamp": 1, "items": [1]}"#, "items[0] must be an object"),
        (r#"{"externalSystemId": "s", "timestamp": 1, "items": [{"key": "a"}]}"#, "items[0].value is required"),
        (r#"{"externalSystemId": "s", "timestamp": 1, "items": [{"value": 1}]}"#, "items[0].key is required"),
        (
            r#"{"externalSystemId": "s", "timestamp": 1, "items": [{"key": "a", "value": 1, "merchantId": 7}]}"#,
            "items[0].merchantId must be a string",
        ),
    ] {
        let answer = world.send(body).await.expect(400).json();
        assert_eq!(answer, json!({"message": told, "success": false, "successInAllSubrequests": false}), "{body}");
    }
    let broken = world.bot.call(Method::POST, SET).json_text(vec![b'{', b'\n', b'"', 0xff]).send().await.expect(400);
    assert_eq!(broken.json()["message"], "the body is not valid JSON: it is no UTF-8 at line 2 column 2");
}

#[tokio::test]
async fn timestamps_that_cannot_be_meant_are_refused_with_a_hint() {
    let world = World::new().await;
    for (timestamp, told) in [
        (-1, "`timestamp` must not be negative: it is in Unix seconds".to_owned()),
        (
            1_654_055_585_000,
            "`timestamp` must be in Unix seconds, and looks like milliseconds: send 1654055585".to_owned(),
        ),
        (
            TODAY + 86_401,
            format!(
                "`timestamp` lies in the future: it is {}, the server's clock shows {TODAY}, and 86400 seconds are let pass",
                TODAY + 86_401
            ),
        ),
    ] {
        let body = json!({"externalSystemId": SYSTEM, "timestamp": timestamp, "items": []});
        let answer = world.bot.post(SET, body).await.expect(400).json();
        assert_eq!(answer, json!({"message": told, "success": false, "successInAllSubrequests": false}));
    }
    world.put(TODAY + 86_400, "a", json!(1)).await;
    world.put(0, "b", json!(1)).await;
    let strict = World::with(|options| options.connectors.max_skew = std::time::Duration::ZERO).await;
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY + 1, "items": []});
    strict.bot.post(SET, body).await.expect(400);
    strict.put(TODAY, "a", json!(1)).await;
}

#[tokio::test]
async fn callers_are_told_that_they_are_unknown_or_may_not() {
    let world = World::new().await;
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": []});
    let answer = world.server.anonymous().post(SET, body.clone()).await.expect(401);
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 2, "Bearer and Basic");
    assert_eq!(answer.json()["success"], false);
    let partner = world.server.user("north", "partner", &["PARTNER"]).await;
    let answer = partner.post(SET, body.clone()).await.expect(403).json();
    assert_eq!(
        answer,
        json!({"message": "this needs the role ADMIN or USER or BOT", "success": false, "successInAllSubrequests": false})
    );
    for role in ["USER", "ADMIN"] {
        world.server.user("north", &format!("a_{role}"), &[role]).await.post(SET, body.clone()).await.expect(200);
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn basic_works_without_a_hash_for_each_request_and_ends_with_the_password() {
    let world = World::new().await;
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": [{"key": "a", "value": 1}]});
    let send = async |authorization: String| {
        let call = world.server.anonymous().call(Method::POST, SET).header("authorization", authorization);
        call.json(&body).send().await
    };
    let before = world.server.hashes();
    for _ in 0..5 {
        send(basic("connector", PASSWORD)).await.expect(200);
    }
    assert_eq!(world.server.hashes() - before, 1);
    send(basic("connector", "a wrong password")).await.expect(401);
    let (_, secret) = api_token(&world.bot, json!({"name": "x", "role": "BOT"})).await;
    send(format!("Bearer {secret}")).await.expect(200);
    let new = json!({"new_password": "another long password"});
    world.admin.put("/comptoir/v1/users/connector/password", new).await.expect(200);
    send(basic("connector", PASSWORD)).await.expect(401);
    send(basic("connector", "another long password")).await.expect(200);
    // A token outlives the password.
    send(format!("Bearer {secret}")).await.expect(200);
}

#[tokio::test]
async fn basic_ends_at_once_with_the_role_and_with_the_user() {
    let world = World::new().await;
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": [{"key": "a", "value": 1}]});
    let send = async || {
        let call =
            world.server.anonymous().call(Method::POST, SET).header("authorization", basic("connector", PASSWORD));
        call.json(&body).send().await
    };
    send().await.expect(200);
    for (change, status) in [
        (json!({"roles": ["PARTNER"]}), 403),
        (json!({"roles": ["BOT"]}), 200),
        (json!({"enabled": false}), 401),
        (json!({"enabled": true}), 200),
    ] {
        world.admin.patch("/comptoir/v1/users/connector", change.clone()).await.expect(200);
        assert_eq!(send().await.status, status, "{change}");
    }
}

#[tokio::test]
async fn no_list_has_another_companys_rows() {
    let world = World::new().await;
    world.set(TODAY, json!([{"key": "errors", "value": 60, "merchantId": MERCHANT}])).await;
    let rule = json!({"name": "Many", "key": "errors", "condition": "above", "threshold": 50, "clear": 10});
    world.admin.post("/comptoir/v1/connectors/alert-rules", rule).await.expect(200);
    world.server.run_pending_tasks().await;
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    for list in ["systems", "merchants", "keys", "values", "alert-rules", "alerts"] {
        let items = async |caller: &Client| {
            let page = caller.get(&format!("/comptoir/v1/connectors/{list}")).await.expect(200).json();
            page["items"].as_array().unwrap().len()
        };
        assert_eq!((items(&world.admin).await, items(&foreign).await), (1, 0), "{list}");
    }
    // Nor does a rule of theirs look at what is not theirs.
    let rule = json!({"name": "Many", "key": "errors", "condition": "above", "threshold": 50, "clear": 10});
    foreign.post("/comptoir/v1/connectors/alert-rules", rule).await.expect(200);
    world.server.run_pending_tasks().await;
    world.set(TODAY + 1, json!([{"key": "errors", "value": 70, "merchantId": MERCHANT}])).await;
    world.server.run_pending_tasks().await;
    let alerts = foreign.get("/comptoir/v1/connectors/alerts").await.expect(200).json();
    assert_eq!(alerts["items"], json!([]));
}

#[tokio::test]
async fn another_companys_ids_are_unknown() {
    let world = World::new().await;
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": [{"key": "a", "value": 1}]});
    let answer = foreign.post(SET, body).await.expect(200).json();
    assert_eq!(answer["message"], "External system was not found by following externalSystemId: 29e86b162");
    foreign.post("/comptoir/v1/connectors/systems", json!({"id": SYSTEM})).await.expect(200);
    let items = json!([{"key": "a", "value": 1, "merchantId": MERCHANT}]);
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": items});
    let answer = foreign.post(SET, body).await.expect(200).json();
    assert_eq!(answer["message"], "Personal cabinets was not found by following merchantId: 77624623f");
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": [{"key": "a", "value": 2}]});
    foreign.post(SET, body).await.expect(200);
    assert_eq!(world.latest("").await, [""; 0], "under the same code stands another system");
}

#[tokio::test]
async fn numbers_keep_their_exact_text_and_other_kinds_themselves() {
    let world = World::new().await;
    let exact = [
        "99999999999999999999",
        "10.0",
        "10.00",
        "-0",
        "1e3",
        "1.7976931348623157e308",
        "0.1000000000000000055511151231257827",
        "123456789012345678",
        "true",
        "false",
        "null",
        "\"10\"",
        "\"Ёж \\\"в\\\" тумане\\n\"",
        "\"a\\u0000b\"",
    ];
    let items: Vec<_> =
        exact.iter().enumerate().map(|(at, value)| format!(r#"{{"key": "k{at:02}", "value": {value}}}"#)).collect();
    let body = format!(r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {TODAY}, "items": [{}]}}"#, items.join(","));
    let answer = world.send(&body).await.expect(200).json();
    assert_eq!(answer["message"], SETTLED);
    let expected: Vec<_> = exact.iter().enumerate().map(|(at, value)| format!("k{at:02}|29e86b162||{value}")).collect();
    assert_eq!(world.latest("").await, expected);
    for (at, value) in exact.iter().enumerate() {
        let series = world.text(&of("series", &format!("k{at:02}"), "")).await;
        assert!(series.contains(&format!("\"value\":{value},")), "{series}");
    }
}

#[tokio::test]
async fn datetime_is_kept_as_an_instant() {
    let world = World::new().await;
    let items = json!([
        {"key": "a", "value": "2022-06-01T06:53:05+03:00", "valueType": "datetime"},
        {"key": "b", "value": 1_654_055_585, "valueType": "datetime"},
        {"key": "c", "value": "2022-06-01T03:53:05", "valueType": "datetime"},
        {"key": "d", "value": "2022-06-01T06:53:05+03:00"},
        {"key": "e", "value": "20220601", "valueType": "datetime"},
    ]);
    assert_eq!(world.set(TODAY, items).await["message"], SETTLED);
    let values = world.json("values").await;
    let shown: Vec<_> =
        values["items"].as_array().unwrap().iter().map(|item| (&item["value"], &item["kind"])).collect();
    let instant = json!("2022-06-01T03:53:05Z");
    let (datetime, string) = (json!("datetime"), json!("string"));
    assert_eq!(
        shown,
        [
            (&instant, &datetime),
            (&instant, &datetime),
            (&instant, &datetime),
            (&json!("2022-06-01T06:53:05+03:00"), &string),
            (&json!("2022-06-01T00:00:00Z"), &datetime),
        ]
    );
}

#[tokio::test]
async fn setting_a_value_again_replaces_it_and_the_last_of_a_request_wins() {
    let world = World::new().await;
    let log = crate::support::Log::start();
    let items = json!([{"key": "a", "value": 1}, {"key": "a", "value": 2, "merchantId": MERCHANT},
                       {"key": "a", "value": 3}, {"key": "a", "value": {}}]);
    let answer = world.set(TODAY, items).await;
    assert_eq!(answer["message"], "Some items were not set: `a` is an object");
    assert_eq!(log.with("replaced by later ones").len(), 1);
    assert_eq!(world.latest("").await, ["a|29e86b162||3", "a|29e86b162|77624623f|2"]);
    let answer = world.set(TODAY, json!([{"key": "a", "value": 4}, {"key": "a", "value": 5}])).await;
    assert_eq!(answer["message"], SETTLED);
    let series = world.json(&of("series", "a", "")).await;
    assert_eq!(series["items"], json!([{"at": "2026-03-02T10:00:00Z", "value": 5, "kind": "number"}]));
}

#[tokio::test]
async fn an_older_value_is_kept_and_does_not_become_the_newest() {
    let world = World::new().await;
    world.put(TODAY, "a", json!(1)).await;
    world.put(TODAY - 60, "a", json!(2)).await;
    assert_eq!(world.latest("").await, ["a|29e86b162||1"]);
    let series = world.json(&of("series", "a", "")).await;
    let values: Vec<_> = series["items"].as_array().unwrap().iter().map(|item| item["value"].as_i64()).collect();
    assert_eq!(values, [Some(2), Some(1)]);
}

#[tokio::test]
async fn ten_thousand_items_are_one_request_and_more_are_none() {
    let world = World::new().await;
    let items = |count: usize| -> Vec<Value> {
        (0..count).map(|at| json!({"key": format!("Ключ.{at:05}"), "value": at})).collect()
    };
    let answer = world.set(TODAY, Value::from(items(10_000))).await;
    assert_eq!(answer["message"], SETTLED);
    assert_eq!(world.latest("").await.len(), 10_000);
    let body = json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": items(10_001)});
    let answer = world.bot.post(SET, body).await.expect(400).json();
    assert_eq!(answer["message"], "items must have at most 10000 items (has 10001)");
}

#[tokio::test]
async fn a_charset_and_a_byte_order_mark_are_taken_and_another_media_type_is_not() {
    let world = World::new().await;
    let body = sample();
    for content_type in ["application/json;", "application/json; charset=utf-8", "Application/JSON"] {
        let call = world.bot.call(Method::POST, SET).header("content-type", content_type);
        call.body(format!("\u{feff}{body}")).send().await.expect(200);
    }
    for content_type in ["text/plain", "application/json; charset=windows-1251", "application/x-www-form-urlencoded"] {
        let call = world.bot.call(Method::POST, SET).header("content-type", content_type);
        let answer = call.body(body.clone()).send().await.expect(415).json();
        assert_eq!(answer["success"], false);
    }
}

#[tokio::test]
async fn a_minute_of_ingest_is_one_action_in_the_audit_and_what_sets_nothing_is_none() {
    let world = World::new().await;
    let recorded = async || {
        let path = "/account/audit?operation=set_statistic&limit=1";
        world.admin.get(path).await.expect(200).json()["counters"]["filter"]["total"].as_u64().unwrap()
    };
    let body = json!({"externalSystemId": "nobodys", "timestamp": TODAY, "items": []});
    world.bot.post(SET, body).await.expect(200);
    assert_eq!(recorded().await, 0);
    for at in 0..3 {
        world.put(TODAY + at, "a", json!(1)).await;
    }
    assert_eq!(recorded().await, 1);
    world.server.clock.advance(std::time::Duration::from_mins(1));
    world.put(TODAY, "a", json!(1)).await;
    assert_eq!(recorded().await, 2);
    assert_eq!(world.server.audit_findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_set_is_there_after_a_restart() {
    let world = World::new().await;
    world.put(TODAY, "a", json!(1)).await;
    let World { server, .. } = world;
    let server: TestServer = server.restarted().await;
    let admin = server.sign_in("admin", PASSWORD).await;
    let bot = server.sign_in("connector", PASSWORD).await;
    let world = World { server, admin, bot };
    assert_eq!(world.latest("").await, ["a|29e86b162||1"]);
    world.put(TODAY + 1, "a", json!(2)).await;
    assert_eq!(world.latest("").await, ["a|29e86b162||2"]);
}
