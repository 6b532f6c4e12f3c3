//! `POST /account/token/generation` and `/account/token/validation`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{Client, NOW, PASSWORD, TestServer, api_token};

const GENERATION: &str = "/account/token/generation";
const VALIDATION: &str = "/account/token/validation";

fn claims(jwt: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

async fn validity(client: &Client, token: &str) -> Value {
    client.post(VALIDATION, json!(token)).await.expect(200).json()
}

#[tokio::test]
async fn a_name_and_a_password_become_a_jwt_of_ids_that_says_how_long_it_lives() {
    let server = TestServer::start().await;
    let body = json!({"username": "operator", "password": PASSWORD, "ttl_seconds": 60});
    let answer = server.anonymous().post(GENERATION, body).await.expect(200);
    let jwt = answer.json().as_str().unwrap().to_owned();
    assert_eq!(answer.text(), format!("\"{jwt}\""), "the body is a JSON string");
    assert!((10..=900).contains(&jwt.len()), "{}", jwt.len());
    let claims = claims(&jwt);
    assert_eq!(claims["iat"], NOW.as_unix_seconds());
    assert_eq!(claims["exp"], NOW.as_unix_seconds() + 60);
    assert_eq!(claims["roles"], json!(["ADMIN"]));
    for id in ["sub", "company", "jti"] {
        assert!(uuid::Uuid::parse_str(claims[id].as_str().unwrap()).is_ok(), "{id}");
    }
}

#[tokio::test]
async fn a_token_without_a_wish_lives_for_a_day() {
    let server = TestServer::start().await;
    let jwt = server.jwt("operator", PASSWORD).await;
    assert_eq!(claims(&jwt)["exp"], NOW.as_unix_seconds() + 86_400);
}

#[tokio::test]
async fn the_bounds_of_ttl_seconds_are_a_minute_and_a_year() {
    let server = TestServer::start().await;
    for (ttl, status) in [(59, 400), (60, 200), (31_556_926, 200), (31_556_927, 400), (-1, 400), (0, 400)] {
        let body = json!({"username": "operator", "password": PASSWORD, "ttl_seconds": ttl});
        let answer = server.anonymous().post(GENERATION, body).await.expect(status);
        if status == 400 {
            assert_eq!(answer.faults(), ["ttl_seconds: must be an integer from 60 to 31556926"]);
        }
    }
}

#[tokio::test]
async fn a_token_is_accepted_until_the_second_it_expires() {
    let server = TestServer::start().await;
    let body = json!({"username": "operator", "password": PASSWORD, "ttl_seconds": 60});
    let answer = server.anonymous().post(GENERATION, body).await.expect(200).json();
    let client = server.bearing(answer.as_str().unwrap());
    client.get("/account/info").await.expect(200);
    server.clock.advance(Duration::from_secs(59));
    client.get("/account/info").await.expect(200);
    assert_eq!(validity(&server.anonymous(), client.credential()).await["valid"], true);
    server.clock.advance(Duration::from_secs(1));
    client.get("/account/info").await.expect(401);
    assert_eq!(validity(&server.anonymous(), client.credential()).await, json!({"valid": false, "roles": []}));
}

#[tokio::test]
async fn wrong_name_wrong_password_and_disabled_user_get_the_same_answer_to_the_byte() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.user("north", "present", &["USER"]).await;
    server.user("north", "disabled", &["USER"]).await;
    let operator = server.as_operator().await;
    operator.patch("/comptoir/v1/users/disabled", json!({"enabled": false})).await.expect(200);
    let passwordless = json!({"username": "machine", "company_key": "north", "roles": ["BOT"]});
    operator.post("/comptoir/v1/users", passwordless).await.expect(200);

    let mut bodies = Vec::new();
    for (username, password) in [
        ("nobody", PASSWORD),
        ("present", "another long password"),
        ("disabled", PASSWORD),
        ("disabled", "another long password"),
        ("machine", PASSWORD),
    ] {
        let answer =
            server.anonymous().post(GENERATION, json!({"username": username, "password": password})).await.expect(401);
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        let mut body = answer.text().to_owned();
        for id in ["process_code", "request_code"] {
            body = body.replace(answer.json()["tracedata"][id].as_str().unwrap(), id);
        }
        assert!(!body.contains(username), "{body}");
        bodies.push((headers, answer.header("www-authenticate").map(str::to_owned), body));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
}

#[tokio::test]
async fn a_disabled_companys_users_cannot_sign_in_until_it_is_enabled_again() {
    let server = TestServer::start().await;
    server.company("north").await;
    let user = server.user("north", "ivan", &["USER"]).await;
    let operator = server.as_operator().await;
    operator.patch("/comptoir/v1/companies/north", json!({"enabled": false})).await.expect(200);
    let body = json!({"username": "ivan", "password": PASSWORD});
    server.anonymous().post(GENERATION, body.clone()).await.expect(401);
    user.get("/account/info").await.expect(401);
    operator.patch("/comptoir/v1/companies/north", json!({"enabled": true})).await.expect(200);
    server.anonymous().post(GENERATION, body).await.expect(200);
}

#[tokio::test]
async fn a_username_signs_in_in_any_case() {
    let server = TestServer::start().await;
    for name in ["OPERATOR", "Operator"] {
        let client = server.sign_in(name, PASSWORD).await;
        assert_eq!(client.get("/account/info").await.expect(200).json()["username"], "operator");
    }
}

#[tokio::test]
async fn every_field_at_fault_is_named_once() {
    let server = TestServer::start().await;
    let body = json!({"username": "x", "password": "short", "ttl_seconds": "long"});
    let answer = server.anonymous().post(GENERATION, body).await.expect(400);
    let named: Vec<_> = answer.faults().iter().map(|fault| fault.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(named, ["username", "password", "ttl_seconds"], "{}", answer.shown());
    let answer = server.anonymous().post(GENERATION, json!({})).await.expect(400);
    assert_eq!(answer.faults(), ["username: is required", "password: is required"]);
    let answer = server.anonymous().post(GENERATION, json!({"username": null, "password": null})).await.expect(400);
    assert_eq!(answer.faults().len(), 2, "{}", answer.shown());
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let server = TestServer::start().await;
    let body = json!({"username": "operator", "password": PASSWORD, "remember_me": {"for": "ever"}});
    server.anonymous().post(GENERATION, body).await.expect(200);
}

#[tokio::test]
async fn guesses_are_slowed_after_five_failures_and_admitted_again_when_retry_after_has_passed() {
    let server = TestServer::start().await;
    let guess = json!({"username": "operator", "password": "a wrong password"});
    for _ in 0..5 {
        server.anonymous().post(GENERATION, guess.clone()).await.expect(401);
    }
    let refused = server.anonymous().post(GENERATION, guess.clone()).await.expect(429);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(wait, 1);
    // The right password has to wait as well, or waiting would tell it from a wrong one.
    let right = json!({"username": "operator", "password": PASSWORD});
    server.anonymous().post(GENERATION, right.clone()).await.expect(429);
    server.clock.advance(Duration::from_secs(wait));
    server.anonymous().post(GENERATION, guess).await.expect(401);
    let refused = server.anonymous().post(GENERATION, right.clone()).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("2"), "each further failure doubles the wait");
    server.clock.advance(Duration::from_secs(2));
    server.anonymous().post(GENERATION, right).await.expect(200);
}

#[tokio::test]
async fn a_name_that_is_not_there_is_throttled_like_one_that_is() {
    let server = TestServer::start().await;
    let guess = json!({"username": "nobody", "password": "a wrong password"});
    for _ in 0..5 {
        server.anonymous().post(GENERATION, guess.clone()).await.expect(401);
    }
    server.anonymous().post(GENERATION, guess).await.expect(429);
    // Others are not held up by it.
    server.jwt("operator", PASSWORD).await;
}

#[tokio::test]
async fn a_client_behind_an_untrusted_peer_cannot_escape_the_throttle_by_naming_another_address() {
    let server = TestServer::start().await;
    let guess = json!({"username": "operator", "password": "a wrong password"});
    let from = |address: &'static str| {
        let call = server.anonymous().call(Method::POST, GENERATION).json(&guess);
        call.header("x-forwarded-for", address).send()
    };
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"] {
        from(address).await.expect(401);
    }
    from("203.0.113.6").await.expect(429);
}

#[tokio::test]
async fn a_trusted_proxy_names_the_address_that_is_throttled() {
    let server =
        TestServer::start_with(|options| options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]).await;
    let guess = json!({"username": "operator", "password": "a wrong password"});
    let from = |address: &'static str| {
        let call = server.anonymous().call(Method::POST, GENERATION).json(&guess);
        call.header("x-forwarded-for", address).send()
    };
    for _ in 0..5 {
        from("198.51.100.9, 203.0.113.1").await.expect(401);
    }
    from("198.51.100.10, 203.0.113.1").await.expect(429);
    from("198.51.100.9, 203.0.113.2").await.expect(401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_five_are_tried_and_of_many_sign_ins_at_once_all_succeed() {
    let server = TestServer::start().await;
    let send = |password: &'static str| {
        let client = server.anonymous();
        async move { client.post(GENERATION, json!({"username": "operator", "password": password})).await.status }
    };
    let right = join_all((0..12).map(|_| send(PASSWORD))).await;
    assert!(right.iter().all(|status| *status == 200), "{right:?}");
    let wrong = join_all((0..12).map(|_| send("a wrong password"))).await;
    assert_eq!(wrong.iter().filter(|status| **status == 401).count(), 5, "{wrong:?}");
    assert_eq!(wrong.iter().filter(|status| **status == 429).count(), 7, "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_sixty_four_sign_ins_at_once_the_rest_are_told_when_to_come_back_and_others_are_served() {
    let server = TestServer::start().await;
    let signed_in = server.as_operator().await;
    let send = || {
        let client = server.anonymous();
        let body = json!({"username": "operator", "password": PASSWORD});
        tokio::spawn(async move { client.post(GENERATION, body).await })
    };
    let flood: Vec<_> = (0..96).map(|_| send()).collect();
    signed_in.get("/account/info").await.expect(200);
    let (mut admitted, mut refused) = (0, 0);
    for answer in join_all(flood).await {
        let answer = answer.unwrap();
        if answer.status == 200 {
            admitted += 1;
        } else {
            assert_eq!(answer.expect(429).header("retry-after"), Some("1"));
            refused += 1;
        }
    }
    assert!(admitted >= 64 && refused > 0, "{admitted} admitted, {refused} refused");
}

#[tokio::test]
async fn a_live_token_is_valid_and_says_its_roles_also_with_quotes_around_it() {
    let server = TestServer::start().await;
    server.company("north").await;
    let user = server.user("north", "olena", &["USER", "PARTNER"]).await;
    let jwt = user.credential();
    for given in [jwt.to_owned(), format!("\"{jwt}\"")] {
        assert_eq!(validity(&server.anonymous(), &given).await, json!({"valid": true, "roles": ["PARTNER", "USER"]}));
    }
    let (_, secret) = api_token(&user, json!({"name": "mine", "role": "USER"})).await;
    assert_eq!(validity(&server.anonymous(), &secret).await, json!({"valid": true, "roles": ["USER"]}));
}

#[tokio::test]
async fn a_token_that_is_bad_revoked_outdated_or_a_disabled_users_is_not_valid_and_no_error() {
    let server = TestServer::start().await;
    server.company("north").await;
    let (anonymous, operator) = (server.anonymous(), server.as_operator().await);
    let signed_out = server.user("north", "signed_out", &["USER"]).await;
    signed_out.post("/comptoir/v1/sign-out", Value::Null).await.expect(200);
    let changed = server.user("north", "changed", &["USER"]).await;
    changed
        .post("/account/password", json!({"current_password": PASSWORD, "new_password": "another long password"}))
        .await
        .expect(200);
    let disabled = server.user("north", "disabled", &["USER"]).await;
    operator.patch("/comptoir/v1/users/disabled", json!({"enabled": false})).await.expect(200);
    let live = server.jwt("operator", PASSWORD).await;
    let tampered = format!("{}A{}", &live[..live.len() / 2], &live[live.len() / 2 + 1..]);
    let unsigned = format!("{}.", &live[..live.rfind('.').unwrap()]);

    for token in [
        "not a token at all",
        "cmp_0000000000000000000000000000000000000000000",
        &tampered,
        &unsigned,
        signed_out.credential(),
        changed.credential(),
        disabled.credential(),
    ] {
        assert_eq!(validity(&anonymous, token).await, json!({"valid": false, "roles": []}), "{token}");
    }
    anonymous.post(VALIDATION, json!({"token": live})).await.expect(400);
    anonymous.post(VALIDATION, json!(17)).await.expect(400);
}

#[tokio::test]
async fn a_text_with_nul_is_no_valid_token_and_no_error() {
    let server = TestServer::start().await;
    let jwt = server.jwt("operator", PASSWORD).await;
    for text in ["\u{0}", "cmp_\u{0}", &format!("{jwt}\u{0}"), &format!("\"{jwt}\u{0}\"")] {
        let answer = server.anonymous().post(VALIDATION, json!(text)).await.expect(200);
        assert_eq!(answer.json(), json!({"valid": false, "roles": []}), "{text:?}");
    }
    server.anonymous().post(VALIDATION, json!(["\u{0}"])).await.expect(400);
}
