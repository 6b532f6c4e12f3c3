//! `/comptoir/v1/parties`, binding, and for whom a caller may act.

use serde_json::{Value, json};

use super::{BUYER, OTHER_PRODUCER, PRODUCER, SCHEDULES, World, at, draft, gln};
use crate::support::{PASSWORD, api_token};

#[tokio::test]
async fn a_party_is_made_changed_disabled_and_found_by_number_or_gln() {
    let world = World::new().await;
    let body = json!({"gln": "4006381333931", "name": "Nord", "kind": "BOTH", "zone": "Europe/Berlin"});
    let made = world.admin.post("/comptoir/v1/parties", body.clone()).await.expect(200);
    insta::assert_snapshot!(made.shown(), @r#"
    200
    {
      "id": 500602,
      "gln": "4006381333931",
      "name": "Nord",
      "kind": "BOTH",
      "zone": "Europe/Berlin",
      "own_zone": true,
      "enabled": true,
      "created_at": "2026-03-02T10:00:00Z",
      "edited_at": null
    }
    "#);
    let taken = world.admin.post("/comptoir/v1/parties", body).await.expect(409);
    assert_eq!(taken.json()["detail"], "there already is a party with the GLN 4006381333931");
    let taken = json!({"id": 500_602, "gln": gln(7), "name": "x", "kind": "PRODUCER"});
    world.admin.post("/comptoir/v1/parties", taken).await.expect(409);
    for (body, fault) in [
        (json!({"gln": "4006381333932", "name": "x", "kind": "BOTH"}), "gln"),
        (json!({"gln": "123", "name": "x", "kind": "BOTH"}), "gln"),
        (json!({"gln": gln(8), "name": " ", "kind": "BOTH"}), "name"),
        (json!({"gln": gln(8), "name": "x", "kind": "KING"}), "kind"),
        (json!({"gln": gln(8), "name": "x", "kind": "BOTH", "zone": "Europe/Atlantis"}), "zone"),
        (json!({"gln": gln(8), "name": "x", "kind": "BOTH", "id": 0}), "id"),
        (json!({"gln": gln(8), "name": "x", "kind": "BOTH", "id": 1_000_000_000_000_i64}), "id"),
        (json!({"gln": gln(8), "name": "x", "kind": "BOTH", "typo": 1}), "typo"),
    ] {
        let answer = world.admin.post("/comptoir/v1/parties", body).await.expect(400);
        assert!(answer.faults()[0].starts_with(fault), "{:?}", answer.faults());
    }
    let path = "/comptoir/v1/parties/4006381333931";
    let changed = world.admin.patch(path, json!({"zone": null, "enabled": false})).await.expect(200).json();
    assert_eq!((&changed["zone"], &changed["own_zone"]), (&json!("Europe/Kyiv"), &json!(false)));
    world.admin.put("/comptoir/v1/parties-zone", json!({"zone": "Europe/Warsaw"})).await.expect(200);
    let seen = world.admin.get("/comptoir/v1/parties/500602").await.expect(200).json();
    assert_eq!((&seen["zone"], &seen["enabled"]), (&json!("Europe/Warsaw"), &json!(false)));
    let listed = format!("{SCHEDULES}?gln=4006381333931");
    world.admin.get(&listed).await.expect(404);
    world.admin.patch(path, json!({"enabled": true})).await.expect(200);
    world.admin.get(&listed).await.expect(200);
    world.admin.get("/comptoir/v1/parties/x").await.expect(400);
    world.admin.get("/comptoir/v1/parties/4242").await.expect(404);
    world.admin.put("/comptoir/v1/parties-zone", json!({"zone": "Warsaw"})).await.expect(400);
}

#[tokio::test]
async fn a_partner_sees_and_acts_for_the_parties_it_is_bound_to_and_no_other() {
    let world = World::new().await;
    let ids = async |client: &crate::support::Client| {
        let page = client.get("/comptoir/v1/parties").await.expect(200).json();
        page["items"].as_array().unwrap().iter().map(|party| party["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&world.seller).await, [PRODUCER]);
    assert_eq!(ids(&world.admin).await.len(), 4);
    world.seller.get(&format!("/comptoir/v1/parties/{PRODUCER}")).await.expect(200);
    world.seller.get(&format!("/comptoir/v1/parties/{OTHER_PRODUCER}")).await.expect(404);
    let mine = world.publish(draft("Mine", at("2026-04-01T12:00:00+03:00"))).await;
    let theirs = format!("{SCHEDULES}?gln={}", gln(OTHER_PRODUCER));
    let other = world.admin.post(&theirs, draft("Theirs", at("2026-04-01T12:00:00+03:00"))).await.expect(200).json();
    world.seller.get(&theirs).await.expect(404);
    world.seller.post(&theirs, draft("x", at("2026-04-02T12:00:00+03:00"))).await.expect(404);
    world.seller.delete(&format!("{theirs}&schedule_id={}", other["id"])).await.expect(404);
    world.seller.get(&format!("{SCHEDULES}?gln={}", gln(BUYER))).await.expect(404);
    world.buyer.get(SCHEDULES).await.expect(404);
    for id in [&mine["id"], &other["id"]] {
        let expected = if id == &mine["id"] { 200 } else { 404 };
        let exceptions = format!("/comptoir/v1/schedules/{id}/exceptions");
        assert_eq!(world.seller.get(&exceptions).await.status, expected);
        let put = world.seller.put(&format!("{exceptions}/2026-04-01"), json!({"kind": "SKIP"})).await;
        assert_eq!(put.status, expected);
        let feed = world.seller.post("/comptoir/v1/calendar-feeds", json!({"name": "x", "schedule_id": id})).await;
        assert_eq!(feed.status, expected);
    }
    for path in ["/comptoir/v1/parties", "/comptoir/v1/holidays/2026-01-01"] {
        let body = json!({"gln": gln(9), "name": "x", "kind": "BOTH"});
        let answer = if path.contains("holidays") {
            world.seller.put(path, json!({"name": "x"})).await
        } else {
            world.seller.post(path, body).await
        };
        assert_eq!(answer.status, 403);
    }
    let check =
        |producer: i64, buyer: i64| format!("/comptoir/v1/order-windows/check?producer={producer}&distributor={buyer}");
    world.buyer.get(&check(PRODUCER, BUYER)).await.expect(200);
    world.buyer.get(&check(PRODUCER, super::OTHER_BUYER)).await.expect(404);
    world.seller.get(&check(PRODUCER, super::OTHER_BUYER)).await.expect(200);
}

#[tokio::test]
async fn without_a_gln_a_caller_acts_for_the_only_party_it_is_bound_to() {
    let world = World::new().await;
    let unbound = world.server.user("north", "clerk", &["USER"]).await;
    let says = |answer: &crate::support::Answer| answer.json()["message"].as_str().unwrap().to_owned();
    let answer = unbound.get(SCHEDULES).await.expect(400);
    assert_eq!(says(&answer), "`gln` is required: you are bound to no party of your own");
    let named = format!("{SCHEDULES}?gln={}", gln(OTHER_PRODUCER));
    unbound.get(&named).await.expect(200);
    // As soon as it is bound, it is bound.
    world.bind("clerk", &[PRODUCER]).await;
    unbound.get(SCHEDULES).await.expect(200);
    unbound.get(&named).await.expect(404);
    world.bind("clerk", &[PRODUCER, OTHER_PRODUCER]).await;
    assert_eq!(
        says(&unbound.get(SCHEDULES).await.expect(400)),
        "`gln` is required: you may act for more than one party"
    );
    // A disabled one does not count.
    world.admin.patch(&format!("/comptoir/v1/parties/{OTHER_PRODUCER}"), json!({"enabled": false})).await.expect(200);
    unbound.get(SCHEDULES).await.expect(200);
    // An ADMIN may act for all, and a token cut down to PARTNER for what its owner is bound to.
    let both = world.server.user("north", "both", &["ADMIN", "PARTNER"]).await;
    world.bind("both", &[PRODUCER]).await;
    let (_, secret) = api_token(&both, json!({"name": "x", "role": "PARTNER"})).await;
    let days = format!("/api/distribex/distributor/schedules?gln={}", gln(BUYER));
    both.post(&days, json!([])).await.expect(200);
    world.server.bearing(&secret).post(&days, json!([])).await.expect(404);
    world.server.bearing(&secret).get(SCHEDULES).await.expect(200);
}

#[tokio::test]
async fn a_binding_holds_at_once_and_names_parties_of_the_company_alone() {
    let world = World::new().await;
    let path = "/comptoir/v1/users/seller/parties";
    let seen = world.admin.get(path).await.expect(200).json();
    assert_eq!(seen["items"][0]["id"], PRODUCER);
    world.seller.get(SCHEDULES).await.expect(200);
    let sid = world.sid("seller").await;
    world.admin.put(path, json!({"parties": [gln(OTHER_PRODUCER)]})).await.expect(200);
    let named = format!("{SCHEDULES}?gln={}", gln(PRODUCER));
    world.seller.get(&named).await.expect(404);
    super::with_authorization(&world.server, &sid, &named).await.expect(404);
    let refused = world.admin.put(path, json!({"parties": [PRODUCER.to_string(), "4242"]})).await.expect(400);
    assert_eq!(refused.faults(), ["parties: names 4242, which is no party of this company"]);
    world.admin.put(path, json!({"parties": ["x"]})).await.expect(400);
    let seen = world.admin.get(path).await.expect(200).json();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "nothing of what was refused has stuck");
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    world.server.sign_in("foreign", PASSWORD).await.put(path, json!({"parties": []})).await.expect(404);
    let own = json!({"parties": [PRODUCER.to_string()]});
    assert_eq!(foreign.put("/comptoir/v1/users/foreign/parties", own).await.status, 400, "it is another company's");
    assert_eq!(foreign.get("/comptoir/v1/parties").await.expect(200).json()["items"], Value::Array(vec![]));
}

#[tokio::test]
async fn a_zone_that_is_put_right_leaves_a_schedule_on_its_civil_days() {
    let world = World::new().await;
    let mut body = super::repeating(
        "Days",
        at("2026-04-01T12:00:00+03:00"),
        json!({"frequency": "DAILY", "interval": 1, "count": 3}),
    );
    body["distributors"] = json!([BUYER]);
    let made = world.publish(body).await;
    assert_eq!(made["dateEnd"], at("2026-04-03T00:00:00+03:00"));
    let path = format!("/comptoir/v1/parties/{PRODUCER}");
    world.admin.patch(&path, json!({"zone": "America/New_York"})).await.expect(200);
    let seen = world.seller.get(SCHEDULES).await.expect(200).json()[0].clone();
    assert_eq!(seen["dateStart"], made["dateStart"], "as it was sent");
    assert_eq!(seen["dateEnd"], at("2026-04-03T00:00:00-04:00"));
    assert_eq!(seen["dateClosest"], at("2026-04-01T00:00:00-04:00"));
}
