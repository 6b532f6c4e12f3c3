//! The catalogue: search, paging, changes by hand.

use serde_json::{Value, json};

use super::{World, ean, org_of, priced, sheet};

async fn found(world: &World, query: &str) -> Vec<String> {
    let page = world.user.get(&world.at(&format!("nomenclature?{query}"))).await.expect(200).json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["items_total"], items.len(), "{page}");
    items.iter().map(|good| good["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn while_an_import_is_being_written_a_change_is_put_off() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1)])).await;
    let pending = |plan: Option<i64>| {
        world.server.store().write(move |tx| {
            tx.execute("UPDATE nomenclature_catalogues SET pending_plan = ?1", [plan])?;
            Ok::<_, comptoir::store::StoreError>(())
        })
    };
    pending(Some(99)).await.unwrap();
    let put_off = world.change("Milk", json!({"unit": "pc"})).await.expect(429);
    assert_eq!(put_off.header("retry-after"), Some("1"));
    pending(None).await.unwrap();
    world.change("Milk", json!({"unit": "pc"})).await.expect(200);
}

#[tokio::test]
async fn goods_are_found_by_name_in_any_case_by_article_by_barcode_and_by_group() {
    let world = World::new().await;
    let (one, two) = (ean(1), ean(2));
    let rows = sheet(&[
        &["Наименование", "Артикул", "Группа", "Штрихкод", "Локальные штрихкоды"],
        &["Сок Яблочный", "SK-1", "Напитки/Соки", &one, "L1"],
        &["Вода", "VD-1", "Напитки", &two, ""],
        &["Їжак 100%", "", "НапиткиКрепкие", "", ""],
    ]);
    world.import("", rows).await;
    for (query, names) in [
        ("search=ЯБЛОЧНЫЙ", vec!["Сок Яблочный"]),
        ("search=їжак", vec!["Їжак 100%"]),
        ("search=%25", vec!["Їжак 100%"]),
        ("search=sk-1", vec!["Сок Яблочный"]),
        (&format!("search={two}"), vec!["Вода"]),
        ("search=L1", vec!["Сок Яблочный"]),
        ("search=482", vec![]),
        ("group=напитки", vec!["Вода", "Сок Яблочный"]),
        ("group=Напитки/Соки", vec!["Сок Яблочный"]),
        ("group=Напитки&search=вод", vec!["Вода"]),
        ("is_archived=true", vec![]),
        ("search=%20", vec!["Вода", "Сок Яблочный", "Їжак 100%"]),
    ] {
        assert_eq!(found(&world, query).await, names, "{query}");
    }
    let groups = world.user.get("/comptoir/v1/nomenclature/groups").await.expect(200).json();
    assert_eq!(
        groups["items"],
        json!([{"path": "Напитки", "goods": 1}, {"path": "Напитки/Соки", "goods": 1}, {"path": "НапиткиКрепкие", "goods": 1}])
    );
}

#[tokio::test]
async fn pages_show_the_catalogue_as_it_was_when_the_first_one_was_read() {
    let world = World::new().await;
    let rows: Vec<(String, u64)> = (1..=7).map(|number| (format!("Good {number}"), number)).collect();
    world.import("", priced(&rows.iter().map(|(name, code)| (name.as_str(), "1", *code)).collect::<Vec<_>>())).await;
    let first = world.user.get(&world.at("nomenclature?items_per_page=3")).await.expect(200).json();
    assert_eq!(
        (&first["page_number"], &first["pages_total"], &first["items_total"]),
        (&json!(1), &json!(3), &json!(7))
    );
    // Meanwhile the catalogue changes: one goes to the front, one is new.
    world.change("Good 5", json!({"name": "A good 5"})).await.expect(200);
    world.import("", priced(&[("Good 45", "1", 45)])).await;
    let mut names: Vec<String> = Vec::new();
    let mut page = first;
    loop {
        names.extend(page["items"].as_array().unwrap().iter().map(|good| good["name"].as_str().unwrap().to_owned()));
        let Some(token) = page["next_page_token"].as_str().map(str::to_owned) else { break };
        page = world
            .user
            .get(&world.at(&format!("nomenclature?items_per_page=3&page_token={token}")))
            .await
            .expect(200)
            .json();
        // Bound to the parameters it was made with.
        let other = world.user.get(&world.at(&format!("nomenclature?items_per_page=4&page_token={token}"))).await;
        assert_eq!(other.expect(422).json()["errors"][0]["field"], "page_token");
    }
    assert_eq!(names, ["Good 1", "Good 2", "Good 3", "Good 4", "Good 5", "Good 6", "Good 7"]);
    assert_eq!(world.names().await[0], "A good 5");
}

#[tokio::test]
async fn a_good_is_changed_by_hand_and_what_is_not_in_order_is_named() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2)])).await;
    let changed = world
        .change(
            "Milk",
            json!({"name": " Milk 1 l ", "price": 1150, "vat_rate": "none", "group": "Food / Dairy",
                               "barcodes_ean13": [ean(1), ean(3)], "barcodes_local": ["M1"], "unit": "pc"}),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&changed["name"], &changed["group"], &changed["vat_rate"]),
        (&json!("Milk 1 l"), &json!("Food/Dairy"), &json!("none"))
    );
    let cleared =
        world.change("Milk 1 l", json!({"group": null, "price": null, "barcodes_local": []})).await.expect(200).json();
    assert_eq!(
        (&cleared["group"], &cleared["price"], &cleared["barcodes_local"]),
        (&Value::Null, &Value::Null, &json!([]))
    );

    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "x".repeat(129)}), "name"),
        (json!({"price": -1}), "price"),
        (json!({"price": 1.5}), "price"),
        (json!({"vat_rate": "18"}), "vat_rate"),
        (json!({"group": "a//b"}), "group"),
        (json!({"barcodes_ean13": ["4820024700017"]}), "barcodes_ean13[0]"),
        (json!({"barcodes_local": ["a,b"]}), "barcodes_local[0]"),
    ] {
        let refused = world.change("Bread", change.clone()).await.expect(422).json();
        assert_eq!(refused["code"], "RequestIsNotValid", "{change}");
        assert_eq!(refused["errors"][0]["field"], field, "{change}: {refused}");
    }
    let taken = world.change("Bread", json!({"barcodes_ean13": [ean(3)]})).await.expect(422).json();
    assert_eq!((&taken["code"], &taken["errors"][0]["field"]), (&json!("NotUnique"), &json!("barcodes_ean13")));
    assert_eq!(taken["message"], format!("the barcode {} belongs to another good: “Milk 1 l”", ean(3)));
    // Out of use, a good may share a code; coming back it may not.
    world.change("Bread", json!({"barcodes_ean13": [ean(3)], "is_archived": true})).await.expect(200);
    world.change("Bread", json!({"is_archived": false})).await.expect(422);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn another_organisation_has_a_catalogue_of_its_own() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1)])).await;
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["ADMIN"]).await;
    let south = org_of(&foreign, "south").await;
    let good = world.good("Milk").await["guid"].as_str().unwrap().to_owned();
    foreign.get(&world.at("nomenclature")).await.expect(404);
    foreign.get(&format!("/v5/orgs/{south}/nomenclature/{good}")).await.expect(404);
    let page = foreign.get(&format!("/v5/orgs/{south}/nomenclature")).await.expect(200).json();
    assert_eq!(page["items"], json!([]));
    // The same barcode there is another good.
    let task = super::upload(&foreign, &south, "", priced(&[("Milch", "1", 1)])).await.expect(200).json();
    world.server.run_pending_tasks().await;
    let path = format!("/v5/orgs/{south}/async/imports/nomenclature/{}", task["guid"].as_str().unwrap());
    assert_eq!(super::figures(&foreign.get(&path).await.expect(200).json()), [1, 0, 0, 0, 0]);
    world.user.get(&path).await.expect(404);
}
