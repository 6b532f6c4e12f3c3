//! A full disk, as each contract says it.

use comptoir::store::StoreError;
use poem::http::Method;
use serde_json::{Value, json};

use crate::audience::{Format, company, post};
use crate::schedules::{draft, gln};
use crate::support::{Answer, Client, TestServer};

/// What a call that writes is answered once the file may not grow any more. Small writes find room in pages that are
/// there, so it takes some.
async fn refused<F: Future<Output = Answer>>(call: impl Fn(usize) -> F) -> Answer {
    for number in 0..5_000 {
        let answer = call(number).await;
        if answer.status == 507 {
            return answer;
        }
        assert!(answer.status < 300, "{}", answer.shown());
    }
    panic!("the file does not become full");
}

async fn limit(server: &TestServer, pages: &'static str) {
    server.store().write(move |tx| Ok::<_, StoreError>(tx.execute_batch(pages)?)).await.unwrap();
}

async fn full(server: &TestServer) {
    // No page may be added to the file any more.
    limit(server, "PRAGMA max_page_count = 1").await;
}

async fn freed(server: &TestServer) {
    limit(server, "PRAGMA max_page_count = 1073741823").await;
}

/// Nothing of the store's own words is shown.
fn says_so(text: &Value) {
    let text = text.as_str().unwrap();
    assert!(text.contains("full") && !text.to_lowercase().contains("sqlite"), "{text}");
}

async fn admin(server: &TestServer) -> Client {
    server.company("north").await;
    server.user("north", "olena", &["ADMIN"]).await
}

#[tokio::test]
async fn the_account_contract_says_it_as_all_its_failures() {
    let server = TestServer::start().await;
    let admin = admin(&server).await;
    full(&server).await;
    let body = |number| json!({"attributes": [{"key": "a", "value": format!("{number}{}", "x".repeat(1900))}]});
    let answer = refused(|number| admin.put("/account/info", body(number))).await.json();
    says_so(&answer["message"]);
    assert!(answer["tracedata"].is_object(), "{answer}");
    freed(&server).await;
    admin.put("/account/info", body(0)).await.expect(200);
}

#[tokio::test]
async fn the_house_says_it_as_a_problem() {
    let server = TestServer::start().await;
    let operator = server.as_operator().await;
    full(&server).await;
    let body = |number: usize| json!({"key": format!("company_{number}"), "name": "x".repeat(100)});
    let answer = refused(|number| operator.post("/comptoir/v1/companies", body(number))).await.json();
    assert_eq!(answer["status"], 507, "{answer}");
    says_so(&answer["detail"]);
    freed(&server).await;
    operator.post("/comptoir/v1/companies", body(9_999)).await.expect(200);
}

#[tokio::test]
async fn the_audience_says_it_in_its_envelope_in_both_formats() {
    for format in [Format::Json, Format::Xml] {
        let server = TestServer::start().await;
        let admin = company(&server, "north").await;
        full(&server).await;
        let rows = |number: usize| {
            let rows: Vec<_> = (0..20)
                .map(|row| json!({"matching": "email", "email": format!("{number}-{row}@example.com")}))
                .collect();
            json!({"db_id": 1, "data": rows})
        };
        let bodies: Vec<_> = (0..5_000).map(rows).collect();
        let answer = refused(|number| post(&admin, format, "profiles/import_batch", &bodies[number])).await;
        let answer = crate::audience::value(format, &answer);
        says_so(&answer["error_text"]);
        assert_ne!(answer["error"], 0, "{answer}");
        freed(&server).await;
        post(&admin, format, "profiles/import_batch", &bodies[0]).await.expect(200);
    }
}

#[tokio::test]
async fn order_schedules_say_it_as_all_their_failures() {
    let server = TestServer::start().await;
    let admin = admin(&server).await;
    let producer = json!({"id": 1, "gln": gln(1), "name": "A producer", "kind": "PRODUCER"});
    admin.post("/comptoir/v1/parties", producer).await.expect(200);
    full(&server).await;
    let path = format!("/api/distribex/producer/schedules?gln={}", gln(1));
    let body = |number: usize| {
        let day = 1_772_445_600 + 86_400 * i64::try_from(number).unwrap();
        draft(&format!("{number}{}", "x".repeat(80)), day)
    };
    let answer = refused(|number| admin.call(Method::POST, &path).json(&body(number)).send()).await;
    says_so(&answer.json()["message"]);
    freed(&server).await;
    admin.call(Method::POST, &path).json(&body(4_999)).send().await.expect(200);
}
