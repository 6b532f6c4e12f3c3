//! What is downloaded: the catalogue, the template, reports.

use poem::http::Method;
use serde_json::json;

use super::{World, XLSX, cells, ean, figures, priced, said, sheet};

#[tokio::test]
async fn the_catalogue_imported_as_it_is_changes_nothing() {
    let world = World::new().await;
    let (one, two, three) = (ean(1), format!("{},{}", ean(2), ean(22)), ean(3));
    let rows = sheet(&[
        &["Name", "Article", "Group", "Unit", "Price", "VAT", "EAN-13", "Local barcodes", "Subject", "Archived"],
        &["=1+1", "007", "A/B", "pc", "1 234,50", "none", &one, "L-1; L-2", "Service", ""],
        &["Молоко «2,5%»", "", "", "", "0", "0", &two, "", "Product", "no"],
        &["Old", "", "", "", "", "", &three, "", "", "yes"],
        &["No codes", "12", "", "", "999999999999,99", "22", "", "", "", ""],
        &["Local only", "", "", "", "1", "", "", "", "", ""],
        // Nothing tells it from the other of its name but what the export says.
        &["No codes", "13", "", "", "", "", "", "", "", ""],
    ]);
    world.import("", rows).await;
    world.change("Local only", json!({"barcodes_local": ["L 3"]})).await.expect(200);
    let before = world.goods().await;
    for language in ["en", "ru", "uk"] {
        let call = world.user.call(Method::GET, &world.at("nomenclature.xlsx")).header("accept-language", language);
        let export = call.send().await.expect(200);
        assert_eq!(export.header("content-type"), Some(XLSX));
        assert_eq!(export.header("content-language"), Some(language));
        for query in [
            "",
            "?import_strategy=FullImport",
            "?import_strategy=FullImport&use_barcodes_local=true&use_good_name=true",
        ] {
            let task = world.import(query, export.body.to_vec()).await;
            assert_eq!(figures(&task), [0, 0, 6, 0, 0], "{task:#}");
            assert_eq!(said(&task, "Warning"), Vec::<String>::new());
            assert_eq!(world.goods().await, before, "{language}");
        }
    }
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_id_that_an_export_did_not_write_is_told_by_its_column() {
    let world = World::new().await;
    let rows = sheet(&[&["Name", "Good ID"], &["Milk", "17"], &["Bread", "00000000-0000-4000-8000-000000000000"]]);
    let task = world.read("?use_barcodes_ean13=false", rows).await;
    let errors = said(&task, "Error");
    let told =
        "row 2, column B: “17” is no identifier of a good: leave it as the export had it, or leave the cell empty";
    assert!(errors.iter().any(|error| error.ends_with(told)), "{errors:?}");
    assert_eq!(figures(&task), [1, 0, 0, 0, 1], "an id of somebody else's catalogue says nothing");
}

#[tokio::test]
async fn the_template_has_the_columns_that_imports_know() {
    let world = World::new().await;
    for (language, name) in [("en", "Name"), ("ru", "Наименование"), ("uk", "Назва")] {
        let path = world.at("async/imports/nomenclature-template.xlsx");
        let template = world.user.call(Method::GET, &path).header("accept-language", language).send().await.expect(200);
        let rows = cells(&template.body);
        assert_eq!((rows.len(), rows[0].len(), rows[0][0].as_str()), (1, 10, name));
        let task = world.read("", template.body.to_vec()).await;
        let errors = said(&task, "Error");
        let told = errors.iter().all(|error| error.ends_with(": there is no row under the header"));
        assert!(errors.len() == 1 && told, "every column is known: {task:#}");
        assert_eq!(figures(&task), [0, 0, 0, 0, 0]);
    }
}

#[tokio::test]
async fn a_report_has_the_uploaded_rows_with_their_outcomes() {
    let world = World::new().await;
    world.import("", priced(&[("Milk", "10", 1), ("Bread", "5", 2), ("Gone", "1", 9)])).await;
    let (one, two, three) = (ean(1), ean(2), ean(3));
    let rows = sheet(&[
        &["Price list"],
        &[],
        &["Name", "Price", "EAN-13", "Colour"],
        &["Milk", "11", &one, "white"],
        &["", "", "", "nothing known here"],
        &["Bread", "5", &two],
        &["Butter", "-9", &three],
        &["Cheese", "9", ""],
    ]);
    let task = world.read("?import_strategy=FullImport", rows).await;
    let report = async || cells(&world.user.get(&world.task_path(&task, "/report.xlsx")).await.expect(200).body);
    let shown = report().await;
    let lines: Vec<_> = shown.iter().map(|row| row[..4].join("|")).collect();
    assert_eq!(
        lines,
        [
            "Row|Outcome|Message|Name",
            "||Column D: the column “Colour” is not known and not read|",
            "4|will be updated||Milk",
            "5|not read||",
            "6|unchanged||Bread",
            "7|refused|Column B: the price -9 is below zero|Butter",
            "8|will be created||Cheese",
            "|will be archived||Gone",
        ]
    );
    world.confirm(&task, "?allow_archive=true").await.expect(200);
    world.server.run_pending_tasks().await;
    assert_eq!(report().await[2][1], "updated");
    // The report itself can be mended and sent again.
    let again =
        world.read("", world.user.get(&world.task_path(&task, "/report.xlsx")).await.expect(200).body.to_vec()).await;
    assert_eq!(again["status"], "WaitingForFeedback", "{again:#}");
}

#[tokio::test]
async fn there_is_no_report_before_the_file_is_read() {
    let world = World::new().await;
    let task = world.upload("", priced(&[("Milk", "1", 1)])).await;
    let refused = world.user.get(&world.task_path(&task, "/report.xlsx")).await.expect(422).json();
    assert_eq!(refused["code"], "RequestIsNotValid");
}
