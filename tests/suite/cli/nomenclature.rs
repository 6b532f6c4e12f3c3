//! Imports of nomenclature that `kill -9` cuts off, in each of their states: nothing is applied twice, nothing is lost.

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{GENEROUS, OPERATOR_PASSWORD, Place, Server};
use crate::nomenclature::{ean, figures, org_of, priced, upload};
use crate::support::Client;

/// Enough rows that reading and writing take several transactions.
const ROWS: u64 = 9_000;

/// A list of goods whose prices begin with this one.
fn workbook(price: u64) -> Vec<u8> {
    let rows: Vec<(String, String, u64)> =
        (1..=ROWS).map(|number| (format!("Good {number:05}"), (price + number % 7).to_string(), number)).collect();
    let rows: Vec<_> = rows.iter().map(|(name, price, code)| (name.as_str(), price.as_str(), *code)).collect();
    priced(&rows)
}

/// An installation with its operator, who imports.
struct Shop {
    place: Place,
    server: Option<Server>,
    operator: Client,
    org: String,
}

impl Shop {
    async fn open() -> Self {
        let place = Place::new();
        let server = place.serve_with_password(&[]).await;
        let operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
        let org = org_of(&operator, "comptoir").await;
        Self { place, server: Some(server), operator, org }
    }

    /// Kills the server, lets go of what `lock` holds, and starts another one.
    async fn killed(&mut self, lock: Option<Connection>) {
        self.server.take().unwrap().signal("KILL").await;
        drop(lock);
        let server = self.place.serve(&[]).await;
        self.operator = server.sign_in("operator", OPERATOR_PASSWORD).await;
        self.server = Some(server);
    }

    fn path(&self, task: &Value, more: &str) -> String {
        format!("/v5/orgs/{}/async/imports/nomenclature/{}{more}", self.org, task["guid"].as_str().unwrap())
    }

    async fn upload(&self, query: &str, price: u64) -> Value {
        upload(&self.operator, &self.org, query, workbook(price)).await.expect(200).json()
    }

    /// The task once it has this status.
    async fn until(&self, task: &Value, status: &str) -> Value {
        let waiting = async {
            loop {
                let task = self.operator.get(&self.path(task, "")).await.expect(200).json();
                if task["status"] == status {
                    return task;
                }
                assert_ne!(task["status"], "Canceled", "{task:#}");
            }
        };
        timeout(GENEROUS, waiting).await.expect("the status in time")
    }

    async fn confirm(&self, task: &Value) {
        self.operator.post(&self.path(task, "/confirm?allow_archive=true"), Value::Null).await.expect(200);
    }

    /// The catalogue's version, how many goods there are, and how many rows are of them.
    async fn catalogue(&self) -> (i64, i64, i64) {
        let conn = self.connection();
        let figures = conn.query_row(
            "SELECT c.version, c.live, (SELECT count(*) FROM nomenclature_goods g
                                        WHERE g.since <= c.version AND g.until > c.version)
             FROM nomenclature_catalogues c WHERE c.pending_plan IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        );
        figures.unwrap()
    }

    fn connection(&self) -> Connection {
        let conn = Connection::open(self.place.database()).unwrap();
        conn.busy_timeout(GENEROUS).unwrap();
        conn
    }

    /// Waits for a moment at which `there` is true, and keeps it so: nothing can be written until the connection goes.
    /// `None`: it was over before.
    async fn caught(&self, there: &'static str, over: &'static str) -> Option<Connection> {
        let conn = self.connection();
        let catching = tokio::task::spawn_blocking(move || {
            let is = |conn: &Connection, query: &str| conn.query_row(query, [], |row| row.get::<_, bool>(0)).unwrap();
            loop {
                conn.execute_batch("BEGIN IMMEDIATE").unwrap();
                if is(&conn, there) {
                    return Some(conn);
                }
                let is_over = is(&conn, over);
                conn.execute_batch("ROLLBACK").unwrap();
                if is_over {
                    return None;
                }
                std::thread::yield_now();
            }
        });
        timeout(GENEROUS, catching).await.expect("a moment").unwrap()
    }

    async fn is_well(&self) {
        let checked = self.place.succeed(&["check"]).await;
        assert!(checked.contains("is well"), "{checked}");
    }
}

const QUEUED: &str = "SELECT EXISTS (SELECT 1 FROM nomenclature_imports WHERE status = 0)";
const BEING_READ: &str = "SELECT EXISTS (SELECT 1 FROM nomenclature_plan_rows r JOIN nomenclature_plans p
                                         ON r.id / 16777216 = p.id WHERE p.state = 0)";
const READ: &str = "SELECT EXISTS (SELECT 1 FROM nomenclature_imports WHERE status = 2)";
const BEING_WRITTEN: &str = "SELECT EXISTS (SELECT 1 FROM nomenclature_catalogues c JOIN nomenclature_goods g
                                            ON g.company_id = c.company_id AND g.since = c.version + 1
                                            WHERE c.pending_plan IS NOT NULL)";
const WRITTEN: &str = "SELECT NOT EXISTS (SELECT 1 FROM nomenclature_imports WHERE status IN (0, 1, 2) OR undo = 1)";

#[tokio::test]
async fn an_import_that_is_killed_while_it_is_read_is_read_again() {
    let mut shop = Shop::open().await;
    let (mut in_queue, mut in_progress) = (false, false);
    for _ in 0..50 {
        let task = shop.upload("", 10).await;
        if !in_queue && let Some(lock) = shop.caught(QUEUED, BEING_READ).await {
            in_queue = true;
            shop.killed(Some(lock)).await;
        } else if let Some(lock) = shop.caught(BEING_READ, READ).await {
            in_progress = true;
            shop.killed(Some(lock)).await;
        }
        let waiting = shop.until(&task, "WaitingForFeedback").await;
        assert_eq!(figures(&waiting), [i64::try_from(ROWS).unwrap(), 0, 0, 0, 0]);
        shop.operator.post(&shop.path(&task, "/cancel"), Value::Null).await.expect(200);
        if in_progress {
            break;
        }
    }
    assert!(in_progress, "no import was caught while it was read");
    shop.is_well().await;
}

#[tokio::test]
async fn an_import_that_is_killed_in_the_queue_is_read_by_the_next_server() {
    let mut shop = Shop::open().await;
    let bytes = workbook(10);
    // All at once, and two are read at a time: the others wait for their turn.
    let upload = || upload(&shop.operator, &shop.org, "", bytes.clone());
    let (one, two, three, four) = tokio::join!(upload(), upload(), upload(), upload());
    let tasks = [one, two, three, four].map(|answer| answer.expect(200).json());
    let lock = shop.caught(QUEUED, WRITTEN).await.expect("it is in the queue");
    shop.killed(Some(lock)).await;
    for task in &tasks {
        let waiting = shop.until(task, "WaitingForFeedback").await;
        assert_eq!(figures(&waiting), [i64::try_from(ROWS).unwrap(), 0, 0, 0, 0]);
    }
    shop.is_well().await;
}

#[tokio::test]
async fn an_import_that_is_killed_while_it_waits_still_waits() {
    let mut shop = Shop::open().await;
    let task = shop.upload("", 10).await;
    let before = shop.until(&task, "WaitingForFeedback").await;
    shop.killed(None).await;
    let after = shop.operator.get(&shop.path(&task, "")).await.expect(200).json();
    assert_eq!(after, before);
    shop.confirm(&task).await;
    shop.until(&task, "Completed").await;
    // And once it is completed, it is not applied again.
    shop.killed(None).await;
    assert_eq!(shop.until(&task, "Completed").await["is_confirmed"], true);
    let rows = i64::try_from(ROWS).unwrap();
    assert_eq!(shop.catalogue().await, (1, rows, rows));
    shop.is_well().await;
}

#[tokio::test]
async fn an_import_that_is_killed_while_it_is_written_is_applied_once_and_can_be_undone_across_a_kill() {
    let mut shop = Shop::open().await;
    let rows = i64::try_from(ROWS).unwrap();
    let (mut version, mut caught) = (0, false);
    let mut last = Value::Null;
    for price in 1..20 {
        let task = shop.upload("", price).await;
        shop.until(&task, "WaitingForFeedback").await;
        shop.confirm(&task).await;
        if let Some(lock) = shop.caught(BEING_WRITTEN, WRITTEN).await {
            caught = true;
            // What is being written nobody sees.
            let seen: i64 = lock
                .query_row(
                    "SELECT count(*) FROM nomenclature_goods g JOIN nomenclature_catalogues c USING (company_id)
                     WHERE g.since <= c.version AND g.until > c.version",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            assert_eq!(seen, if version == 0 { 0 } else { rows });
            shop.killed(Some(lock)).await;
        }
        shop.until(&task, "Completed").await;
        version += 1;
        assert_eq!(shop.catalogue().await, (version, rows, rows));
        last = task;
        if caught && version > 1 {
            break;
        }
    }
    assert!(caught, "no import was caught while it was written");
    shop.is_well().await;

    // Undone: killed in the middle as well, if it can be caught.
    let before = shop.operator.get(&good(&shop)).await.expect(200).json()["items"][0]["price"].clone();
    let undo = format!("/comptoir/v1/nomenclature/imports/{}", last["guid"].as_str().unwrap());
    shop.operator.post(&format!("{undo}/undo"), json!({})).await.expect(200);
    if let Some(lock) = shop.caught(BEING_WRITTEN, WRITTEN).await {
        shop.killed(Some(lock)).await;
    }
    let undone = async { while shop.operator.get(&undo).await.expect(200).json()["undo"] != "done" {} };
    timeout(GENEROUS, undone).await.expect("an end");
    assert_eq!(shop.catalogue().await, (version + 1, rows, rows));
    let after = shop.operator.get(&good(&shop)).await.expect(200).json()["items"][0]["price"].clone();
    assert_ne!(after, before);
    shop.is_well().await;
}

#[tokio::test]
async fn a_cancel_in_the_middle_of_the_writing_leaves_nothing_behind_even_across_a_kill() {
    let mut shop = Shop::open().await;
    for price in 1..20 {
        let task = shop.upload("", price).await;
        shop.until(&task, "WaitingForFeedback").await;
        shop.confirm(&task).await;
        let Some(lock) = shop.caught(BEING_WRITTEN, WRITTEN).await else { continue };
        // The request waits for the lock, as the writing does; whichever comes first, a kill follows.
        let (operator, path) = (shop.operator.clone(), shop.path(&task, "/cancel"));
        let canceling = tokio::spawn(async move { operator.post(&path, Value::Null).await.status });
        tokio::task::yield_now().await;
        drop(lock);
        let status = canceling.await.unwrap();
        shop.killed(None).await;
        if status != 200 {
            continue;
        }
        let task = shop.operator.get(&shop.path(&task, "")).await.expect(200).json();
        assert_eq!(task["status"], "Canceled");
        let swept = async {
            while shop
                .connection()
                .query_row("SELECT count(*) FROM nomenclature_catalogues WHERE pending_plan IS NOT NULL", [], |row| {
                    row.get::<_, i64>(0)
                })
                .unwrap()
                > 0
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(GENEROUS, swept).await.expect("an end");
        let left: i64 = shop
            .connection()
            .query_row("SELECT count(*) FROM nomenclature_goods g JOIN nomenclature_catalogues c USING (company_id) WHERE g.since > c.version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0);
        // The catalogue can be changed again.
        let task = shop.upload("", 99).await;
        shop.until(&task, "WaitingForFeedback").await;
        shop.confirm(&task).await;
        shop.until(&task, "Completed").await;
        shop.is_well().await;
        return;
    }
    panic!("no import was canceled in the middle");
}

fn good(shop: &Shop) -> String {
    format!("/v5/orgs/{}/nomenclature?search={}", shop.org, ean(1))
}
