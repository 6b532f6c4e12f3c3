//! Undoing a completed import through the house API.

use serde_json::{Value, json};

use super::{World, ean, figures, priced};

fn path(task: &Value) -> String {
    format!("/comptoir/v1/nomenclature/imports/{}/undo", task["guid"].as_str().unwrap())
}

async fn undone(world: &World, task: &Value, skip: bool) -> Value {
    world.admin.post(&path(task), json!({"skip_conflicts": skip})).await.expect(200);
    world.server.run_pending_tasks().await;
    let read = world.admin.get(path(task).trim_end_matches("/undo")).await.expect(200).json();
    assert_eq!(read["undo"], "done", "{read}");
    assert_eq!(world.findings(), Vec::<String>::new());
    read
}

#[tokio::test]
async fn what_an_import_did_is_undone_as_long_as_nobody_has_changed_it_again() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2), ("Salt", "1", 3)])).await;
    let before = world.goods().await;
    let rows = priced(&[("Milk 1 l", "11", 1), ("Bread", "5", 2), ("Butter", "90", 4)]);
    let task = world.import("?import_strategy=FullImport", rows).await;
    assert_eq!(figures(&task), [1, 1, 1, 1, 0]);
    let preview = world.admin.get(&path(&task)).await.expect(200).json();
    assert_eq!(preview, json!({"possible": 3, "conflicts_total": 0, "conflicts": []}));
    undone(&world, &task, false).await;
    let after = world.goods().await;
    let same = |good: &Value| {
        let mut good = good.clone();
        good.as_object_mut().unwrap().remove("updated_at");
        good
    };
    assert_eq!(after.iter().map(same).collect::<Vec<_>>(), before.iter().map(same).collect::<Vec<_>>());
    // Once is enough, and the barcode of what is gone is free again.
    world.admin.post(&path(&task), json!({})).await.expect(409);
    world.admin.get(&path(&task)).await.expect(409);
    world.import("", priced(&[("Butter 82%", "95", 4)])).await;
    assert_eq!(world.names().await, ["Bread", "Butter 82%", "Milk", "Salt"]);
}

#[tokio::test]
async fn a_good_is_found_by_the_name_it_has_whatever_was_renamed_and_undone() {
    let world = World::new().await;
    world.import("", priced(&[("Alpha", "1", 1), ("Salt", "1", 2)])).await;
    let beta = world.import("", priced(&[("Beta", "1", 1)])).await;
    let alpha = world.import("", priced(&[("ALPHA", "1", 1)])).await;
    let gamma = world.import("", priced(&[("Gamma", "1", 1)])).await;
    let found = async |name: &str| {
        assert_eq!(world.names().await, [name, "Salt"]);
        let page = world.user.get(&world.at(&format!("nomenclature?search={name}"))).await.expect(200).json();
        assert_eq!((&page["items_total"], &page["items"][0]["name"]), (&json!(1), &json!(name)), "{page}");
        assert_eq!(world.findings(), Vec::<String>::new());
    };
    found("Gamma").await;
    undone(&world, &gamma, false).await;
    found("ALPHA").await;
    world.change("ALPHA", json!({"name": "Delta"})).await.expect(200);
    found("Delta").await;
    world.change("Delta", json!({"name": "ALPHA"})).await.expect(200);
    undone(&world, &alpha, false).await;
    found("Beta").await;
    undone(&world, &beta, false).await;
    found("Alpha").await;
}

#[tokio::test]
async fn what_was_changed_again_is_named_and_the_rest_can_be_undone() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2)])).await;
    let task = world.import("", priced(&[("Milk", "11", 1), ("Bread", "6", 2), ("Butter", "90", 3)])).await;
    world.change("Bread", json!({"unit": "pc"})).await.expect(200);
    world.change("Butter", json!({"unit": "pc"})).await.expect(200);
    let preview = world.admin.get(&path(&task)).await.expect(200).json();
    assert_eq!((&preview["possible"], &preview["conflicts_total"]), (&json!(1), &json!(2)));
    let named: Vec<_> =
        preview["conflicts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["Bread", "Butter"]);
    let refused = world.admin.post(&path(&task), json!({})).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("2 goods"), "{refused}");
    undone(&world, &task, true).await;
    assert_eq!(world.good("Milk").await["price"], 1000);
    assert_eq!(world.good("Bread").await["price"], 600);
    assert_eq!(world.good("Butter").await["price"], 9000);
}

#[tokio::test]
async fn a_barcode_that_is_anothers_by_now_keeps_its_good_from_coming_back() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2)])).await;
    // The import archives Milk; its barcode goes to somebody else.
    let task = world.import("?import_strategy=FullImport", priced(&[("Bread", "6", 2)])).await;
    world.import("?use_barcodes_ean13=false", priced(&[("New milk", "12", 1)])).await;
    let preview = world.admin.get(&path(&task)).await.expect(200).json();
    assert_eq!((&preview["possible"], &preview["conflicts_total"]), (&json!(1), &json!(1)));
    assert_eq!(preview["conflicts"][0]["reason"], format!("its barcode {} is another good's by now", ean(1)));
    undone(&world, &task, true).await;
    assert_eq!(world.names().await, ["Bread", "[Milk]", "New milk"]);
    assert_eq!(world.good("Bread").await["price"], 500);
}

#[tokio::test]
async fn imports_are_undone_one_after_the_other_back_to_the_beginning() {
    let world = World::new().await;
    let mut tasks = Vec::new();
    for price in ["1", "2", "3"] {
        tasks.push(world.import("", priced(&[("Milk", price, 1)])).await);
    }
    let first = world.admin.get(&path(&tasks[0])).await.expect(200).json();
    assert_eq!(first["conflicts_total"], 1, "a later import has changed it");
    for (task, price) in tasks.iter().rev().zip([json!(200), json!(100)]) {
        undone(&world, task, false).await;
        assert_eq!(world.good("Milk").await["price"], price);
    }
    undone(&world, &tasks[0], false).await;
    assert_eq!(world.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn only_an_admin_of_the_organisation_undoes_and_only_what_is_completed() {
    let world = World::new().await;
    let task = world.read("", priced(&[("Milk", "10", 1)])).await;
    world.user.post(&path(&task), json!({})).await.expect(403);
    world.admin.post(&path(&task), json!({})).await.expect(409);
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    foreign.get(&path(&task)).await.expect(404);
    foreign.post(&path(&task), json!({})).await.expect(404);
}
