//! An import from the upload to its end, in each of its states.

use std::time::Duration;

use poem::http::Method;
use serde_json::{Value, json};

use super::{World, ean, figures, priced, said, sheet, upload, upload_form};

#[tokio::test]
async fn a_workbook_is_read_shown_confirmed_and_applied() {
    let world = World::new().await;
    let task = world.upload("", priced(&[("Milk", "10,50", 1), ("Bread", "7", 2)])).await;
    assert_eq!(
        (&task["status"], &task["progress"], &task["is_confirmed"]),
        (&json!("InQueue"), &json!(0), &json!(false))
    );
    assert_eq!(task["parameters"]["import_strategy"], "IncrementalImport");
    let attributes = json!({"use_good_name": false, "use_barcodes_ean13": true, "use_barcodes_local": false});
    assert_eq!(task["parameters"]["attributes_for_matching"], attributes);
    assert_eq!(task["organization"]["guid"], json!(world.org));

    world.server.run_pending_tasks().await;
    let waiting = world.task(&task).await;
    assert_eq!((&waiting["status"], &waiting["progress"]), (&json!("WaitingForFeedback"), &json!(50)));
    assert_eq!(figures(&waiting), [2, 0, 0, 0, 0]);
    assert_eq!(world.goods().await, Vec::<Value>::new(), "nothing is changed yet");

    let confirmed = world.confirm(&waiting, "").await.expect(200).json();
    assert_eq!((&confirmed["status"], &confirmed["is_confirmed"]), (&json!("InProgress"), &json!(true)));
    world.server.run_pending_tasks().await;
    let done = world.task(&task).await;
    assert_eq!((&done["status"], &done["progress"]), (&json!("Completed"), &json!(100)));
    assert_eq!(said(&done, "Information")[0], "Created: 2");
    assert_eq!(world.names().await, ["Bread", "Milk"]);
    let milk = world.good("Milk").await;
    assert_eq!((&milk["price"], &milk["barcodes_ean13"]), (&json!(1050), &json!([ean(1)])));

    // The second time: one changed, one as it is, one new.
    let task = world.import("", priced(&[("Milk", "11", 1), ("Bread", "7", 2), ("Butter", "90", 3)])).await;
    assert_eq!(figures(&task), [1, 1, 1, 0, 0]);
    assert_eq!(world.good("Milk").await["price"], 1100);
    assert_eq!(world.good("Milk").await["guid"], milk["guid"]);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_nothing_is_wrong_with_is_applied_at_once_if_that_is_asked_for() {
    let world = World::new().await;
    let done = world.read("?confirm=auto", priced(&[("Milk", "10", 1)])).await;
    assert_eq!((&done["status"], &done["is_confirmed"]), (&json!("Completed"), &json!(true)));
    // A warning or an error is looked at by a person all the same.
    let waiting = world.read("?confirm=auto", priced(&[("Milk", "11", 1), ("Bread", "-7", 2)])).await;
    assert_eq!(waiting["status"], "WaitingForFeedback");
    assert_eq!(world.names().await, ["Milk"]);
}

#[tokio::test]
async fn empty_cells_leave_what_is_there() {
    let world = World::new().await;
    let head = ["Name", "Article", "Group", "Unit", "Price", "VAT", "EAN-13", "Local barcodes", "Subject", "Archived"];
    let code = ean(1);
    let full = ["Haircut", "H-1", "Services/Hair", "pc", "200.00", "20%", &code, "A1;B2", "Service", "no"];
    world.import("", sheet(&[&head, &full])).await;
    let before = world.good("Haircut").await;
    let bare = ["Haircut", "", "", "", "", "", &code, "", "", ""];
    let task = world.import("", sheet(&[&head, &bare])).await;
    assert_eq!(figures(&task), [0, 0, 1, 0, 0]);
    assert_eq!(world.good("Haircut").await, before);
    assert_eq!(before["settlement_subject"], "Service");
    assert_eq!(before["barcodes_local"], json!(["A1", "B2"]));
    assert_eq!((&before["vat_rate"], &before["group"]), (&json!("20"), &json!("Services/Hair")));
}

#[tokio::test]
async fn a_full_import_archives_exactly_what_is_missing() {
    let world = World::new().await;
    let all: Vec<(String, u64)> = (1..=10).map(|number| (format!("Good {number:02}"), number)).collect();
    let rows = |keep: &dyn Fn(u64) -> bool| {
        let kept: Vec<_> = all.iter().filter(|(_, number)| keep(*number)).collect();
        priced(&kept.iter().map(|(name, number)| (name.as_str(), "1", *number)).collect::<Vec<_>>())
    };
    world.import("", rows(&|_| true)).await;

    // Two of ten are a fifth: that goes without saying twice.
    let waiting = world.read("?import_strategy=FullImport", rows(&|number| number > 2)).await;
    assert_eq!(figures(&waiting), [0, 0, 8, 2, 0]);
    assert_eq!(said(&waiting, "Warning"), ["Will be archived: 2"]);
    world.confirm(&waiting, "").await.expect(200);
    world.server.run_pending_tasks().await;
    let archived: Vec<_> = world.names().await.into_iter().filter(|name| name.starts_with('[')).collect();
    assert_eq!(archived, ["[Good 01]", "[Good 02]"]);

    // More has to be asked for; a row that is refused protects its good.
    let mut rows = vec![("Good 03", "1", 3), ("Good 04", "-1", 4)];
    let waiting = world.read("?import_strategy=FullImport", priced(&rows)).await;
    assert_eq!(figures(&waiting), [0, 0, 1, 6, 1]);
    let refused = world.confirm(&waiting, "").await.expect(422).json();
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["field"]),
        (&json!("RequestIsNotValid"), &json!("allow_archive"))
    );
    world.confirm(&waiting, "?allow_archive=true").await.expect(200);
    world.server.run_pending_tasks().await;
    let live: Vec<_> = world.names().await.into_iter().filter(|name| !name.starts_with('[')).collect();
    assert_eq!(live, ["Good 03", "Good 04"]);

    // Nothing valid at all.
    rows = vec![("Good 03", "x", 3), ("Good 04", "-1", 4)];
    let waiting = world.read("?import_strategy=FullImport", priced(&rows)).await;
    assert_eq!(figures(&waiting), [0, 0, 0, 0, 2]);
    world.confirm(&waiting, "").await.expect(422);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_import_needs_something_to_match_by() {
    let world = World::new().await;
    let query = "?import_strategy=FullImport&use_barcodes_ean13=false";
    let refused = upload(&world.user, &world.org, query, priced(&[("Milk", "1", 1)])).await.expect(422).json();
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["field"]),
        (&json!("RequestIsNotValid"), &json!("import_strategy"))
    );
}

#[tokio::test]
async fn without_an_attribute_every_row_is_new() {
    let world = World::new().await;
    let rows = sheet(&[&["Name"], &["Milk"], &["Milk"]]);
    world.import("?use_barcodes_ean13=false", rows.clone()).await;
    world.import("?use_barcodes_ean13=false", rows.clone()).await;
    assert_eq!(world.names().await, ["Milk", "Milk", "Milk", "Milk"]);
    // By name, each of these rows matches several goods.
    let waiting = world.read("?use_good_name=true", rows).await;
    assert_eq!(figures(&waiting), [0, 0, 0, 0, 2]);
    assert!(said(&waiting, "Error")[1].contains("row 2, column A: several goods match the row by name"), "{waiting:#}");
}

#[tokio::test]
async fn a_canceled_import_changes_nothing_whatever_its_state() {
    let world = World::new().await;
    let cancel = async |task: &Value| {
        let path = world.task_path(task, "/cancel");
        let canceled = world.user.post(&path, Value::Null).await.expect(200).json();
        assert_eq!(canceled["status"], "Canceled");
        world.server.run_pending_tasks().await;
        assert_eq!(world.task(task).await["status"], "Canceled");
        let again = world.user.post(&path, Value::Null).await.expect(422).json();
        assert_eq!(again["code"], "RequestIsNotValid");
        world.confirm(task, "").await.expect(422);
        assert_eq!(world.names().await, Vec::<String>::new());
    };
    let rows = || priced(&[("Milk", "1", 1)]);
    cancel(&world.upload("", rows()).await).await;
    cancel(&world.read("", rows()).await).await;
    let task = world.read("", rows()).await;
    world.confirm(&task, "").await.expect(200);
    cancel(&task).await;
    // The catalogue is nobody's: the next one goes through.
    world.import("", rows()).await;
    assert_eq!(world.names().await, ["Milk"]);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_ended_import_can_be_removed_and_one_that_goes_on_cannot() {
    let world = World::new().await;
    let task = world.upload("", priced(&[("Milk", "1", 1)])).await;
    world.user.delete(&world.task_path(&task, "")).await.expect(422);
    world.server.run_pending_tasks().await;
    world.user.delete(&world.task_path(&task, "")).await.expect(422);
    world.user.post(&world.task_path(&task, "/cancel"), Value::Null).await.expect(200);
    let removed = world.user.delete(&world.task_path(&task, "")).await.expect(200).json();
    assert!(removed["deleted_at"].is_string());
    world.user.get(&world.task_path(&task, "")).await.expect(404);
    // What was kept of it goes.
    world.server.run_pending_tasks().await;
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn of_parallel_confirms_one_wins() {
    let world = World::new().await;
    let task = world.read("", priced(&[("Milk", "1", 1)])).await;
    let calls: Vec<_> = (0..8).map(|_| world.confirm(&task, "")).collect();
    let mut statuses: Vec<_> = futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422, 422, 422, 422, 422, 422, 422]);
    world.server.run_pending_tasks().await;
    assert_eq!(world.names().await, ["Milk"]);
}

#[tokio::test]
async fn goods_that_changed_since_are_matched_again_and_another_plan_is_asked_about() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2)])).await;
    let rows = || priced(&[("Milk", "12", 1)]);

    // Somebody else's change of another good changes nothing about the plan.
    let task = world.read("", rows()).await;
    world.change("Bread", json!({"price": 600})).await.expect(200);
    world.confirm(&task, "").await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(world.task(&task).await["status"], "Completed");
    assert_eq!(world.good("Bread").await["price"], 600);

    // The good is by now what the row says: that is another plan.
    world.change("Milk", json!({"price": 1000})).await.expect(200);
    let task = world.read("", rows()).await;
    assert_eq!(figures(&task), [0, 1, 0, 0, 0]);
    world.change("Milk", json!({"price": 1200})).await.expect(200);
    world.confirm(&task, "").await.expect(200);
    world.server.run_pending_tasks().await;
    let again = world.task(&task).await;
    assert_eq!((&again["status"], &again["is_confirmed"]), (&json!("WaitingForFeedback"), &json!(false)));
    assert_eq!(figures(&again), [0, 0, 1, 0, 0]);
    assert!(said(&again, "Warning")[0].contains("Goods have changed"), "{again:#}");
    world.confirm(&task, "").await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(world.task(&task).await["status"], "Completed");
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn two_imports_that_wait_are_applied_one_after_the_other() {
    let world = World::new().await;
    let first = world.read("", priced(&[("Milk", "1", 1)])).await;
    let second = world.read("", priced(&[("Milk", "2", 1)])).await;
    assert_eq!((figures(&first)[0], figures(&second)[0]), (1, 1));
    for task in [&first, &second] {
        world.confirm(task, "").await.expect(200);
    }
    world.server.run_pending_tasks().await;
    assert_eq!(world.task(&first).await["status"], "Completed");
    // To create it once more is not what was agreed to.
    let second = world.task(&second).await;
    assert_eq!(second["status"], "WaitingForFeedback");
    assert_eq!(figures(&second), [0, 1, 0, 0, 0]);
    world.confirm(&second, "").await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(world.good("Milk").await["price"], 200);
}

#[tokio::test]
async fn a_file_is_taken_from_a_form_too_and_its_name_says_its_format() {
    let world = World::new().await;
    let csv = "Name;Price;EAN-13\nMilk;10,50;".to_owned() + &ean(1) + "\n";
    let task = upload_form(&world.user, &world.org, "", "goods.csv", csv.as_bytes()).await.expect(200).json();
    world.server.run_pending_tasks().await;
    let task = world.task(&task).await;
    assert_eq!(figures(&task), [1, 0, 0, 0, 0], "{task:#}");
    let none = upload_form(&world.user, &world.org, "", "goods.xlsx", b"").await.expect(200).json();
    world.server.run_pending_tasks().await;
    let none = world.task(&none).await;
    assert_eq!(none["status"], "Canceled");
    assert_eq!(said(&none, "Error"), ["The file is empty"]);
}

#[tokio::test]
async fn problems_are_told_by_sheet_row_and_column_in_the_readers_language() {
    let world = World::new().await;
    let task = world.read("", priced(&[("Milk", "-10", 1), ("", "7", 2)])).await;
    let errors = said(&task, "Error");
    assert_eq!(
        errors[1..],
        [
            "Sheet “Goods”, row 2, column B: the price -10 is below zero".to_owned(),
            "Sheet “Goods”, row 3, column A: the name is missing".to_owned(),
        ]
    );
    for (language, text) in [
        ("ru-RU", "Лист «Goods», строка 2, столбец B: цена -10 меньше нуля"),
        ("uk-UA", "Аркуш «Goods», рядок 2, стовпець B: ціна -10 менша за нуль"),
        ("de-DE", "Sheet “Goods”, row 2, column B: the price -10 is below zero"),
    ] {
        let call = world.user.call(Method::GET, &world.task_path(&task, ""));
        let task = call.header("accept-language", language).send().await.expect(200).json();
        assert_eq!(said(&task, "Error")[1], text);
    }
}

#[tokio::test]
async fn of_very_many_problems_the_first_thousand_are_listed_and_the_rest_counted() {
    let world = World::new().await;
    let mut rows: Vec<&[&str]> = vec![&["Name", "Price"]];
    rows.extend(std::iter::repeat_n(&["x", "?"][..], 1_250));
    let task = world.read("?use_barcodes_ean13=false", sheet(&rows)).await;
    let errors = said(&task, "Error");
    assert_eq!(errors.len(), 1 + 1_000);
    assert!(said(&task, "Information").contains(&"And 250 more: report.xlsx has all of them".to_owned()));
    let report = world.user.get(&world.task_path(&task, "/report.xlsx")).await.expect(200);
    let cells = super::cells(&report.body);
    assert_eq!(cells.len(), 1 + 1_250);
    assert_eq!(cells[1_250][..3], ["1251", "refused", "Column B: “?” is no price"]);
}

#[tokio::test]
async fn an_archive_that_has_become_drastic_since_it_was_confirmed_is_asked_about_again() {
    let world = World::new().await;
    let names: Vec<String> = (0..10).map(|number| format!("P{number}")).collect();
    let goods: Vec<(&str, &str, u64)> = names.iter().zip(1..).map(|(name, at)| (name.as_str(), "1", at)).collect();
    world.import("", priced(&goods)).await;
    // Two of ten would go: that is no fifth thought.
    let task = world.read("?import_strategy=FullImport", priced(&goods[..8])).await;
    assert_eq!(task["status"], "WaitingForFeedback");
    // Of seven they are more than a fifth, and the rows do the same as before.
    for name in &names[..3] {
        world.change(name, json!({"is_archived": true})).await.expect(200);
    }
    let before = world.goods().await;
    world.user.post(&world.task_path(&task, "/confirm"), Value::Null).await.expect(200);
    world.server.run_pending_tasks().await;
    let asked = world.user.get(&world.task_path(&task, "")).await.expect(200).json();
    assert_eq!(asked["status"], "WaitingForFeedback", "{asked:#}");
    assert_eq!(world.goods().await, before);
    world.user.post(&world.task_path(&task, "/confirm"), Value::Null).await.expect(422);
}

#[tokio::test]
async fn a_list_is_read_to_its_end_whatever_is_forgotten_meanwhile() {
    let world = World::new().await;
    world.import("", priced(&[("A", "1", 1), ("B", "1", 2), ("C", "1", 3), ("D", "1", 4)])).await;
    // Nothing can be undone any more, so nothing holds old versions but whoever reads.
    world.server.clock.advance(Duration::from_hours(31 * 24));
    world.server.run_pending_tasks().await;
    let user = world.server.sign_in("user", crate::support::PASSWORD).await;
    let first = user.get(&world.at("nomenclature?items_per_page=2")).await.expect(200).json();
    let next = |page: &Value| {
        format!("nomenclature?items_per_page=2&page_token={}", page["next_page_token"].as_str().unwrap())
    };
    let id = |name: &str| {
        let goods = first["items"].as_array().unwrap().iter();
        goods.filter(|good| good["name"] == name).map(|good| good["guid"].as_str().unwrap().to_owned()).next()
    };
    let path = world.at(&format!("nomenclature/{}", id("B").expect("a good")));
    user.call(Method::PATCH, &path).json(&json!({"price": 200})).send().await.expect(200);
    let all = user.get(&world.at("nomenclature")).await.expect(200).json();
    let last = all["items"].as_array().unwrap().iter().find(|good| good["name"] == "D").unwrap()["guid"].clone();
    let path = world.at(&format!("nomenclature/{}", last.as_str().unwrap()));
    user.call(Method::PATCH, &path).json(&json!({"price": 200})).send().await.expect(200);
    world.server.clock.advance(Duration::from_mins(30));
    world.server.run_pending_tasks().await;
    let second = user.get(&world.at(&next(&first))).await.expect(200).json();
    let names: Vec<_> = second["items"].as_array().unwrap().iter().map(|good| good["name"].clone()).collect();
    assert_eq!(names, ["C", "D"], "as the first page found them");
    // In the end it is forgotten, and said so instead of leaving goods out.
    for _ in 0..3 {
        world.server.clock.advance(Duration::from_mins(90));
        world.server.run_pending_tasks().await;
    }
    let user = world.server.sign_in("user", crate::support::PASSWORD).await;
    let refused = user.get(&world.at(&next(&first))).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "page_token");
    assert!(refused["message"].as_str().unwrap().contains("begin with its first page"), "{refused}");
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_kept_of_an_import_goes_after_its_time() {
    let world = World::new().await;
    let task = world.import("", priced(&[("Milk", "1", 1)])).await;
    world.user.get(&world.task_path(&task, "/report.xlsx")).await.expect(200);
    world.server.clock.advance(Duration::from_hours(31 * 24));
    world.server.run_pending_tasks().await;
    let user = world.server.sign_in("user", crate::support::PASSWORD).await;
    let refused = user.get(&world.task_path(&task, "/report.xlsx")).await.expect(422).json();
    assert_eq!(refused["message"], "the file of this import is no longer kept");
    // The import is still known, and so is what it brought.
    assert_eq!(user.get(&world.task_path(&task, "")).await.expect(200).json()["status"], "Completed");
    let page = user.get(&world.at("nomenclature")).await.expect(200).json();
    assert_eq!(page["items_total"], 1);
    assert_eq!(world.findings(), Vec::<String>::new());
}
