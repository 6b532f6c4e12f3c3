//! `GET /account/audit`: the period, the filters, every order and any page, who sees what, and what is refused.

use comptoir::audit::actions::{self, Tally};
use comptoir::audit::model::{CalculationStatus, NewAction, NewRequest, Opened, Outcome, ProcessType, Service, Told};
use comptoir::auth::AuthError;
use comptoir::auth::model::{CompanyId, Scope, User};
use comptoir::auth::users;
use comptoir::clock::Timestamp;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

use super::{audit, totals};
use crate::support::{Client, NOW, TestServer};

/// Fields to sort by, and where a list shows them.
const SORTS: [(&str, &str); 7] = [
    ("time", "/time"),
    ("username", "/username"),
    ("service", "/service"),
    ("process_type", "/process_type"),
    ("operation", "/requests/0/operation"),
    ("statistics.calculation_info.status", "/statistics/calculation_info/status"),
    ("statistics.request_points_count", "/statistics/request_points_count"),
];

fn user(server: &TestServer, username: &str) -> User {
    let found = server.store().read(|conn| users::find(conn, Scope::Installation, username));
    found.unwrap_or_else(|error: AuthError| panic!("{error}"))
}

/// An action of `user` that began at `at`; `number` decides the rest of it.
fn action(user: &User, number: u64, at: Timestamp) -> (NewAction, NewRequest) {
    // A fixed sequence that looks like none.
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pick = |shift: u32, of: usize| usize::try_from(mixed >> shift & 0xffff).unwrap() % of;
    let operation = ["run_plan_calculation", "read_result", "convert_data"][pick(3, 3)];
    let time = Told { at, offset_minutes: 0 };
    let action = NewAction {
        company: user.company_id,
        user: Some(user.id),
        username: user.username.to_string(),
        process: Uuid::from_u64_pair(mixed, number),
        service: Service::ALL[pick(7, 3)],
        process_type: ProcessType::ALL[2 + pick(11, 3)],
        operation: operation.to_owned(),
        time,
        points: u32::try_from(pick(17, 40)).unwrap(),
        outcome: Outcome::of(CalculationStatus::ALL[pick(23, 8)]),
    };
    let request = Uuid::from_u64_pair(number, mixed);
    let (env, pod) = ("edge7".to_owned(), "pod".to_owned());
    (action, NewRequest { request, operation: operation.to_owned(), env, pod, time })
}

async fn record(server: &TestServer, actions: Vec<(NewAction, NewRequest)>) {
    let recorded = server.store().write(move |tx| {
        let mut tally = Tally::default();
        for (action, request) in &actions {
            let Opened::New(id) = actions::open(tx, action, &mut tally)? else { panic!("known: {action:?}") };
            actions::attach(tx, action.company, id, request)?;
        }
        tally.write(tx)
    });
    recorded.await.unwrap();
}

/// A company whose two users did 1 300 things in the ten days before now, and its ADMIN.
async fn busy() -> (TestServer, Client) {
    let server = TestServer::start().await;
    server.company("north").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    server.user("north", "petro", &["USER"]).await;
    let both = [user(&server, "olena"), user(&server, "petro")];
    let day = Duration::from_hours(24);
    let all = (0..1300_u64).map(|number| {
        let back = Duration::from_secs(number * 7919 % (10 * 24 * 3600) / 60 * 60);
        action(&both[usize::from(number % 3 == 0)], number, NOW.minus(back.min(day * 10)))
    });
    record(&server, all.collect()).await;
    server.flush_journal().await;
    (server, admin)
}

/// The contract's place of a word in its enumeration, else the value itself: what a list is sorted by.
fn key(action: &Value, pointer: &str) -> (u64, String) {
    let value = action.pointer(pointer).unwrap();
    let word = value.as_str().unwrap_or_default();
    let place = match pointer {
        "/service" => Service::parse(word).map(Service::code),
        "/process_type" => ProcessType::parse(word).map(ProcessType::code),
        "/statistics/calculation_info/status" => CalculationStatus::parse(word).map(CalculationStatus::code),
        _ => None,
    };
    match place {
        Some(code) => (code.into(), String::new()),
        None => (value.as_u64().unwrap_or_default(), word.to_owned()),
    }
}

fn codes(actions: &[Value]) -> Vec<&str> {
    actions.iter().map(|action| action["process_code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_order_filter_and_page_is_what_sorting_by_hand_gives() {
    let (_server, admin) = busy().await;
    let period = "from=2026-02-22T13:30:00Z&to=2026-03-02T08:15:00Z";
    let all = audit(&admin, "?from=2026-01-01T00:00:00Z&limit=10000000").await;
    let all = all["actions"].as_array().unwrap();
    assert_eq!(all.len(), 1302, "and two sign-ins");
    let within = |action: &&Value| {
        let time = action["time"].as_str().unwrap();
        ("2026-02-22T13:30:00+00:00"..="2026-03-02T08:15:00+00:00").contains(&time)
    };
    let overall = all.iter().filter(within).count();
    for (filter, passes) in [
        ("", &(|_: &Value| true) as &dyn Fn(&Value) -> bool),
        ("&service=ROUTING", &|action| action["service"] == "ROUTING"),
        ("&service=UNIVERSAL&status=FAILED&process_type=PLAN", &|action| {
            action["service"] == "UNIVERSAL"
                && action["process_type"] == "PLAN"
                && action["statistics"]["calculation_info"]["status"] == "FAILED"
        }),
        ("&operation=convert_data&status=WAITING", &|action| {
            action["requests"][0]["operation"] == "convert_data"
                && action["statistics"]["calculation_info"]["status"] == "WAITING"
        }),
        ("&service=AGRO", &|action| action["service"] == "AGRO"),
    ] {
        let mut expected: Vec<Value> = all.iter().filter(within).filter(|action| passes(action)).cloned().collect();
        for (field, pointer) in SORTS {
            expected.sort_by_key(|action| (key(action, pointer), action["process_code"].to_string()));
            for (direction, descending) in [("ASC", false), ("DESC", true)] {
                let mut expected = expected.clone();
                if descending {
                    expected.reverse();
                }
                for (offset, limit) in [(0, 1), (37, 20), (expected.len().saturating_sub(3), 5), (2000, 5)] {
                    let query = format!(
                        "?{period}{filter}&sort_field={field}&sort_direction={direction}&offset={offset}&limit={limit}"
                    );
                    let page = audit(&admin, &query).await;
                    let end = (offset + limit).min(expected.len());
                    let wanted = expected.get(offset..end).unwrap_or_default();
                    assert_eq!(codes(page["actions"].as_array().unwrap()), codes(wanted), "{query}");
                    assert_eq!(totals(&page), (overall as u64, expected.len() as u64), "{query}");
                }
            }
        }
    }
}

#[tokio::test]
async fn without_a_word_on_the_period_it_is_the_callers_day_until_now() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.user("north", "olena", &["ADMIN"]).await;
    let olena = user(&server, "olena");
    let at = |text: &str| Timestamp::from_rfc3339(text).unwrap();
    let times = [
        "2026-03-01T12:00:00Z",
        "2026-03-01T21:59:59.999999Z",
        "2026-03-01T22:00:00Z",
        "2026-03-02T00:00:00Z",
        "2026-03-02T10:00:00Z",
        "2026-03-02T10:00:00.000001Z",
    ];
    record(&server, (0..).zip(times).map(|(number, time)| action(&olena, number, at(time))).collect()).await;
    let operator = server.as_operator().await;
    for (timezone, first, offset) in [
        (0, "2026-03-02T00:00:00+00:00", 3),
        (2, "2026-03-02T00:00:00+02:00", 2),
        (-12, "2026-03-01T00:00:00-12:00", 0),
        (12, "2026-03-02T00:00:00+12:00", 0),
    ] {
        operator.patch("/comptoir/v1/users/olena", serde_json::json!({"timezone": timezone})).await.expect(200);
        let olena = server.sign_in("olena", crate::support::PASSWORD).await;
        let found = audit(&olena, "?service=UNIVERSAL").await;
        let everything = audit(&olena, "?from=2026-03-01T00:00:00Z&to=2026-03-03T00:00:00Z").await;
        let known = everything["actions"].as_array().unwrap();
        let services = known.iter().filter(|action| action["process_type"] != "NOTRACE");
        let expected: Vec<_> = services
            .map(|action| action["time"].as_str().unwrap())
            .skip(offset)
            .take(times.len() - offset - 1)
            .collect();
        let day = audit(&olena, "").await;
        let seen: Vec<_> = day["actions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|action| action["process_type"] != "NOTRACE")
            .map(|action| action["time"].as_str().unwrap())
            .collect();
        assert_eq!(seen, expected, "at {timezone}");
        assert!(seen.iter().all(|time| *time >= first || timezone != 0), "{seen:?}");
        assert_eq!(totals(&found).0, totals(&day).0);
    }
}

#[tokio::test]
async fn both_ends_belong_to_the_period_and_are_read_in_every_spelling() {
    let server = TestServer::start().await;
    server.company("north").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    let olena = user(&server, "olena");
    let at = |second: i64| Timestamp::from_unix_seconds(1_732_170_600 + second);
    record(&server, (0..5).map(|number| action(&olena, number, at(i64::try_from(number).unwrap()))).collect()).await;
    for (from, to) in [
        ("2024-11-21T06:30:01Z", "2024-11-21T06:30:03Z"),
        ("2024-11-21T06:30:01", "2024-11-21T06:30:03"),
        ("2024-11-21T09:30:01%2B03:00", "2024-11-21T09:30:03%2B0300"),
        ("2024-11-21T09:30:01.000000+0300", "2024-11-21T09:30:03 03:00"),
    ] {
        let found = audit(&admin, &format!("?from={from}&to={to}").replace(' ', "%20")).await;
        assert_eq!(totals(&found), (3, 3), "{from} {to}");
    }
    let one = audit(&admin, "?from=2024-11-21T06:30:04Z&to=2024-11-21T06:30:04Z").await;
    assert_eq!(one["actions"][0]["time"], "2024-11-21T06:30:04+00:00");
    // Only the default makes this one upside down.
    assert_eq!(totals(&audit(&admin, "?from=2030-01-01T00:00:00Z").await), (0, 0));
}

#[tokio::test]
async fn a_long_answer_is_a_stream_and_whole() {
    let (_server, admin) = busy().await;
    let path = "/account/audit?from=2026-01-01T00:00:00Z&limit=10000000&sort_field=operation";
    let answer = admin.get(path).await.expect(200);
    assert_eq!(answer.header("content-length"), None);
    let whole = answer.json();
    assert_eq!(whole["actions"].as_array().unwrap().len(), 1302);
    let mut paged = Vec::new();
    for offset in (0..1400).step_by(400) {
        let page = audit(&admin, &format!("{}&offset={offset}", &path[14..].replace("10000000", "400"))).await;
        paged.extend(page["actions"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(codes(&paged), codes(whole["actions"].as_array().unwrap()));
    let short = admin.get("/account/audit?limit=10").await.expect(200);
    assert_eq!(short.header("content-length"), Some(short.body.len().to_string().as_str()));
}

#[tokio::test]
async fn an_admin_sees_the_company_and_everybody_else_themselves() {
    let server = TestServer::start().await;
    server.company("north").await;
    server.company("south").await;
    let admin = server.user("north", "olena", &["ADMIN"]).await;
    let foreign = server.user("south", "foreign", &["ADMIN"]).await;
    let mut others = Vec::new();
    for (username, roles) in [("petro", &["USER"][..]), ("pavlo", &["PARTNER"]), ("machine", &["BOT"]), ("nobody", &[])]
    {
        others.push((username, server.user("north", username, roles).await));
    }
    for (number, (username, _)) in others.iter().enumerate() {
        record(&server, vec![action(&user(&server, username), number as u64, NOW)]).await;
    }
    let of = |found: &Value| {
        let actions = found["actions"].as_array().unwrap();
        let mut names: Vec<_> = actions.iter().map(|action| action["username"].as_str().unwrap().to_owned()).collect();
        names.dedup();
        names
    };
    for (username, client) in &others {
        let found = audit(client, "?sort_field=username").await;
        assert_eq!(of(&found), [*username]);
        // The sign-in and what was reported.
        assert_eq!(totals(&found), (2, 2));
    }
    let found = audit(&admin, "?sort_field=username").await;
    assert_eq!(of(&found), ["machine", "nobody", "olena", "pavlo", "petro"]);
    assert_eq!(of(&audit(&foreign, "?sort_field=username").await), ["foreign"]);
    assert_ne!(user(&server, "olena").company_id, CompanyId(1));
    // An action of the operator in another company's name is its own company's.
    let operator = audit(&server.as_operator().await, "?operation=create_user").await;
    assert_eq!(totals(&operator).1, 6);
    server.anonymous().get("/account/audit").await.expect(401);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_by_the_parameters_name() {
    let server = TestServer::start().await;
    let admin = server.as_operator().await;
    let sorts = "time, username, service, process_type, operation, statistics.calculation_info.status, \
                 statistics.request_points_count";
    for (query, fault) in [
        ("from=2026-03-02T00:00:01Z&to=2026-03-02T00:00:00Z", "from: must not be after `to`".to_owned()),
        ("from=yesterday", "from: must be a date and a time, such as 2024-11-21T09:30:00+03:00".to_owned()),
        ("to=", "to: must be a date and a time, such as 2024-11-21T09:30:00+03:00".to_owned()),
        ("sort_field=name", format!("sort_field: must be one of {sorts}")),
        ("sort_field=", "sort_field: must have at least 1 characters".to_owned()),
        ("limit=0", "limit: must be at least 1".to_owned()),
        ("limit=10000001", "limit: must be at most 10000000".to_owned()),
        ("offset=-1", "offset: must be a whole number".to_owned()),
        ("offset=10000001", "offset: must be at most 10000000".to_owned()),
        ("operation=ab", "operation: must have at least 3 characters".to_owned()),
        ("service=universal", "service: must be one of UNIVERSAL, ROUTING, ACCOUNT, ADMIN, STUDIO, MONITOR, PACKER, AGRO".to_owned()),
        ("process_type=X", "process_type: must be one of NOTRACE, TRACE, PLAN, ACTUALIZE, CONVERT, VALIDATE, ROUTE, MATRIX".to_owned()),
        ("status=DONE", "status: must be one of WAITING, IN_PROGRESS, FINISHED_IN_TIME, FINISHED_OUT_OF_TIME, CANCELED, CANCELED_BY_TIMEOUT, CANCELED_BY_QUOTA, FAILED".to_owned()),
    ] {
        let refused = admin.get(&format!("/account/audit?{query}")).await.expect(400);
        assert_eq!(refused.faults(), [fault], "{query}");
    }
    let refused = admin.get("/account/audit?sort_direction=UP").await.expect(400);
    assert!(refused.faults()[0].starts_with("sort_direction: "), "{}", refused.shown());
}
