//! Old values are removed or thinned, as the settings say.

use std::time::Duration;

use serde_json::{Value, json};

use super::{TODAY, World, of};

const DAY: i64 = 86_400;

/// How old the values of a series are, in seconds, oldest first.
async fn ages(world: &World, key: &str) -> Vec<i64> {
    let page = world.json(&of("series", key, "&from=0&limit=10000")).await;
    let age = |item: &Value| TODAY - super::at(item["at"].as_str().unwrap());
    page["items"].as_array().unwrap().iter().map(age).collect()
}

/// Has retention come round once more.
async fn run(world: &World) {
    // The first time somebody looks, it is only noted when the work is due.
    world.server.run_pending_tasks().await;
    world.server.clock.advance(Duration::from_hours(1));
    world.server.run_pending_tasks().await;
}

fn whole(world: &World) {
    let found = world.server.store().read(|conn| comptoir::connectors::service::consistency(conn)).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn everything_is_kept_unless_somebody_says_otherwise() {
    let world = World::new().await;
    for age in [0, 400 * DAY, 4_000 * DAY] {
        world.put(TODAY - age, "a", json!(1)).await;
    }
    run(&world).await;
    assert_eq!(ages(&world, "a").await, [4_000 * DAY, 400 * DAY, 0]);
}

#[tokio::test]
async fn values_past_their_time_go_and_the_newest_of_a_series_stays() {
    let world = World::with(|options| options.connectors.retention = Some(Duration::from_hours(30 * 24))).await;
    for age in [0, 30 * DAY - 3_600, 30 * DAY - 3_599, 90 * DAY] {
        world.put(TODAY - age, "a", json!(1)).await;
    }
    for age in [50 * DAY, 60 * DAY] {
        world.put(TODAY - age, "old", json!(age)).await;
    }
    run(&world).await;
    assert_eq!(ages(&world, "a").await, [30 * DAY - 3_600, 0], "an hour has passed");
    assert_eq!(ages(&world, "old").await, [50 * DAY]);
    assert_eq!(world.latest("").await.len(), 2);
    whole(&world);
}

#[tokio::test]
async fn more_than_one_slice_is_removed() {
    let world = World::with(|options| options.connectors.retention = Some(Duration::from_hours(24))).await;
    let store = world.server.store();
    for key in ["a", "b"] {
        world.put(TODAY, key, json!(1)).await;
    }
    let filled = store.write(|tx| {
        tx.execute(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
             INSERT INTO connector_values (series_id, at, kind, number)
             SELECT s.id, s.latest_at - 100000 - n.n, 2, n.n FROM n, connector_series s",
            [],
        )?;
        Ok::<_, comptoir::store::StoreError>(())
    });
    filled.await.unwrap();
    run(&world).await;
    for key in ["a", "b"] {
        assert_eq!(ages(&world, key).await, [0]);
    }
    whole(&world);
}

#[tokio::test]
async fn older_values_are_thinned_to_the_last_of_each_span_and_newer_ones_stay() {
    let world = World::with(|options| {
        options.connectors.thin_after = Some(Duration::from_hours(7 * 24));
        options.connectors.thin_to = Duration::from_hours(1);
    })
    .await;
    // TODAY is at ten sharp.
    let (old, new) = (8 * DAY, DAY);
    for minutes in [0, 20, 59, 60, 61, 119, 180] {
        world.put(TODAY - old + minutes * 60, "a", json!(minutes)).await;
        world.put(TODAY - new + minutes * 60, "a", json!(minutes)).await;
    }
    run(&world).await;
    let kept: Vec<_> = ages(&world, "a")
        .await
        .into_iter()
        .map(|age| (age > 7 * DAY, (if age > 7 * DAY { old } else { new } - age) / 60))
        .collect();
    assert_eq!(
        kept,
        [
            (true, 59),
            (true, 119),
            (true, 180),
            (false, 0),
            (false, 20),
            (false, 59),
            (false, 60),
            (false, 61),
            (false, 119),
            (false, 180)
        ]
    );
    // What comes late is thinned with what is there, the next time.
    world.put(TODAY - old + 30 * 60, "a", json!(30)).await;
    run(&world).await;
    let first = ages(&world, "a").await[0];
    assert_eq!((old - first) / 60, 59);
    whole(&world);
}

#[tokio::test]
async fn thinning_goes_in_slices_too() {
    let world = World::with(|options| {
        options.connectors.thin_after = Some(Duration::from_hours(24));
        options.connectors.thin_to = Duration::from_mins(1);
    })
    .await;
    world.put(TODAY, "a", json!(1)).await;
    let filled = world.server.store().write(|tx| {
        tx.execute(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 5999)
             INSERT INTO connector_values (series_id, at, kind, number)
             SELECT s.id, s.latest_at - 200000 + n.n, 2, n.n FROM n, connector_series s",
            [],
        )?;
        Ok::<_, comptoir::store::StoreError>(())
    });
    filled.await.unwrap();
    run(&world).await;
    let ages = ages(&world, "a").await;
    // 6000 seconds of a value each: the last of every minute, and of the minutes at both ends.
    assert_eq!(ages.len(), 102, "{ages:?}");
    let instants: Vec<_> = ages.iter().map(|age| TODAY - age).collect();
    assert!(instants[..101].windows(2).all(|pair| pair[0].div_euclid(60) < pair[1].div_euclid(60)));
    assert!(instants[..100].iter().all(|at| at % 60 == 59));
    whole(&world);
}
