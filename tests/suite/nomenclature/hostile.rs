//! Files that are broken, hostile or merely odd: each ends with a resolution by row and column, and none harms the server.

use comptoir::sheets::{Limits, Reader};
use serde_json::Value;

use super::{Put, World, ean, said, upload_form, workbook};
use crate::sheets::forge::xlsx::{Book, inline, row, rows};
use crate::sheets::forge::{self, Outcome};
use crate::support::TestServer;

/// A situation, the query, the file's name and content, and how the problems it is told of begin.
type Hostile<'a> = (&'a str, &'a str, &'a str, Vec<u8>, Vec<&'a str>);

/// Uploads a file and lets it be read; the task.
async fn tried(world: &World, query: &str, name: &str, bytes: &[u8]) -> Value {
    let task = upload_form(&world.user, &world.org, query, name, bytes).await.expect(200).json();
    world.server.run_pending_tasks().await;
    world.task(&task).await
}

#[tokio::test]
async fn no_file_of_the_forge_harms_the_server() {
    let mut limits = Limits::default();
    let mut world = None;
    let (mut count, mut wrong) = (0, Vec::new());
    for case in forge::cases() {
        if world.is_none() || case.limits != limits {
            limits = case.limits;
            let reader = Reader::new(env!("CARGO_BIN_EXE_comptoir").into(), limits);
            world = Some(World::over(TestServer::start_with(|options| options.sheets = reader).await).await);
        }
        let world = world.as_ref().unwrap();
        count += 1;
        let task = tried(world, "?use_barcodes_ean13=false", case.file, &case.bytes).await;
        let (status, errors) = (task["status"].as_str().unwrap(), said(&task, "Error"));
        let in_order = match case.outcome {
            // What can be read may still be no price list.
            Outcome::Rows(_) => status == "WaitingForFeedback" || status == "Canceled" && errors.len() == 1,
            Outcome::Refused(_) | Outcome::Damaged(_) | Outcome::Any => status == "Canceled" && errors.len() == 1,
        };
        if !in_order {
            wrong.push(format!("{}: {status} {errors:?}", case.name));
        }
        let goods = world.user.get(&world.at("nomenclature")).await.expect(200).json();
        assert_eq!(goods["items_total"], 0, "{}", case.name);
    }
    assert!(count >= 40, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A row of a workbook that has a name, an EAN-13, a price and a rate of VAT.
fn cell(place: &str, xml: &str) -> String {
    format!("<c r=\"{place}\"{xml}</c>")
}

const HEAD: &[&str] = &["Name", "EAN-13", "Price", "VAT", "Article", "Group", "Local barcodes", "Subject", "Archived"];

/// The header and one row more, as XML.
fn with(row_two: &str) -> Vec<u8> {
    Book::of(&(row(1, HEAD) + &format!("<row r=\"2\">{row_two}</row>"))).bytes()
}

/// A good with one cell replaced.
fn good_with(column: usize, text: &str) -> Vec<u8> {
    let mut cells = vec!["Milk", "", "", "", "", "", "", "", ""];
    cells[column] = text;
    Book::of(&rows(&[HEAD, &cells])).bytes()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn each_oddity_has_its_resolution_by_row_and_column() {
    let world = World::new().await;
    // Against the catalogue.
    let catalogue = [("Taken", 1), ("Twin", 2), ("Twin", 3)];
    let mut all = vec![vec![Put::from("Name"), Put::from("EAN-13")]];
    all.extend(catalogue.iter().map(|(name, code)| vec![Put::from(*name), Put::from(ean(*code))]));
    world.import("", workbook(&all)).await;

    let (one, two, nine) = (ean(1), ean(2), ean(9));
    let both = format!("{one}, {two}");
    let wrong = format!("{}{}", &nine[..12], (nine[12..].parse::<u8>().unwrap() + 1) % 10);
    let long = "x".repeat(32_767);
    let many = (0..60).map(|number| format!("L{number}")).collect::<Vec<_>>().join(",");
    let csv = |text: String| text.into_bytes();
    let by_name = "?use_good_name=true&use_barcodes_ean13=false";
    let by_ean = "";
    let table: Vec<Hostile> = vec![
        ("empty", by_ean, "a.xlsx", Vec::new(), vec!["E The file is empty"]),
        (
            "a text that is no spreadsheet's name",
            by_ean,
            "a.xlsx",
            b"%PDF-1.7".to_vec(),
            vec!["E The file is no spreadsheet"],
        ),
        (
            "no header",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[&["Milk", "1"], &["Bread", "2"]])).bytes(),
            vec!["E None of the first 10 rows is a header"],
        ),
        (
            "a header too far down",
            by_ean,
            "a.xlsx",
            Book::of(&(row(1, &["Price list"]) + &row(11, HEAD) + &row(12, &["Milk"]))).bytes(),
            vec!["E None of the first 10 rows"],
        ),
        (
            "a header in the tenth row",
            by_ean,
            "a.xlsx",
            Book::of(&(row(1, &["Price list"]) + &row(10, HEAD) + &row(11, &["Milk"]))).bytes(),
            vec![],
        ),
        (
            "two headers",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[HEAD, HEAD, &["Milk"]])).bytes(),
            vec!["W Sheet “Goods”, row 2: the row repeats the header"],
        ),
        (
            "a column twice",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[&["Name", "Price", "Цена"], &["Milk", "1", "2"]])).bytes(),
            vec!["E Row 1, column C: the columns “Price” and “Цена” mean the same"],
        ),
        (
            "an unknown column",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[&["Name", "Colour"], &["Milk", "white"]])).bytes(),
            vec!["I Sheet “Goods”, row 1, column B: the column “Colour”"],
        ),
        ("a header alone", by_ean, "a.xlsx", Book::of(&row(1, HEAD)).bytes(), vec!["E Sheet “Goods”: there is no row"]),
        (
            "merged cells",
            by_ean,
            "a.xlsx",
            with(&cell("C2", "><v>5</v>")),
            vec!["E Sheet “Goods”, row 2, column A: the name is missing"],
        ),
        (
            "a formula with its value",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("C2", "><f>1+1</f><v>2</v>"))),
            vec![],
        ),
        (
            "a formula without one",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("C2", "><f>1+1</f>"))),
            vec!["E Sheet “Goods”, row 2, column C: the formula has no stored value"],
        ),
        (
            "an error",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("C2", " t=\"e\"><v>#DIV/0!</v>"))),
            vec!["E Sheet “Goods”, row 2, column C: the cell shows the error #DIV/0!"],
        ),
        (
            "a logical value",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("C2", " t=\"b\"><v>1</v>"))),
            vec!["E Sheet “Goods”, row 2, column C: the cell is a logical value"],
        ),
        (
            "a date in place of an article",
            by_ean,
            "a.xlsx",
            Book::of(
                &(row(1, HEAD)
                    + &format!("<row r=\"2\">{}{}</row>", inline("A2", "Milk"), cell("E2", " s=\"1\"><v>45000</v>"))),
            )
            .formats(&["dd.mm.yyyy"])
            .bytes(),
            vec!["E Sheet “Goods”, row 2, column E: the cell is a date (2023-03-15)"],
        ),
        (
            "the same, counted from 1904",
            by_ean,
            "a.xlsx",
            Book::of(
                &(row(1, HEAD)
                    + &format!("<row r=\"2\">{}{}</row>", inline("A2", "Milk"), cell("E2", " s=\"1\"><v>45000</v>"))),
            )
            .formats(&["dd.mm.yyyy"])
            .since_1904()
            .bytes(),
            vec!["E Sheet “Goods”, row 2, column E: the cell is a date (2027-03-16)"],
        ),
        (
            "a date as text",
            by_ean,
            "a.xlsx",
            good_with(2, "15.03.2023"),
            vec!["E Sheet “Goods”, row 2, column C: “15.03.2023” is no price"],
        ),
        ("a number as text", by_ean, "a.xlsx", good_with(2, "1\u{a0}234,50"), vec![]),
        (
            "a price of three decimals",
            by_ean,
            "a.xlsx",
            good_with(2, "1,234"),
            vec!["E Sheet “Goods”, row 2, column C: the price 1,234 has more than two decimals"],
        ),
        (
            "a price below zero",
            by_ean,
            "a.xlsx",
            good_with(2, "-5"),
            vec!["E Sheet “Goods”, row 2, column C: the price -5 is below zero"],
        ),
        (
            "a price beyond all",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("C2", "><v>1E300</v>"))),
            vec!["E Sheet “Goods”, row 2, column C: the price 1e300 is too high"],
        ),
        (
            "an unknown rate",
            by_ean,
            "a.xlsx",
            good_with(3, "18%"),
            vec!["E Sheet “Goods”, row 2, column D: “18%” is no VAT rate"],
        ),
        ("a rate in per cent", by_ean, "a.xlsx", with(&(inline("A2", "Milk") + &cell("D2", "><v>0.2</v>"))), vec![]),
        (
            "a number whose zeros are lost",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("B2", "><v>12345678905</v>"))),
            vec![
                "W Sheet “Goods”, row 2, column B: the number 12345678905 has lost its leading zeros and is read as 0012345678905",
            ],
        ),
        (
            "a text whose zeros are lost",
            by_ean,
            "a.xlsx",
            good_with(1, "012345678905"),
            vec![
                "E Sheet “Goods”, row 2, column B: 012345678905 has too few digits; were leading zeros lost? 0012345678905",
            ],
        ),
        (
            "a wrong check digit",
            by_ean,
            "a.xlsx",
            good_with(1, &wrong),
            vec!["E Sheet “Goods”, row 2, column B: the check digit"],
        ),
        (
            "digits lost to an exponent",
            by_ean,
            "a.csv",
            csv("Name;EAN-13\nMilk;4,82002E+12\n".to_owned()),
            vec!["E Row 2, column B: 4,82002E+12 has lost its digits"],
        ),
        (
            "a code that Excel shows with an exponent",
            by_ean,
            "a.xlsx",
            with(&(inline("A2", "Milk") + &cell("B2", &format!("><v>{nine}</v>")))),
            vec![],
        ),
        (
            "a code with letters",
            by_ean,
            "a.xlsx",
            good_with(1, "48200000O0001"),
            vec!["E Sheet “Goods”, row 2, column B: “48200000O0001” is no EAN-13: it has something"],
        ),
        (
            "a code of 14 digits",
            by_ean,
            "a.xlsx",
            good_with(1, "14820000000017"),
            vec!["E Sheet “Goods”, row 2, column B: “14820000000017” is no EAN-13: it has 14 digits"],
        ),
        (
            "a code twice in the file",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[HEAD, &["A", &nine], &["B", &nine]])).bytes(),
            vec![
                "E Sheet “Goods”, row 2, column B: the barcode 4820000000093",
                "E Sheet “Goods”, row 3, column B: the barcode 4820000000093",
            ],
        ),
        (
            "a code of another good",
            by_name,
            "a.xlsx",
            good_with(1, &one),
            vec!["E Sheet “Goods”, row 2, column B: the barcode 4820000000017 belongs to another good: “Taken”"],
        ),
        (
            "codes of two goods",
            by_ean,
            "a.xlsx",
            good_with(1, &both),
            vec!["E Sheet “Goods”, row 2, column B: several goods match the row by EAN-13"],
        ),
        (
            "a name of two goods",
            by_name,
            "a.xlsx",
            good_with(0, " TWIN "),
            vec!["E Sheet “Goods”, row 2, column A: several goods match the row by name"],
        ),
        (
            "a name twice",
            by_name,
            "a.xlsx",
            Book::of(&rows(&[HEAD, &["Milk"], &["MILK "]])).bytes(),
            vec![
                "E Sheet “Goods”, row 2, column A: the same name stands in row 3",
                "E Sheet “Goods”, row 3, column A: the same name stands in row 2",
            ],
        ),
        (
            "control characters",
            by_ean,
            "a.xlsx",
            good_with(0, "Mi\u{86}lk"),
            vec!["E Sheet “Goods”, row 2, column A: the text has control characters"],
        ),
        (
            "line breaks",
            by_ean,
            "a.xlsx",
            good_with(0, "Milk\n1 l"),
            vec!["W Sheet “Goods”, row 2, column A: the line breaks"],
        ),
        (
            "32 767 characters",
            by_ean,
            "a.xlsx",
            good_with(0, &long),
            vec!["E Sheet “Goods”, row 2, column A: the text has 32767 characters, at most 128"],
        ),
        (
            "an empty part of a group",
            by_ean,
            "a.xlsx",
            good_with(5, "Food//Dairy"),
            vec!["E Sheet “Goods”, row 2, column F: a part of the group"],
        ),
        (
            "too many codes",
            by_ean,
            "a.xlsx",
            good_with(6, &many),
            vec!["E Sheet “Goods”, row 2, column G: there are more than 50 barcodes"],
        ),
        (
            "neither product nor service",
            by_ean,
            "a.xlsx",
            good_with(7, "thing"),
            vec!["E Sheet “Goods”, row 2, column H: “thing” is neither"],
        ),
        (
            "neither yes nor no",
            by_ean,
            "a.xlsx",
            good_with(8, "maybe"),
            vec!["E Sheet “Goods”, row 2, column I: “maybe” is neither"],
        ),
        (
            "hidden rows",
            by_ean,
            "a.xlsx",
            Book::of(
                &(row(1, HEAD)
                    + "<row r=\"2\" hidden=\"1\"><c r=\"A2\" t=\"inlineStr\"><is><t>Milk</t></is></c></row>"),
            )
            .bytes(),
            vec!["I Sheet “Goods”: hidden rows are read as well: 1"],
        ),
        (
            "further sheets",
            by_ean,
            "a.xlsx",
            Book::of(&rows(&[HEAD, &["Milk"]])).sheet("Old", "visible", "").bytes(),
            vec!["I Sheet “Goods”: only this sheet is read; there are others too: Old"],
        ),
        (
            "a hidden sheet first",
            by_ean,
            "a.xlsx",
            Book::new()
                .sheet("Secret", "hidden", &rows(&[&["Name"], &["No"]]))
                .sheet("Goods", "visible", &rows(&[HEAD, &["Milk"]]))
                .bytes(),
            vec![],
        ),
        (
            "a wrong extension",
            by_ean,
            "a.csv",
            Book::of(&rows(&[HEAD, &["Milk"]])).bytes(),
            vec!["W Sheet “Goods”: the file's name says .csv, its content is .xlsx"],
        ),
        (
            "a far corner",
            by_ean,
            "a.xlsx",
            Book::of(&(row(1, HEAD) + "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>")).bytes(),
            vec!["E Sheet “Goods”: there is no row"],
        ),
        ("a sly name", by_ean, "a.xlsx", good_with(0, "=cmd|' /C calc'!A0"), vec![]),
        ("windows-1251", by_ean, "a.csv", forge::windows_1251("Наименование;Цена\nМолоко;10,50\n"), vec![]),
        ("UTF-16", by_ean, "a.csv", forge::utf16("Назва\tЦіна\nМолоко\t10,50\n", true, true), vec![]),
    ];
    assert!(table.len() >= 40);
    let mut wrong = Vec::new();
    for (name, query, file, bytes, expected) in table {
        let task = tried(&world, query, file, &bytes).await;
        let mut found: Vec<String> = Vec::new();
        for resolution in task["resolutions"].as_array().unwrap() {
            let message = resolution["message"].as_str().unwrap();
            let figure = ["Will be", "Unchanged", "Rows refused", "No row is valid", "More than a fifth"];
            if !figure.iter().any(|start| message.starts_with(start)) {
                found.push(format!("{} {message}", &resolution["type"].as_str().unwrap()[..1]));
            }
        }
        let same = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| found.starts_with(expected));
        if !same {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
        // Let it not be in the way of the others.
        if task["status"] == "WaitingForFeedback" {
            world.user.post(&world.task_path(&task, "/cancel"), Value::Null).await.expect(200);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
