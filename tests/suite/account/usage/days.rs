//! Which day work counts for: the user's own, as it was when the work was reported.

use serde_json::json;

use super::{Cast, lines, started, statistics};

/// For each time zone: instants around its midnight, also at the ends of months, and the days they fall on.
const MIDNIGHTS: &[(i32, &[(&str, &str)])] = &[
    (
        -12,
        &[
            ("2026-02-28T11:59:59.999999Z", "2026-02-27"),
            ("2026-02-28T12:00:00Z", "2026-02-28"),
            ("2026-03-01T11:59:59.999999Z", "2026-02-28"),
            ("2026-03-01T12:00:00Z", "2026-03-01"),
        ],
    ),
    (
        0,
        &[
            ("2025-12-31T23:59:59.999999Z", "2025-12-31"),
            ("2026-01-01T00:00:00Z", "2026-01-01"),
            ("2026-02-28T23:59:59Z", "2026-02-28"),
            ("2026-03-01T02:00:00+02:00", "2026-03-01"),
        ],
    ),
    (
        3,
        &[
            ("2026-01-31T20:59:59.999999Z", "2026-01-31"),
            ("2026-01-31T21:00:00Z", "2026-02-01"),
            ("2024-02-29T23:30:00+03:00", "2024-02-29"),
            ("2024-03-01T00:00:00+03:00", "2024-03-01"),
        ],
    ),
    (
        12,
        &[
            ("2026-02-27T11:59:59.999999Z", "2026-02-27"),
            ("2026-02-27T12:00:00Z", "2026-02-28"),
            ("2026-02-28T11:59:59Z", "2026-02-28"),
            ("2026-02-28T12:00:00Z", "2026-03-01"),
        ],
    ),
];

#[tokio::test]
async fn work_counts_for_the_users_local_day_in_every_time_zone() {
    let cast = Cast::new().await;
    for (hours, instants) in MIDNIGHTS {
        let username = format!("at_{}", hours + 12);
        let user = cast.server.user("north", &username, &["USER"]).await;
        cast.live_at(&username, *hours).await;
        let mut expected = std::collections::BTreeMap::new();
        for (instant, day) in *instants {
            started(&cast.bot, json!({"username": username, "time": instant, "points_count": 1})).await;
            *expected.entry(*day).or_insert(0) += 1;
        }
        let expected: Vec<_> =
            expected.iter().map(|(day, count)| format!("{day} UNIVERSAL PLAN: {count} {count} {count} 0")).collect();
        assert_eq!(lines(&statistics(&user).await), expected, "{hours}");
        // The ends of a period are days of the same calendar, both included.
        for (_, day) in *instants {
            let one = user.get(&format!("/account/statistics?from={day}&to={day}")).await.expect(200).json();
            assert_eq!(one["dates"][0]["date"], *day);
            assert_eq!(one["dates"].as_array().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_later_change_of_time_zone_moves_nothing_and_late_elements_go_with_their_process() {
    let cast = Cast::new().await;
    cast.live_at("north_user", 3).await;
    let code = started(&cast.bot, json!({"time": "2026-02-28T22:00:00Z", "points": ["a"]})).await;
    cast.live_at("north_user", -12).await;
    super::finish(&cast.bot, code, 4).await.expect(200);
    // The same report again is still the same.
    cast.bot
        .post(super::PROCESSES, super::start(code, json!({"time": "2026-02-28T22:00:00Z", "points": ["a"]})))
        .await
        .expect(200);
    assert_eq!(lines(&statistics(&cast.user).await), ["2026-03-01 UNIVERSAL PLAN: 1 1 1 4"]);
}
