//! `/account/report`: the workbook, read back with a reader that did not write it.

use std::io::Cursor;

use calamine::{Data, DataType, Range, Reader, Xlsx};
use poem::http::Method;
use serde_json::json;

use super::{Cast, finish, lines, started, statistics};
use crate::support::{Answer, Client};

const ALL: &str = "/account/report?from=2020-01-01&to=2026-12-31";

async fn report(client: &Client, language: &str) -> Answer {
    client.call(Method::GET, ALL).header("accept-language", language).send().await.expect(200)
}

fn workbook(answer: &Answer) -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(answer.body.to_vec())).unwrap()
}

fn sheet(answer: &Answer, name: &str) -> Range<Data> {
    workbook(answer).worksheet_range(name).unwrap()
}

/// A cell as text; dates as they are written in the contract.
fn text(cell: &Data) -> String {
    match cell {
        Data::DateTime(at) => at.as_datetime().unwrap().date().to_string(),
        other => other.as_string().unwrap_or_default(),
    }
}

fn rows(range: &Range<Data>) -> Vec<Vec<String>> {
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

/// Five rows above the column names.
const NAMES: usize = 5;

async fn used() -> Cast {
    let cast = Cast::new().await;
    for (more, elements) in [
        (json!({"points": ["a", "b", "a"]}), 7),
        (json!({"points": ["a"], "time": "2026-02-27T23:59:59Z"}), 1),
        (json!({"points_count": 1_234_567, "service": "AGRO", "process_type": "MATRIX"}), 0),
        (json!({"points_count": 10, "username": "north_admin", "time": "2026-02-28T00:00:00Z"}), 2),
    ] {
        let code = started(&cast.bot, more).await;
        finish(&cast.bot, code, elements).await.expect(200);
    }
    cast
}

#[tokio::test]
async fn the_days_of_a_report_are_those_of_the_statistic() {
    let cast = used().await;
    let answer = report(&cast.user, "en").await;
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"usage_2020-01-01_2026-12-31.xlsx\""));
    let days = rows(&sheet(&answer, "Days"));
    assert_eq!(
        days[NAMES],
        ["Date", "Service", "Process type", "Processes", "Points", "Unique points a day", "Elements"]
    );
    let read: Vec<_> = days[NAMES + 1..]
        .iter()
        .map(|row| format!("{} {} {}: {} {} {} {}", row[0], row[1], row[2], row[3], row[4], row[5], row[6]))
        .collect();
    assert_eq!(read, lines(&statistics(&cast.user).await));
    assert_eq!(read.len(), 3);
    assert_eq!(days[0][0], "Usage report");
    assert_eq!(days[1][..3], ["Period", "2020-01-01", "2026-12-31"]);
    assert_eq!((days[2][1].as_str(), days[3][1].as_str()), ("north", "north_user"));
}

#[tokio::test]
async fn the_summary_adds_up_and_has_the_points_of_each_day_for_its_chart() {
    let cast = used().await;
    let answer = report(&cast.user, "en").await;
    assert_eq!(workbook(&answer).sheet_names(), ["Summary", "Days"]);
    let summary = rows(&sheet(&answer, "Summary"));
    let totals: Vec<_> = summary[NAMES + 1..].iter().map(|row| row[..6].join(" ").trim().to_owned()).collect();
    assert_eq!(totals, ["UNIVERSAL PLAN 2 4 3 8", "AGRO MATRIX 1 1234567 1234567 0", "Total  3 1234571 1234570 8", ""]);
    let daily: Vec<_> = summary[NAMES..].iter().map(|row| row[21..].join(" ")).collect();
    assert_eq!(daily, ["Date Points", "2026-02-27 1", "2026-02-28 0", "2026-03-01 0", "2026-03-02 1234570"]);
}

#[tokio::test]
async fn an_admin_gets_every_user_of_the_company_and_one_column_more() {
    let cast = used().await;
    cast.server.company("south").await;
    let south = cast.server.user("south", "south_admin", &["ADMIN"]).await;
    started(&south, json!({"username": "south_admin", "points_count": 5})).await;
    let answer = report(&cast.admin, "en").await;
    let days = rows(&sheet(&answer, "Days"));
    assert_eq!(days[NAMES][..3], ["Date", "User", "Service"]);
    assert_eq!(days[3][1], "all users");
    let read: Vec<_> = days[NAMES + 1..].iter().map(|row| row.join(" ")).collect();
    assert_eq!(
        read,
        [
            "2026-02-27 north_user UNIVERSAL PLAN 1 1 1 1",
            "2026-02-28 north_admin UNIVERSAL PLAN 1 10 10 2",
            "2026-03-02 north_user UNIVERSAL PLAN 1 3 2 7",
            "2026-03-02 north_user AGRO MATRIX 1 1234567 1234567 0",
        ]
    );
    let filtered = cast.admin.get(&format!("{ALL}&service=AGRO")).await.expect(200);
    assert_eq!(rows(&sheet(&filtered, "Days")).len(), NAMES + 2);
    assert_eq!(rows(&sheet(&report(&south, "en").await, "Days")).len(), NAMES + 2);
}

#[tokio::test]
async fn labels_are_in_the_language_that_is_preferred() {
    let cast = used().await;
    for (preferred, code, title, date) in [
        ("uk, en;q=0.5", "uk", "Звіт про використання", "Дата"),
        ("ru-RU", "ru", "Отчёт об использовании", "Дата"),
        ("de", "en", "Usage report", "Date"),
    ] {
        let answer = report(&cast.user, preferred).await;
        assert_eq!(answer.header("content-language"), Some(code));
        for name in ["Summary", "Days"] {
            assert_eq!(text(sheet(&answer, name).get((0, 0)).unwrap()), title);
        }
        assert_eq!(text(sheet(&answer, "Days").get((NAMES, 0)).unwrap()), date);
    }
}

#[tokio::test]
async fn a_period_without_usage_is_a_report_that_says_so() {
    let cast = Cast::new().await;
    let answer = report(&cast.user, "en").await;
    let summary = rows(&sheet(&answer, "Summary"));
    assert_eq!(summary[NAMES + 1][0], "Nothing was used in this period.");
    assert_eq!(rows(&sheet(&answer, "Days")).len(), NAMES + 1);
    // On the first of a month the default period has no day at all.
    cast.live_at("north_user", -12).await;
    cast.server.clock.set(comptoir::clock::Timestamp::from_rfc3339("2026-03-02T11:00:00Z").unwrap());
    cast.user.get("/account/report").await.expect(200);
}
