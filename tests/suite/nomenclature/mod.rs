//! The nomenclature contract through the front door.

mod contract;
mod flow;
mod goods;
mod hostile;
mod listing;
pub mod rights;
mod undo;
mod workbooks;

use calamine::{Data, Reader as _, Xlsx};
use poem::http::Method;
use rust_xlsxwriter::Workbook;
use serde_json::Value;

use crate::support::{Answer, Client, TestServer};

/// The media type of workbooks.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A cell of a workbook that a test writes.
#[derive(Debug, Clone)]
pub enum Put {
    /// Nothing.
    Nothing,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

impl From<&str> for Put {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Put {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Put {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// A workbook of one sheet, `Goods`.
pub fn workbook(rows: &[Vec<Put>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Goods").unwrap();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Put::Nothing => {}
                Put::Text(text) => {
                    sheet.write_string(row, column, text).unwrap();
                }
                Put::Number(number) => {
                    sheet.write_number(row, column, *number).unwrap();
                }
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// The same from texts.
pub fn sheet(rows: &[&[&str]]) -> Vec<u8> {
    let rows: Vec<Vec<Put>> = rows.iter().map(|row| row.iter().map(|text| Put::from(*text)).collect()).collect();
    workbook(&rows)
}

/// The rows of a workbook, read by somebody else.
pub fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let range = book.worksheet_range_at(0).unwrap().unwrap();
    let text = |cell: &Data| if matches!(cell, Data::Empty) { String::new() } else { cell.to_string() };
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}

/// An EAN-13 by a small number.
pub fn ean(number: u64) -> String {
    let twelve = format!("{:012}", 482_000_000_000 + number);
    let sum: u32 = twelve
        .chars()
        .enumerate()
        .map(|(at, digit)| digit.to_digit(10).unwrap() * if at % 2 == 0 { 1 } else { 3 })
        .sum();
    format!("{twelve}{}", (10 - sum % 10) % 10)
}

/// An organisation with somebody who imports.
pub struct World {
    pub server: TestServer,
    pub user: Client,
    pub admin: Client,
    /// The organisation's id.
    pub org: String,
}

impl World {
    pub async fn new() -> Self {
        Self::over(TestServer::start().await).await
    }

    pub async fn over(server: TestServer) -> Self {
        server.company("north").await;
        let admin = server.user("north", "admin", &["ADMIN"]).await;
        let user = server.user("north", "user", &["USER"]).await;
        let org = org_of(&admin, "north").await;
        Self { server, user, admin, org }
    }

    /// A path of the organisation.
    pub fn at(&self, path: &str) -> String {
        format!("/v5/orgs/{}/{path}", self.org)
    }

    /// Uploads a workbook; the task.
    pub async fn upload(&self, query: &str, bytes: Vec<u8>) -> Value {
        upload(&self.user, &self.org, query, bytes).await.expect(200).json()
    }

    /// Uploads a workbook and lets it be read; the task that waits, or has ended.
    pub async fn read(&self, query: &str, bytes: Vec<u8>) -> Value {
        let task = self.upload(query, bytes).await;
        self.server.run_pending_tasks().await;
        self.task(&task).await
    }

    /// A task as it stands.
    pub async fn task(&self, task: &Value) -> Value {
        self.user.get(&self.task_path(task, "")).await.expect(200).json()
    }

    /// The path of a task, with more.
    pub fn task_path(&self, task: &Value, more: &str) -> String {
        self.at(&format!("async/imports/nomenclature/{}{more}", task["guid"].as_str().unwrap()))
    }

    /// Confirms a task.
    pub async fn confirm(&self, task: &Value, query: &str) -> Answer {
        self.user.post(&self.task_path(task, &format!("/confirm{query}")), Value::Null).await
    }

    /// Uploads a workbook and sees it through; the completed task.
    pub async fn import(&self, query: &str, bytes: Vec<u8>) -> Value {
        let task = self.read(query, bytes).await;
        assert_eq!(task["status"], "WaitingForFeedback", "{task:#}");
        self.confirm(&task, "?allow_archive=true").await.expect(200);
        self.server.run_pending_tasks().await;
        let task = self.task(&task).await;
        assert_eq!(task["status"], "Completed", "{task:#}");
        task
    }

    /// The goods of the catalogue, by name.
    pub async fn goods(&self) -> Vec<Value> {
        let page = self.user.get(&self.at("nomenclature?items_per_page=200")).await.expect(200).json();
        page["items"].as_array().unwrap().clone()
    }

    /// Their names, those out of use in brackets.
    pub async fn names(&self) -> Vec<String> {
        let shown = |good: &Value| {
            let name = good["name"].as_str().unwrap().to_owned();
            if good["is_archived"] == true { format!("[{name}]") } else { name }
        };
        self.goods().await.iter().map(shown).collect()
    }

    /// A good by its name.
    pub async fn good(&self, name: &str) -> Value {
        let goods = self.goods().await;
        goods.into_iter().find(|good| good["name"] == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Changes a good.
    pub async fn change(&self, name: &str, to: Value) -> Answer {
        let good = self.good(name).await;
        self.user.patch(&self.at(&format!("nomenclature/{}", good["guid"].as_str().unwrap())), to).await
    }

    /// What contradicts itself in the file.
    pub fn findings(&self) -> Vec<String> {
        self.server.store().read(|conn| comptoir::nomenclature::service::consistency(conn)).unwrap()
    }
}

/// The id of a company.
pub async fn org_of(admin: &Client, key: &str) -> String {
    let company = admin.get(&format!("/comptoir/v1/companies/{key}")).await.expect(200).json();
    company["id"].as_str().or_else(|| company["guid"].as_str()).unwrap().to_owned()
}

/// Adds the headers that the contract wants.
pub fn lp(call: crate::support::Call, language: &str) -> crate::support::Call {
    call.header("accept-language", language)
        .header("x-lp-client-identifier", "16d1f9cd-4d1b-459b-9b8a-1f8f6e3bee3e")
        .header("x-lp-client-type", "App")
}

/// Uploads a workbook.
pub async fn upload(client: &Client, org: &str, query: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("/v5/orgs/{org}/async/imports/nomenclature:new.xlsx{query}");
    lp(client.call(Method::POST, &path), "en-US").header("content-type", XLSX).body(bytes).send().await
}

/// Uploads a file by its name, in a form.
pub async fn upload_form(client: &Client, org: &str, query: &str, name: &str, bytes: &[u8]) -> Answer {
    let path = format!("/v5/orgs/{org}/async/imports/nomenclature:new.xlsx{query}");
    let mut body = format!(
        "--b0und4ry\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b0und4ry\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--b0und4ry--\r\n");
    let call = lp(client.call(Method::POST, &path), "en-US");
    call.header("content-type", "multipart/form-data; boundary=b0und4ry").body(body).send().await
}

/// The messages of a task's resolutions of a kind.
pub fn said(task: &Value, kind: &str) -> Vec<String> {
    let resolutions = task["resolutions"].as_array().unwrap();
    let of_kind = resolutions.iter().filter(|resolution| resolution["type"] == kind);
    of_kind.map(|resolution| resolution["message"].as_str().unwrap().to_owned()).collect()
}

/// The figures of a task: created, updated, unchanged, archived, refused.
pub fn figures(task: &Value) -> [i64; 5] {
    let resolutions = task["resolutions"].as_array().unwrap();
    let start = resolutions
        .iter()
        .position(|resolution| resolution["message"].as_str().is_some_and(|text| text.contains("reated: ")));
    let start = start.unwrap_or_else(|| panic!("no figures: {task:#}"));
    [0, 1, 2, 3, 4].map(|at| {
        let message = resolutions[start + at]["message"].as_str().unwrap();
        message.rsplit(' ').next().unwrap().parse().unwrap()
    })
}

/// Goods as rows, for most tests: name, price, EAN-13.
pub fn priced(rows: &[(&str, &str, u64)]) -> Vec<u8> {
    let mut all = vec![vec![Put::from("Name"), Put::from("Price"), Put::from("EAN-13")]];
    all.extend(rows.iter().map(|(name, price, code)| vec![Put::from(*name), Put::from(*price), Put::from(ean(*code))]));
    workbook(&all)
}
