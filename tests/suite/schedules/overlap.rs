//! Two schedules of one producer and one type must not overlap for the same distributor.

use serde_json::{Value, json};

use super::{BUYER, OTHER_BUYER, OTHER_PRODUCER, SCHEDULES, World, at, daily, draft, gln, repeating};

fn spring(name: &str, from: &str, until: Option<&str>, buyers: &[i64]) -> Value {
    let midnight = |day: &str| at(&format!("{day}T00:00:00+02:00"));
    let mut rule = daily();
    rule["dateUntil"] = json!(until.map_or(0, midnight));
    let mut body = repeating(name, midnight(from), rule);
    body["distributors"] = json!(buyers);
    body
}

#[tokio::test]
async fn dates_that_overlap_are_refused_with_the_vendors_words() {
    let world = World::new().await;
    world.publish(spring("Test2", "2026-03-05", Some("2026-03-10"), &[BUYER])).await;
    for (name, from, until, buyers, refused) in [
        ("before", "2026-03-01", Some("2026-03-04"), &[BUYER][..], false),
        ("after, open", "2026-03-11", None, &[BUYER], false),
        ("its last day", "2026-03-10", Some("2026-03-10"), &[BUYER], true),
        ("its first day", "2026-02-01", Some("2026-03-05"), &[OTHER_BUYER, BUYER], true),
        ("around", "2026-02-01", None, &[BUYER], true),
        ("for somebody else", "2026-03-05", Some("2026-03-10"), &[OTHER_BUYER], false),
        ("for everybody", "2026-03-05", Some("2026-03-10"), &[], false),
        ("for everybody again", "2026-03-10", None, &[], true),
    ] {
        let answer = world.seller.post(SCHEDULES, spring(name, from, until, buyers)).await;
        if !refused {
            answer.expect(200);
            continue;
        }
        let in_the_way = if buyers.is_empty() { "for everybody" } else { "Test2" };
        let message = answer.expect(409).json()["message"].as_str().unwrap().to_owned();
        let allowed = [in_the_way, "after, open", "before"].map(|name| {
            format!("Dates can't overlap with already existing schedule, name - [{name}]. Please edit your schedule.")
        });
        assert!(allowed.contains(&message), "{name}: {message}");
    }
    let only = world.seller.post(SCHEDULES, spring("x", "2026-03-06", Some("2026-03-07"), &[BUYER])).await.expect(409);
    assert_eq!(
        only.json(),
        json!({
            "code": "CONFLICT",
            "message": "Dates can't overlap with already existing schedule, name - [Test2]. Please edit your schedule."
        })
    );
    // Another producer's are another matter.
    let path = format!("{SCHEDULES}?gln={}", gln(OTHER_PRODUCER));
    world.admin.post(&path, spring("x", "2026-03-06", None, &[BUYER])).await.expect(200);
}

#[tokio::test]
async fn a_schedule_may_be_changed_where_only_itself_is_in_the_way() {
    let world = World::new().await;
    let first = world.publish(spring("First", "2026-03-05", Some("2026-03-10"), &[BUYER])).await;
    world.publish(spring("Second", "2026-03-20", None, &[BUYER])).await;
    let change = async |from: &str, until: Option<&str>| {
        let mut body = spring("First", from, until, &[BUYER]);
        body["id"] = first["id"].clone();
        world.seller.patch(SCHEDULES, body).await
    };
    change("2026-03-06", Some("2026-03-19")).await.expect(200);
    let refused = change("2026-03-06", Some("2026-03-20")).await.expect(409).json();
    assert!(refused["message"].as_str().unwrap().contains("[Second]"));
    // Nothing of what was refused has stuck.
    change("2026-03-01", Some("2026-03-19")).await.expect(200);
    world.seller.delete(&format!("{SCHEDULES}?schedule_id=2")).await.expect(200);
    change("2026-03-06", None).await.expect(200);
    world.seller.post(SCHEDULES, draft("General", at("2026-03-06T00:00:00+02:00"))).await.expect(200);
    let mut body = spring("First", "2026-03-06", None, &[]);
    body["id"] = first["id"].clone();
    let refused = world.seller.patch(SCHEDULES, body).await.expect(409).json();
    assert!(refused["message"].as_str().unwrap().contains("[General]"), "as a general one it meets the general ones");
}
