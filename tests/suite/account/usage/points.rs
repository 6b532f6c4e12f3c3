//! Unique points, held against a set.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::{Cast, PROCESSES, lines, start, started, statistics};

/// A report: which day, whether of one type or another, which keys; no keys: only their number.
type Drawn = (usize, bool, Vec<u8>, Option<u8>);

/// What a day should have: processes, points, points that were only counted, and the set of the others.
type Seen = (usize, usize, usize, BTreeSet<u8>);

const DAYS: [&str; 3] = ["2026-02-28", "2026-03-01", "2026-03-02"];

#[tokio::test]
async fn unique_points_are_what_a_set_says() {
    let cast = Cast::new().await;
    let mut runner = TestRunner::deterministic();
    let reports = prop::collection::vec(
        (0..3usize, any::<bool>(), prop::collection::vec(0..30u8, 0..12), prop::option::of(0..5u8)),
        0..12,
    );
    for round in 0..8 {
        let drawn: Vec<Drawn> = reports.new_tree(&mut runner).unwrap().current();
        let username = format!("drawn_{round}");
        let user = cast.server.user("north", &username, &["USER"]).await;
        let mut expected: BTreeMap<(usize, &str), Seen> = BTreeMap::new();
        for (day, plan, keys, count) in &drawn {
            let process_type = if *plan { "PLAN" } else { "ROUTE" };
            let mut more = json!({
                "username": username, "process_type": process_type, "time": format!("{}T08:00:00Z", DAYS[*day]),
            });
            let cell = expected.entry((*day, process_type)).or_default();
            cell.0 += 1;
            if let Some(count) = count {
                more["points_count"] = json!(count);
                cell.1 += usize::from(*count);
                cell.2 += usize::from(*count);
            } else {
                more["points"] = keys.iter().map(|key| format!("point {key}")).collect();
                cell.1 += keys.len();
                cell.3.extend(keys);
            }
            started(&cast.bot, more).await;
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|((day, process_type), (processes, points, counted, keys))| {
                let unique = counted + keys.len();
                format!("{} UNIVERSAL {process_type}: {processes} {points} {unique} 0", DAYS[*day])
            })
            .collect();
        assert_eq!(lines(&statistics(&user).await), expected, "{drawn:?}");
    }
}

#[tokio::test]
async fn more_keys_than_one_transaction_takes_count_each_once() {
    let cast = Cast::new().await;
    let keys: Vec<_> = (0..25_000).map(|number| format!("point {}", number % 21_000)).collect();
    let code = started(&cast.bot, json!({"points": keys})).await;
    let expected = ["2026-03-02 UNIVERSAL PLAN: 1 25000 21000 0"];
    assert_eq!(lines(&statistics(&cast.user).await), expected);
    cast.bot.post(PROCESSES, start(code, json!({"points": keys}))).await.expect(200);
    assert_eq!(lines(&statistics(&cast.user).await), expected);
}
