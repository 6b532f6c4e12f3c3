//! The list of imports, exactly as the vendor's document has it.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use super::{World, lp, priced};
use crate::support::{Answer, Client};

async fn list_as(world: &World, client: &Client, query: &str) -> Answer {
    lp(client.call(Method::GET, &world.at(&format!("async/imports/nomenclature{query}"))), "en-US").send().await
}

async fn list(world: &World, query: &str) -> Value {
    list_as(world, &world.user, query).await.expect(200).json()
}

fn guids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["guid"].as_str().unwrap().to_owned()).collect()
}

/// Uploads `count` files, a minute apart; their ids.
async fn uploads(world: &World, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for _ in 0..count {
        let task = world.upload("", priced(&[("Milk", "1", 1)])).await;
        made.push(task["guid"].as_str().unwrap().to_owned());
        world.server.clock.advance(Duration::from_mins(1));
    }
    made
}

#[tokio::test]
async fn the_list_is_empty_at_first() {
    let world = World::new().await;
    assert_eq!(
        list(&world, "").await,
        json!({
            "items": [], "next_page_token": null, "page_number": 1, "pages_total": 0, "items_per_page": 50,
            "items_total": 0, "type_of": "NomenclatureImportTaskList"
        })
    );
}

#[tokio::test]
async fn each_user_lists_what_it_asked_for_and_nobody_elses_or_removed_ones() {
    let world = World::new().await;
    let made = uploads(&world, 2).await;
    assert_eq!(guids(&list(&world, "").await), [made[1].clone(), made[0].clone()]);
    assert_eq!(guids(&list_as(&world, &world.admin, "").await.expect(200).json()), Vec::<String>::new());
    let path = world.at(&format!("async/imports/nomenclature/{}", made[1]));
    world.admin.get(&path).await.expect(404);
    world.user.post(&format!("{path}/cancel"), Value::Null).await.expect(200);
    world.user.delete(&path).await.expect(200);
    assert_eq!(guids(&list(&world, "").await), [made[0].clone()]);
    // The house shows all of the organisation's.
    let house = world.admin.get("/comptoir/v1/nomenclature/imports").await.expect(200).json();
    let shown: Vec<_> = house["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(shown, [made[1].as_str(), made[0].as_str()]);
    assert_eq!(house["items"][0]["username"], "user");
    world.user.get("/comptoir/v1/nomenclature/imports").await.expect(403);
}

#[tokio::test]
async fn filters_and_orders_are_those_of_the_document() {
    let world = World::new().await;
    let made = uploads(&world, 4).await;
    let cancel = world.at(&format!("async/imports/nomenclature/{}/cancel", made[0]));
    world.user.post(&cancel, Value::Null).await.expect(200);
    let of = |numbers: &[usize]| numbers.iter().map(|number| made[*number].clone()).collect::<Vec<_>>();
    for (query, numbers) in [
        ("?order_by=created_at_asc", &[0, 1, 2, 3][..]),
        ("?order_by=created_at_desc", &[3, 2, 1, 0]),
        ("?order_by=updated_at_asc", &[1, 2, 3, 0]),
        ("?order_by=updated_at_desc", &[0, 3, 2, 1]),
        ("?task_status=Canceled", &[0]),
        ("?task_status=InQueue&task_status=Canceled&order_by=created_at_asc", &[0, 1, 2, 3]),
        ("?task_status=Completed", &[]),
        // From inclusive, to exclusive.
        ("?created_from=2026-03-02T10:01:00Z&created_to=2026-03-02T10:03:00Z", &[2, 1]),
        ("?created_from=2026-03-02T12:02:00%2B02:00", &[3, 2]),
        ("?created_from=2026-03-02T12:02:00+02:00", &[3, 2]),
        ("?updated_from=2026-03-02T10:04:00Z", &[0]),
        ("?updated_to=2026-03-02T10:02:00Z", &[1]),
    ] {
        assert_eq!(guids(&list(&world, query).await), of(numbers), "{query}");
    }
}

#[tokio::test]
async fn compact_leaves_out_what_is_long_and_full_shows_it() {
    let world = World::new().await;
    world.upload("?meta=spring%20prices", priced(&[("Milk", "1", 1)])).await;
    let full = list(&world, "?presentation=full").await["items"][0].clone();
    let compact = list(&world, "?presentation=compact").await["items"][0].clone();
    assert_eq!(
        (&full["meta"], &full["meta_data"], &full["deleted_at"]),
        (&json!("spring prices"), &Value::Null, &Value::Null)
    );
    let names = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let order = [
        "parameters",
        "file",
        "is_confirmed",
        "status",
        "progress",
        "resolutions",
        "organization",
        "created_at",
        "updated_at",
        "deleted_at",
        "meta",
        "meta_data",
        "guid",
        "type_of",
    ];
    assert_eq!(names(&full), order);
    let left_out = ["parameters", "resolutions", "meta", "meta_data"];
    assert_eq!(names(&compact), order.iter().copied().filter(|name| !left_out.contains(name)).collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_neither_repeat_nor_lose_a_task_while_tasks_are_added_and_change() {
    let world = World::new().await;
    for order in ["created_at_desc", "created_at_asc", "updated_at_desc", "updated_at_asc"] {
        let before = list(&world, "?items_per_page=200").await["items_total"].as_i64().unwrap();
        uploads(&world, 5).await;
        let query = format!(
            "?order_by={order}&items_per_page=2&task_status=InQueue&task_status=Canceled&task_status=WaitingForFeedback"
        );
        let expected = guids(&list(&world, &query.replace("items_per_page=2", "items_per_page=200")).await);
        let mut page = list(&world, &query).await;
        assert_eq!(page["items_total"], before + 5);
        let (mut seen, mut number) = (Vec::new(), 1);
        loop {
            assert_eq!((&page["page_number"], &page["pages_total"]), (&json!(number), &json!((before + 5 + 1) / 2)));
            seen.extend(guids(&page));
            // Meanwhile: one is new, another changes and would go elsewhere, or no longer pass the filter.
            uploads(&world, 1).await;
            let last = seen.last().unwrap().clone();
            let cancel = |guid: &str| world.at(&format!("async/imports/nomenclature/{guid}/cancel"));
            world.user.post(&cancel(&last), Value::Null).await;
            world.server.clock.advance(Duration::from_secs(1));
            let Some(token) = page["next_page_token"].as_str().map(str::to_owned) else { break };
            page = list(&world, &format!("{query}&page_token={token}")).await;
            number += 1;
        }
        assert_eq!(seen, expected, "{order}");
        // So that the next round begins with as many.
        for guid in guids(&list(&world, "?items_per_page=200").await) {
            let path = world.at(&format!("async/imports/nomenclature/{guid}"));
            world.user.post(&format!("{path}/cancel"), Value::Null).await;
            world.user.delete(&path).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_page_token_is_bound_to_its_parameters_and_its_user() {
    let world = World::new().await;
    uploads(&world, 3).await;
    let token =
        list(&world, "?items_per_page=2&task_status=InQueue").await["next_page_token"].as_str().unwrap().to_owned();
    for query in [
        "",
        "?items_per_page=2",
        "?items_per_page=2&task_status=Canceled",
        "?items_per_page=3&task_status=InQueue",
        "?items_per_page=2&task_status=InQueue&order_by=created_at_asc",
        "?items_per_page=2&task_status=InQueue&created_from=2026-01-01T00:00:00Z",
    ] {
        let sign = if query.is_empty() { "?" } else { "&" };
        let refused =
            list_as(&world, &world.user, &format!("{query}{sign}page_token={token}")).await.expect(422).json();
        assert_eq!(
            (&refused["code"], &refused["errors"][0]["field"]),
            (&json!("RequestIsNotValid"), &json!("page_token")),
            "{query}"
        );
    }
    let query = format!("?items_per_page=2&task_status=InQueue&page_token={token}");
    assert_eq!(guids(&list(&world, &query).await).len(), 1);
    list_as(&world, &world.admin, &query).await.expect(422);
    for nonsense in ["x", "", "AAAA"] {
        list_as(&world, &world.user, &format!("?page_token={nonsense}")).await.expect(422);
    }
}
