//! `POST /api/authorization/hash`, bare SIDs, Bearer and Basic.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::Method;
use serde_json::json;

use super::{BUYER, PRODUCER, SCHEDULES, World, gln, sign_in, with_authorization};
use crate::support::{PASSWORD, TestServer, api_token};

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

#[tokio::test]
async fn a_sid_is_a_uuid_that_is_sent_bare() {
    let world = World::new().await;
    let sid = world.sid("seller").await;
    assert!(uuid::Uuid::try_parse(&sid).is_ok());
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
    for (credential, why) in [
        (uuid::Uuid::new_v4().to_string(), "another UUID"),
        (sid.to_uppercase(), "another spelling is the same UUID"),
        (sid.replace('-', ""), "no hyphens"),
        (format!("Bearer {sid}"), "as a bearer"),
        (String::from("x"), "no UUID"),
    ] {
        let expected = if why.starts_with("another spelling") { 200 } else { 401 };
        let answer = with_authorization(&world.server, &credential, SCHEDULES).await;
        assert_eq!(answer.status, expected, "{why}");
        if expected == 401 {
            assert_eq!(answer.json()["code"], "UNAUTHORIZED");
        }
    }
    // Other contracts do not take it.
    with_authorization(&world.server, &sid, "/account/info").await.expect(401);
    let checked = format!("/comptoir/v1/order-windows/check?producer={PRODUCER}&distributor={BUYER}");
    with_authorization(&world.server, &sid, &checked).await.expect(200);
}

#[tokio::test]
async fn a_wrong_name_a_wrong_password_and_a_disabled_user_are_told_the_same() {
    let world = World::new().await;
    world.server.user("north", "gone", &["USER"]).await;
    world.admin.patch("/comptoir/v1/users/gone", json!({"enabled": false})).await.expect(200);
    let mut said = Vec::new();
    for (username, password) in
        [("seller", "a wrong password"), ("no_such_user", PASSWORD), ("gone", PASSWORD), ("no@body.example", PASSWORD)]
    {
        said.push(sign_in(&world.server, "", username, password).await.expect(401).shown());
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    let form = async |content_type: &str, body: &'static str| {
        let call = world.server.anonymous().call(Method::POST, "/api/authorization/hash");
        call.header("content-type", content_type).body(body).send().await
    };
    let urlencoded = "application/x-www-form-urlencoded";
    assert!(form(urlencoded, "username=seller").await.expect(400).text().contains("password"));
    assert!(form(urlencoded, "username=a&username=b&password=c").await.expect(400).text().contains("username"));
    assert_eq!(form(urlencoded, "").await.expect(400).json()["code"], "BAD_REQUEST");
    form("application/json", "{}").await.expect(415);
}

#[tokio::test]
async fn twenty_minutes_of_idleness_end_a_sid_and_use_does_not() {
    let world = World::new().await;
    let sid = world.sid("seller").await;
    for _ in 0..3 {
        world.server.clock.advance(Duration::from_secs(20 * 60 - 1));
        with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
    }
    world.server.clock.advance(Duration::from_mins(20));
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(401);
    // A session that was used a moment ago outlives what others do to identities.
    let sid = world.sid("seller").await;
    world.server.clock.advance(Duration::from_mins(19));
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
    let operator = world.server.as_operator().await;
    operator.post("/comptoir/v1/sign-out/everywhere", serde_json::Value::Null).await;
    world.server.clock.advance(Duration::from_mins(10));
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
}

#[tokio::test]
async fn a_sid_dies_with_the_password_the_user_and_its_roles_at_once() {
    let world = World::new().await;
    let root = world.server.as_operator().await;
    for (what, change) in [
        ("password", json!(null)),
        ("roles", json!({"roles": ["PARTNER", "USER"]})),
        ("enabled", json!({"enabled": false})),
    ] {
        let username = format!("victim_{what}");
        world.server.user("north", &username, &["PARTNER"]).await;
        world.bind(&username, &[PRODUCER]).await;
        let sid = world.sid(&username).await;
        let pair = basic(&username, PASSWORD);
        let (_, token) = api_token(&world.admin, json!({"name": "x", "role": "OWNER"})).await;
        with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
        with_authorization(&world.server, &pair, SCHEDULES).await.expect(200);
        let path = format!("/comptoir/v1/users/{username}");
        match what {
            "password" => {
                let body = json!({"new_password": "another long password"});
                root.put(&format!("{path}/password"), body).await.expect(200);
            }
            _ => {
                root.patch(&path, change).await.expect(200);
            }
        }
        with_authorization(&world.server, &sid, SCHEDULES).await.expect(401);
        // Basic is asked anew: right again where only the roles have changed.
        let expected = if what == "roles" { 200 } else { 401 };
        assert_eq!(with_authorization(&world.server, &pair, SCHEDULES).await.status, expected, "{what}");
        let listed = format!("{SCHEDULES}?gln={}", gln(PRODUCER));
        with_authorization(&world.server, &format!("Bearer {token}"), &listed).await.expect(200);
    }
}

#[tokio::test]
async fn a_sid_and_its_company_are_gone_together_and_a_sid_survives_a_restart_of_everything_but_the_file() {
    let world = World::new().await;
    let sid = world.sid("seller").await;
    let root = world.server.as_operator().await;
    root.patch("/comptoir/v1/companies/north", json!({"enabled": false})).await.expect(200);
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(401);
    root.patch("/comptoir/v1/companies/north", json!({"enabled": true})).await.expect(200);
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
    let again = world.server.restarted().await;
    with_authorization(&again, &sid, SCHEDULES).await.expect(200);
}

#[tokio::test]
async fn basic_is_hashed_once_and_remembered() {
    let world = World::new().await;
    let pair = basic("seller", PASSWORD);
    let before = world.server.hashes();
    for _ in 0..20 {
        with_authorization(&world.server, &pair, SCHEDULES).await.expect(200);
    }
    assert_eq!(world.server.hashes() - before, 1);
    // What happens to others costs no hash.
    world.server.user("north", "somebody", &["USER"]).await;
    world.admin.patch("/comptoir/v1/users/somebody", json!({"enabled": false})).await.expect(200);
    let before = world.server.hashes();
    with_authorization(&world.server, &pair, SCHEDULES).await.expect(200);
    assert_eq!(world.server.hashes(), before);
    // After some minutes it is asked anew, by the first of many at once.
    world.server.clock.advance(Duration::from_mins(5));
    let calls = (0..16).map(|_| {
        let (client, pair) = (world.server.anonymous(), pair.clone());
        tokio::spawn(
            async move { client.call(Method::GET, SCHEDULES).header("authorization", pair).send().await.status },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(world.server.hashes() - before, 1);
    for wrong in
        ["Basic", "Basic ", "Basic !!!", "Basic c2VsbGVy", &basic("seller", "wrong password"), &basic("sell", "er:x")]
    {
        let answer = with_authorization(&world.server, wrong, SCHEDULES).await.expect(401);
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert!(challenges.iter().any(|challenge| challenge.to_str().unwrap().starts_with("Basic ")), "{challenges:?}");
    }
}

#[tokio::test]
async fn refused_basic_credentials_are_throttled_like_sign_ins() {
    let world = World::new().await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let answer = with_authorization(&world.server, &basic("seller", "wrong password"), SCHEDULES).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_confirmed_email_stands_for_the_name_if_it_is_one_users_alone() {
    let world = World::new().await;
    let path = "/comptoir/v1/users/seller";
    let in_by = async |email: &str| sign_in(&world.server, "", email, PASSWORD).await.status;
    world.admin.patch(path, json!({"email": "Seller@example.com"})).await.expect(200);
    assert_eq!(in_by("seller@example.com").await, 401, "nobody has confirmed it");
    let seen = world.admin.patch(path, json!({"email_confirmed": true})).await.expect(200).json();
    assert_eq!(seen["email_confirmed"], true);
    assert_eq!(in_by("seller@example.com").await, 200);
    // Its owner changes it, and it is another address.
    world.seller.put("/account/info", json!({"email": "other@example.com"})).await.expect(200);
    assert_eq!(world.admin.get(path).await.expect(200).json()["email_confirmed"], false);
    assert_eq!(in_by("other@example.com").await, 401);
    let both = json!({"email": "shared@example.com", "email_confirmed": true});
    world.admin.patch(path, both.clone()).await.expect(200);
    assert_eq!(in_by("shared@example.com").await, 200);
    world.admin.patch("/comptoir/v1/users/buyer", both).await.expect(200);
    assert_eq!(in_by("shared@example.com").await, 401, "it is two users'");
    world.admin.patch("/comptoir/v1/users/buyer", json!({"enabled": false})).await.expect(200);
    assert_eq!(in_by("shared@example.com").await, 200, "of which one is enabled");
    let answer = world.admin.patch(path, json!({"email": null, "email_confirmed": true})).await.expect(400);
    assert!(answer.faults()[0].starts_with("email_confirmed"));
}

#[tokio::test]
async fn a_session_signed_in_for_a_party_acts_for_it_where_none_is_named() {
    let world = World::new().await;
    world.bind("seller", &[PRODUCER, super::OTHER_PRODUCER]).await;
    let sid = world.sid("seller").await;
    let answer = with_authorization(&world.server, &sid, SCHEDULES).await.expect(400);
    assert!(answer.text().contains("gln"), "it may act for two");
    let query = format!("?gln={}", gln(PRODUCER));
    let answer = sign_in(&world.server, &query, "seller", PASSWORD).await.expect(200);
    let sid = answer.json()["SID"].as_str().unwrap().to_owned();
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(200);
    let other = format!("{SCHEDULES}?gln={}", gln(super::OTHER_PRODUCER));
    with_authorization(&world.server, &sid, &other).await.expect(200);
    sign_in(&world.server, &format!("?gln={}", gln(BUYER)), "seller", PASSWORD).await.expect(404);
    sign_in(&world.server, "?gln=4820000000018", "seller", PASSWORD).await.expect(400);
    // Unbound later, it may not act for it any more.
    world.bind("seller", &[super::OTHER_PRODUCER]).await;
    with_authorization(&world.server, &sid, SCHEDULES).await.expect(404);
}

#[tokio::test]
async fn a_sid_is_nowhere_in_the_database_and_old_ones_are_cleared_away() {
    let server = TestServer::start().await;
    let world = World::over(server).await;
    let sid = world.sid("seller").await;
    let kept = |store: &comptoir::store::Store| {
        store
            .read(|conn| {
                let count: i64 = conn.query_row("SELECT count(*) FROM sids", [], |row| row.get(0))?;
                let shown: i64 = conn.query_row(
                    "SELECT count(*) FROM sids WHERE instr(lower(hex(secret_hash)), ?1) > 0",
                    [sid.replace('-', "")],
                    |row| row.get(0),
                )?;
                Ok::<_, comptoir::store::StoreError>((count, shown))
            })
            .unwrap()
    };
    assert_eq!(kept(world.server.store()), (1, 0));
    world.server.clock.advance(Duration::from_mins(30));
    world.sid("seller").await;
    assert_eq!(kept(world.server.store()).0, 1, "the old one is gone");
}
