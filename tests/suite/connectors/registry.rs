//! External systems and merchants in the house API.

use serde_json::{Value, json};

use super::{MERCHANT, SYSTEM, TODAY, World};

const SYSTEMS: &str = "/comptoir/v1/connectors/systems";
const MERCHANTS: &str = "/comptoir/v1/connectors/merchants";

#[tokio::test]
async fn both_are_registered_renamed_disabled_and_enabled_and_nothing_is_lost() {
    let world = World::new().await;
    for path in [SYSTEMS, MERCHANTS] {
        let made = world.admin.post(path, json!({"id": "Склад №1", "name": "Склад"})).await.expect(200).json();
        assert_eq!(
            made,
            json!({"id": "Склад №1", "name": "Склад", "enabled": true, "created_at": "2026-03-02T10:00:00Z",
                   "edited_at": null})
        );
        let one = format!("{path}/%D0%A1%D0%BA%D0%BB%D0%B0%D0%B4%20%E2%84%961");
        assert_eq!(world.admin.get(&one).await.expect(200).json(), made);
        let renamed = world.admin.patch(&one, json!({"name": "Warehouse"})).await.expect(200).json();
        assert_eq!((&renamed["name"], &renamed["enabled"]), (&json!("Warehouse"), &json!(true)));
    }
    world.put(TODAY, "a", json!(1)).await;
    let one = format!("{SYSTEMS}/{SYSTEM}");
    world.admin.patch(&one, json!({"enabled": false})).await.expect(200);
    let answer = world.set(TODAY, json!([])).await;
    assert_eq!(answer["message"], "External system was not found by following externalSystemId: 29e86b162");
    assert_eq!(world.latest("").await, ["a|29e86b162||1"], "what it reported is still shown");
    world.admin.patch(&one, json!({"enabled": true})).await.expect(200);
    world.put(TODAY, "a", json!(2)).await;
}

#[tokio::test]
async fn a_code_is_taken_once_in_a_company() {
    let world = World::new().await;
    let answer = world.admin.post(SYSTEMS, json!({"id": SYSTEM})).await.expect(409).json();
    assert_eq!(answer["detail"], "there already is a registered external system `29e86b162`");
    let answer = world.admin.post(MERCHANTS, json!({"id": MERCHANT})).await.expect(409).json();
    assert_eq!(answer["detail"], "there already is a registered merchant `77624623f`");
    // A system and a merchant are two things.
    world.admin.post(MERCHANTS, json!({"id": SYSTEM})).await.expect(200);
}

#[tokio::test]
async fn codes_and_names_that_cannot_be_used_are_refused_by_field() {
    let world = World::new().await;
    for (body, faults) in [
        (json!({}), "id: is required"),
        (json!({"id": ""}), "id: must have at least 1 character"),
        (json!({"id": "a/b"}), "id: must not contain a slash, and be neither . nor .."),
        (json!({"id": "a\nb"}), "id: must not contain control characters"),
        (json!({"id": "a", "name": " x"}), "name: must not begin or end with a space"),
        (json!({"id": "a", "more": 1}), "more: is not a known field"),
    ] {
        let answer = world.admin.post(SYSTEMS, body).await.expect(400);
        assert!(answer.faults()[0].starts_with(faults.split(" (").next().unwrap()), "{:?}", answer.faults());
    }
    world.admin.get(&format!("{SYSTEMS}/absent")).await.expect(404);
    world.admin.patch(&format!("{MERCHANTS}/absent"), json!({"enabled": true})).await.expect(404);
}

#[tokio::test]
async fn lists_are_paged_by_code() {
    let world = World::new().await;
    for number in 0..5 {
        world.register("merchants", &format!("m{number}")).await;
    }
    let (mut codes, mut token) = (Vec::new(), None::<String>);
    loop {
        let more = token.map(|token| format!("&page_token={token}")).unwrap_or_default();
        let page = world.admin.get(&format!("{MERCHANTS}?limit=2{more}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        codes.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(codes, [MERCHANT, "m0", "m1", "m2", "m3", "m4"]);
    let other = world.admin.get(&format!("{SYSTEMS}?limit=1")).await.expect(200).json();
    assert_eq!(other["next_page_token"], Value::Null);
    world.admin.get(&format!("{SYSTEMS}?page_token=nonsense")).await.expect(400);
}
