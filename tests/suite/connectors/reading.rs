//! Newest values and the tree of keys.

use serde_json::{Value, json};

use super::{MERCHANT, SET, SYSTEM, TODAY, World};

/// Walks a list page by page; what `pick` sees of each item.
async fn walk(world: &World, path: &str, limit: usize, pick: impl Fn(&Value) -> String) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let more = token.map(|token| format!("&page_token={token}")).unwrap_or_default();
        let page = world.json(&format!("{path}{joint}limit={limit}{more}")).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{page}");
        found.extend(items.iter().map(&pick));
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            return found;
        }
    }
}

async fn filled() -> World {
    let world = World::new().await;
    world.register("systems", "other").await;
    let items = json!([
        {"key": "Заказы.Всего", "value": 1, "merchantId": MERCHANT},
        {"key": "Заказы.Всего", "value": 2},
        {"key": "Очереди", "value": 3},
        {"key": "Очереди.А.Ошибок", "value": 4},
        {"key": "Очереди.А.Время", "value": "x"},
        {"key": "Очереди.Б", "value": 5},
        {"key": "Очереди-2", "value": 6},
        {"key": "Очередь", "value": 7},
    ]);
    assert_eq!(world.set(TODAY, items).await["success"], true);
    let body = json!({"externalSystemId": "other", "timestamp": TODAY, "items": [
        {"key": "Заказы.Всего", "value": 8}, {"key": "Другое", "value": 9}]});
    world.bot.post(SET, body).await.expect(200);
    world
}

#[tokio::test]
async fn newest_values_are_filtered_by_prefix_system_and_merchant_and_paged() {
    let world = filled().await;
    let all = world.latest("").await;
    assert_eq!(
        all,
        [
            "Другое|other||9",
            "Заказы.Всего|29e86b162||2",
            "Заказы.Всего|29e86b162|77624623f|1",
            "Заказы.Всего|other||8",
            "Очереди|29e86b162||3",
            "Очереди-2|29e86b162||6",
            "Очереди.А.Время|29e86b162||\"x\"",
            "Очереди.А.Ошибок|29e86b162||4",
            "Очереди.Б|29e86b162||5",
            "Очередь|29e86b162||7",
        ]
    );
    let only = |wanted: &[usize]| wanted.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
    for (filter, wanted) in [
        ("&prefix=%D0%97%D0%B0%D0%BA", &[1, 2, 3][..]),
        ("&prefix=%D0%9E%D1%87%D0%B5%D1%80%D0%B5%D0%B4%D0%B8.", &[6, 7, 8]),
        ("&system=other", &[0, 3]),
        ("&system=29e86b162&prefix=%D0%97%D0%B0%D0%BA", &[1, 2]),
        ("&merchant=77624623f", &[2]),
        ("&merchant=&system=29e86b162&prefix=%D0%97%D0%B0%D0%BA", &[1]),
        ("&prefix=nothing", &[]),
        ("&system=", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ] {
        assert_eq!(world.latest(filter).await, only(wanted), "{filter}");
    }
    for (path, step) in [("values", 3), ("values?system=29e86b162", 2), ("values?merchant=", 1)] {
        let whole = world.json(&format!("{path}{}limit=10000", if path.contains('?') { '&' } else { '?' })).await;
        let whole: Vec<_> = whole["items"].as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(walk(&world, path, step, Value::to_string).await, whole, "{path}");
    }
    for absent in ["values?system=absent", "values?merchant=absent", "keys?system=absent"] {
        world.admin.get(&format!("/comptoir/v1/connectors/{absent}")).await.expect(404);
    }
    for bad in ["values?limit=0", "values?limit=10001", "values?page_token=x", "keys?page_token=x"] {
        world.admin.get(&format!("/comptoir/v1/connectors/{bad}")).await.expect(400);
    }
}

#[tokio::test]
async fn a_page_of_long_texts_ends_early_and_the_next_goes_on() {
    let world = World::new().await;
    let long = "x".repeat(64 * 1024);
    let items: Vec<_> = (0..100).map(|at| json!({"key": format!("k{at:03}"), "value": long})).collect();
    assert_eq!(world.set(TODAY, Value::from(items)).await["successInAllSubrequests"], true);
    let first = world.json("values?limit=10000").await["items"].as_array().unwrap().len();
    assert!((64..100).contains(&first), "{first}");
    let keys = walk(&world, "values", 10_000, |item| item["key"].as_str().unwrap().to_owned()).await;
    assert_eq!(keys.len(), 100);
    let longer = json!([{"key": "longer", "value": format!("{long}x")}]);
    let answer = world.set(TODAY, longer).await;
    assert_eq!(answer["message"], "Some items were not set: `longer` is a text of more than 65536 bytes");
}

#[tokio::test]
async fn the_tree_of_keys_is_read_a_level_at_a_time() {
    let world = filled().await;
    let shown = |item: &Value| {
        let mark = |field: &str, mark: &'static str| if item[field] == true { mark } else { "" };
        format!("{}{}{}", item["path"].as_str().unwrap(), mark("is_key", "!"), mark("has_children", "+"))
    };
    let encoded = |path: &str| url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>();
    for (path, expected) in [
        (String::new(), &["Другое!", "Заказы+", "Очереди!+", "Очереди-2!", "Очередь!"][..]),
        (format!("?prefix={}", encoded("Очереди")), &["Очереди.А+", "Очереди.Б!"]),
        (format!("?prefix={}", encoded("Очереди.А")), &["Очереди.А.Время!", "Очереди.А.Ошибок!"]),
        (format!("?prefix={}", encoded("Очереди.Б")), &[]),
        ("?system=other".to_owned(), &["Другое!", "Заказы+"]),
        (format!("?system={SYSTEM}&prefix={}", encoded("Заказы")), &["Заказы.Всего!"]),
        ("?prefix=nothing".to_owned(), &[]),
    ] {
        for limit in [1, 2, 200] {
            let found = walk(&world, &format!("keys{path}"), limit, shown).await;
            assert_eq!(found, expected, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn keys_with_odd_dots_are_in_the_tree_once_each() {
    let world = World::new().await;
    let keys = ["a", "a.", "a..b", "a.b", ".", "..", "a!", "a/", "a.b.c"];
    let items: Vec<_> = keys.iter().map(|key| json!({"key": key, "value": 1})).collect();
    assert_eq!(world.set(TODAY, Value::from(items)).await["successInAllSubrequests"], true);
    // Every key is reached by going down, and no path comes twice.
    let (mut found, mut paths, mut left) = (Vec::new(), Vec::new(), vec![None::<String>]);
    while let Some(path) = left.pop() {
        let query = path.as_ref().map(|path| {
            format!("?prefix={}", url::form_urlencoded::byte_serialize(path.as_bytes()).collect::<String>())
        });
        let page = world.json(&format!("keys{}", query.unwrap_or_default())).await;
        for item in page["items"].as_array().unwrap() {
            let path = item["path"].as_str().unwrap().to_owned();
            paths.push(path.clone());
            if item["is_key"] == true {
                found.push(path.clone());
            }
            // What begins with a dot has an empty name above it, which stands for the top.
            if item["has_children"] == true && !path.is_empty() {
                left.push(Some(path));
            }
        }
    }
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count);
    found.sort();
    let mut expected: Vec<_> = keys.iter().filter(|key| !key.starts_with('.')).map(|key| (*key).to_owned()).collect();
    expected.sort();
    assert_eq!(found, expected);
}
