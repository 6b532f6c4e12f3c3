//! Two at once.

use serde_json::json;

use super::{BUYER, SCHEDULES, World, at, daily, draft, repeating};

#[tokio::test]
async fn of_schedules_that_overlap_and_come_at_once_one_wins() {
    let world = World::new().await;
    let start = at("2026-03-05T00:00:00+02:00");
    let posts = (0..16).map(|number| {
        let seller = world.seller.clone();
        let mut body = repeating(&format!("Number {number}"), start + number * 86_400, daily());
        body["distributors"] = json!([BUYER]);
        tokio::spawn(async move { seller.post(SCHEDULES, body).await })
    });
    let mut statuses = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        statuses.push(post.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert_eq!(world.seller.get(SCHEDULES).await.expect(200).json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_is_unbound_while_its_body_is_on_the_way_publishes_nothing() {
    let world = World::new().await;
    let body = draft("Late", at("2026-04-01T12:00:00+03:00"));
    let unbind = world.bind("seller", &[]);
    let answer = world.server.held(&world.seller, "POST", SCHEDULES, &body, unbind).await;
    assert_eq!(answer.status, 400, "{}", answer.shown());
    assert!(answer.text().contains("gln"));
}
