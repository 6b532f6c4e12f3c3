//! What services report, as the functions that domains call in their own transactions keep it.

use comptoir::audit::actions::{self, Tally};
use comptoir::audit::model::{
    ActionId, Attached, CalculationStatus, Flow, NewAction, NewRequest, Opened, Outcome, ProcessType, Service, Timings,
    Told,
};
use comptoir::auth::model::CompanyId;
use comptoir::store::{StoreError, WriteTx};
use std::time::Duration;
use uuid::Uuid;

use crate::support::{NOW, TestServer};

/// The operator's company: the first one.
const COMPANY: CompanyId = CompanyId(1);

const TIME: Told = Told { at: NOW, offset_minutes: 180 };

fn plan(process: Uuid) -> NewAction {
    NewAction {
        company: COMPANY,
        user: None,
        username: "planner".into(),
        process,
        service: Service::Universal,
        process_type: ProcessType::Plan,
        operation: "run_plan_calculation".into(),
        time: TIME,
        points: 1500,
        outcome: Outcome::of(CalculationStatus::InProgress),
    }
}

fn request(request: Uuid) -> NewRequest {
    NewRequest { request, operation: "run_plan_calculation".into(), env: "edge7".into(), pod: "pod".into(), time: TIME }
}

fn opened(outcome: Opened) -> ActionId {
    match outcome {
        Opened::New(id) => id,
        Opened::Known(action) => panic!("known: {action:?}"),
    }
}

async fn open(server: &TestServer, new: NewAction) -> Result<Opened, StoreError> {
    let open = move |tx: &WriteTx<'_>| {
        let mut tally = Tally::default();
        let opened = actions::open(tx, &new, &mut tally)?;
        tally.write(tx)?;
        Ok(opened)
    };
    server.store().write(open).await
}

async fn conclude(server: &TestServer, company: CompanyId, id: ActionId, outcome: Outcome) -> bool {
    let conclude = move |tx: &WriteTx<'_>| {
        let mut tally = Tally::default();
        let concluded = actions::conclude(tx, company, id, &outcome, &mut tally)?;
        tally.write(tx)?;
        Ok::<_, StoreError>(concluded)
    };
    server.store().write(conclude).await.unwrap()
}

/// The counters of the company: status and count.
async fn counts(server: &TestServer) -> Vec<(String, i64)> {
    let counted = server.store().read_long(|conn| {
        let mut statement =
            conn.prepare("SELECT status, count FROM action_days WHERE count > 0 AND service = 0 AND user_id = -1")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, u8>(0)?, row.get(1)?)))?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok::<_, StoreError>(
            rows.into_iter()
                .map(|(status, count)| (CalculationStatus::of_code(status).unwrap().to_string(), count))
                .collect(),
        )
    });
    counted.await.unwrap()
}

#[tokio::test]
async fn a_process_is_recorded_once_with_its_requests_its_end_and_its_files() {
    let server = TestServer::start().await;
    let store = server.store();
    let (process, first) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let id = opened(open(&server, plan(process)).await.unwrap());
    let again = open(&server, plan(process)).await.unwrap();
    assert!(matches!(&again, Opened::Known(known) if known.id == id && known.recorded == plan(process)), "{again:?}");
    assert_eq!(counts(&server).await, [("IN_PROGRESS".to_owned(), 1)]);

    let attach = move |request: NewRequest| store.write(move |tx| actions::attach(tx, COMPANY, id, &request));
    assert_eq!(attach(request(first)).await.unwrap(), Attached::New);
    assert_eq!(attach(request(first)).await.unwrap(), Attached::Known(id, request(first)));
    assert_eq!(attach(request(process)).await.unwrap(), Attached::New);

    let outcome = Outcome {
        elements: 500,
        result_version: 133,
        timings: Timings { calculation: Duration::from_millis(1_500), ..Timings::default() },
        ..Outcome::of(CalculationStatus::FinishedInTime)
    };
    assert!(conclude(&server, COMPANY, id, outcome).await);
    store.write(move |tx| actions::set_file(tx, COMPANY, id, Flow::Output, true)).await.unwrap();
    let found = store.read(|conn| actions::find(conn, COMPANY, process)).unwrap().unwrap();
    assert_eq!(found.recorded, NewAction { outcome, ..plan(process) });
    assert_eq!((found.own, found.input_file_exists, found.output_file_exists), (false, false, true));
    let requests = store.read(|conn| actions::requests(conn, COMPANY, id)).unwrap();
    assert_eq!(requests, [request(first), request(process)]);
    assert_eq!(counts(&server).await, [("FINISHED_IN_TIME".to_owned(), 1)]);
}

#[tokio::test]
async fn codes_belong_to_their_company() {
    let server = TestServer::start().await;
    server.company("acme").await;
    let (store, other) = (server.store(), CompanyId(2));
    let process = Uuid::from_u128(1);
    let id = opened(open(&server, plan(process)).await.unwrap());
    assert_eq!(store.read(|conn| actions::find(conn, other, process)).unwrap(), None);
    let canceled = Outcome::of(CalculationStatus::Canceled);
    assert!(!conclude(&server, other, id, canceled).await);
    opened(open(&server, NewAction { company: other, ..plan(process) }).await.unwrap());
    assert_eq!(store.read(|conn| actions::requests(conn, other, id)).unwrap(), []);
}

#[tokio::test]
async fn what_a_reader_would_refuse_is_not_stored() {
    let server = TestServer::start().await;
    let too_many = NewAction { points: 100_000_001, ..plan(Uuid::from_u128(1)) };
    let refused = open(&server, too_many).await;
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
    assert_eq!(counts(&server).await, []);
}
