//! A series raw, by buckets, and beside another merchant's.

use serde_json::{Value, json};

use super::{MERCHANT, TODAY, World, at, of};

#[tokio::test]
async fn a_series_is_read_oldest_first_between_two_instants_and_paged() {
    let world = World::new().await;
    for minute in 0..7 {
        world.put(TODAY - 60 * minute, "a", json!(minute)).await;
    }
    let values = async |more: &str| {
        let page = world.json(&of("series", "a", more)).await;
        page["items"].as_array().unwrap().iter().map(|item| item["value"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(values("").await, [6, 5, 4, 3, 2, 1, 0], "the last day, this very second included");
    assert_eq!(values(&format!("&from={}&to={}", TODAY - 180, TODAY)).await, [3, 2, 1]);
    assert_eq!(values("&from=2026-03-02T09:58:00Z").await, [2, 1, 0]);
    assert_eq!(values(&format!("&to={}", TODAY - 360)).await, [0; 0]);
    let (mut all, mut token) = (Vec::new(), None::<String>);
    loop {
        let more = token.map(|token| format!("&page_token={token}")).unwrap_or_default();
        let page = world.json(&of("series", "a", &format!("&limit=3{more}"))).await;
        all.extend(page["items"].as_array().unwrap().iter().map(|item| item["value"].as_i64().unwrap()));
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(all, [6, 5, 4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_told() {
    let world = World::new().await;
    world.put(TODAY, "a", json!(1)).await;
    let get = |path: String| {
        let world = &world;
        async move { world.admin.get(&format!("/comptoir/v1/connectors/{path}")).await }
    };
    let detail =
        async |path: String, status: u16| get(path).await.expect(status).json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail(of("series", "b", ""), 404).await, "there is no series `b`");
    assert_eq!(detail(of("series", "a", "&merchant=77624623f"), 404).await, "there is no series `a`");
    assert_eq!(detail(of("series/buckets", "a", "&merchant=absent"), 404).await, "there is no merchant `absent`");
    assert_eq!(detail("series?system=x&key=a".to_owned(), 404).await, "there is no external system `x`");
    for (more, told) in [
        ("&from=yesterday", "`from` must be Unix seconds, or an instant"),
        ("&from=-1", "`from` must be Unix seconds, or an instant"),
        ("&to=1&from=2", "`to` must not lie before from"),
        ("&zone=Mars/Olympus", "`zone` must be the name of an IANA time zone"),
        ("&from=0&step=minute", "`step` makes more than 50000 buckets of a minute"),
        ("&step=week", "`step` "),
    ] {
        let said = detail(of("series/buckets", "a", more), 400).await;
        assert!(said.starts_with(told), "{more}: {said}");
    }
    get("series?system=x".to_owned()).await.expect(400);
    get(of("series", "", "")).await.expect(400);
}

#[tokio::test]
async fn buckets_have_every_figure_and_gaps_are_gaps() {
    let world = World::new().await;
    for (minutes, value) in [(0, json!(4)), (10, json!(10)), (20, json!("text")), (30, json!(1)), (130, json!(2.5))] {
        world.put(TODAY + minutes * 60 - 4 * 3_600, "a", value).await;
    }
    let text = world.text(&of("series/buckets", "a", &format!("&from={}&zone=UTC", TODAY - 4 * 3_600))).await;
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&page["zone"], &page["step"]), (&json!("UTC"), &json!("hour")));
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 5, "{page}");
    assert_eq!(
        items[0],
        json!({"start": "2026-03-02T06:00:00+00:00", "end": "2026-03-02T07:00:00+00:00", "count": 4, "min": 1, "max": 10,
               "avg": 5.0, "sum": 15, "last": 1})
    );
    let gap = json!({"start": "2026-03-02T07:00:00+00:00", "end": "2026-03-02T08:00:00+00:00", "count": 0, "min": null,
                     "max": null, "avg": null, "sum": null, "last": null});
    assert_eq!(items[1], gap);
    assert_eq!((&items[2]["count"], &items[2]["avg"]), (&json!(1), &json!(2.5)));
    assert_eq!((&items[4]["start"], &items[4]["count"]), (&json!("2026-03-02T10:00:00+00:00"), &json!(0)));
    // The company's own zone, where nobody names one.
    let local = world.json(&of("series/buckets", "a", "&step=day")).await;
    assert_eq!(local["zone"], "Europe/Kyiv");
    assert_eq!(local["items"][0]["start"], "2026-03-01T00:00:00+02:00");
    let minutes = world.json(&of("series/buckets", "a", &format!("&step=minute&from={}", TODAY - 3_600))).await;
    assert_eq!(minutes["items"].as_array().unwrap().len(), 61);
}

#[tokio::test]
async fn days_on_which_clocks_change_have_their_own_lengths() {
    let world = World::with(|options| options.connectors.max_skew = std::time::Duration::from_hours(24 * 400)).await;
    let (spring, autumn) = (at("2026-03-28T00:00:00+02:00"), at("2026-10-24T00:00:00+03:00"));
    let items = |start: i64| (0..4 * 24).map(move |hour| start + hour * 3_600);
    for at in items(spring).chain(items(autumn)) {
        world.put(at, "a", json!(1)).await;
    }
    let days = async |from: &str, to: &str, step: &str| {
        let more = format!("&from={from}&to={to}&step={step}&zone=Europe/Kyiv");
        let page = world.json(&of("series/buckets", "a", &more)).await;
        page["items"].as_array().unwrap().clone()
    };
    let counts = |days: &[Value]| days.iter().map(|day| day["count"].as_u64().unwrap()).collect::<Vec<_>>();
    let found = days("2026-03-27T22:00:00Z", "2026-03-30T21:00:00Z", "day").await;
    assert_eq!(counts(&found), [24, 23, 24]);
    assert_eq!(
        (&found[1]["start"], &found[1]["end"]),
        (&json!("2026-03-29T00:00:00+02:00"), &json!("2026-03-30T00:00:00+03:00"))
    );
    let found = days("2026-10-23T21:00:00Z", "2026-10-26T22:00:00Z", "day").await;
    assert_eq!(counts(&found), [24, 25, 24]);
    let found = days("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z", "hour").await;
    let starts: Vec<_> = found.iter().map(|hour| hour["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2026-10-25T03:00:00+03:00", "2026-10-25T03:00:00+02:00", "2026-10-25T04:00:00+02:00"]);
    let found = days("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z", "hour").await;
    let starts: Vec<_> = found.iter().map(|hour| hour["start"].as_str().unwrap()).collect();
    assert_eq!(starts, ["2026-03-29T02:00:00+02:00", "2026-03-29T04:00:00+03:00"]);
}

#[tokio::test]
async fn figures_of_buckets_keep_the_texts_of_numbers() {
    let world = World::new().await;
    let body = format!(
        r#"{{"externalSystemId": "29e86b162", "timestamp": {TODAY}, "items": [{{"key": "a", "value": 99999999999999999999}}]}}"#
    );
    world.send(&body).await.expect(200);
    world.put(TODAY - 1, "a", json!(i64::MAX)).await;
    world.put(TODAY - 2, "b", json!(i64::MAX)).await;
    world.put(TODAY - 1, "b", json!(i64::MAX)).await;
    let text = world.text(&of("series/buckets", "a", "&step=day")).await;
    assert!(text.contains("\"max\":99999999999999999999,") && text.contains("\"min\":9223372036854775807,"), "{text}");
    let text = world.text(&of("series/buckets", "b", "&step=day")).await;
    assert!(text.contains("\"sum\":18446744073709551614,"), "{text}");
}

#[tokio::test]
async fn two_merchants_are_compared_by_the_same_buckets() {
    let world = World::new().await;
    world.register("merchants", "second").await;
    let items = json!([{"key": "a", "value": 4, "merchantId": MERCHANT}, {"key": "a", "value": 10, "merchantId": "second"},
                       {"key": "b", "value": 1, "merchantId": MERCHANT}]);
    world.set(TODAY, items).await;
    let hours = |key: &str, one: &str, other: &str| {
        of("series/comparison", key, &format!("&merchant={one}&other_merchant={other}&from={}&zone=UTC", TODAY - 3_600))
    };
    let page = world.json(&hours("a", MERCHANT, "second")).await;
    assert_eq!(page["merchants"], json!([MERCHANT, "second"]));
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[0]["first"]["count"], &items[0]["difference"]), (&json!(0), &Value::Null));
    assert_eq!((&items[1]["first"]["avg"], &items[1]["second"]["avg"]), (&json!(4.0), &json!(10.0)));
    assert_eq!(items[1]["difference"], 6.0);
    let page = world.json(&hours("b", MERCHANT, "second")).await;
    assert_eq!(page["items"][1]["second"]["count"], 0, "one of them never reported it");
    let path = hours("c", MERCHANT, "second");
    world.admin.get(&format!("/comptoir/v1/connectors/{path}")).await.expect(404);
    let path = hours("a", MERCHANT, "absent");
    world.admin.get(&format!("/comptoir/v1/connectors/{path}")).await.expect(404);
}
