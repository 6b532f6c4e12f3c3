//! Test controls on the wire: handlers. They stand under the house API and have its error shape.
//!
//! Must not know: SQL, the domains. Seeding and resetting may be repeated as they are, so these take no `Idempotency-Key`.

mod tester;
mod wire;

use std::time::Duration;

use poem::http::StatusCode;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};

pub use self::tester::Tester;
use self::wire::{
    AdvancedWire, CaptureWire, CapturedListWire, ClockAdvance, ClockChange, ClockWire, FaultWire, FaultsWire, NewFault,
    RequestsWire, SeededWire, SnapshotWire, SnapshotsWire,
};
use super::controls::SEED;
use super::{Controls, ControlsError};
use crate::fixtures::{self, Fixture, FixtureError};
use crate::http::document::Example;
use crate::http::json::Strict;
use crate::http::probe::faults::MOST as MOST_FAULTS;
use crate::http::probe::requests::Filter;
use crate::http::problem::Problems;
use crate::http::{Failure, Refused};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("seed_test_data", fixtures::example),
    ("set_test_clock", wire::clock_change_example),
    ("advance_test_clock", wire::clock_advance_example),
    ("set_test_fault", wire::new_fault_example),
    ("set_webhook_capture", wire::capture_example),
];

/// How long moving the clock waits unless it is told otherwise.
const PATIENCE: u32 = 30;

#[derive(Tags)]
enum TestTags {
    /// Only with `--test-controls`, on a database that was made for tests; without it nothing is at these paths. Open to
    /// whoever is on the server's own machine; from elsewhere the operator's token is needed.
    #[oai(rename = "house: test controls")]
    Controls,
}

type Answer<T> = Result<T, Refused<Problems>>;

impl From<FixtureError> for Failure {
    fn from(error: FixtureError) -> Self {
        match error {
            FixtureError::Invalid(faults) => Self::invalid(faults),
            FixtureError::Refused(fault) => {
                let message = format!("`{}` {}", fault.field, fault.rule);
                let mut failure = Self::new(StatusCode::CONFLICT, message);
                failure.fields = vec![fault];
                failure
            }
            FixtureError::Unreadable(why) => Self::invalid_field("body", why),
            FixtureError::Store(error) => error.into(),
            FixtureError::Auth(error) => error.into(),
        }
    }
}

impl From<ControlsError> for Failure {
    fn from(error: ControlsError) -> Self {
        match error {
            ControlsError::NoSnapshot(name) => Self::not_found("snapshot", name),
            ControlsError::NoRoom(_) | ControlsError::Kept(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            ControlsError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).retry(Duration::from_secs(1))
            }
            ControlsError::Fixture(error) => error.into(),
            ControlsError::Auth(error) => error.into(),
            ControlsError::Store(error) => error.into(),
        }
    }
}

/// `/comptoir/v1/test`. Without controls nothing gets here: the gate knows no such path.
pub struct TestApi(pub Option<Controls>);

impl TestApi {
    fn controls(&self) -> Result<&Controls, Failure> {
        self.0.as_ref().ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
    }
}

#[OpenApi(tag = "TestTags::Controls")]
impl TestApi {
    /// Test control: seed a fixture
    ///
    /// Brings the installation to what the fixture says, all of it or nothing; resets return to what is there then. With
    /// `fresh`, to the first start and the fixture alone. Seeding the same again changes nothing.
    #[oai(path = "/comptoir/v1/test/seed", method = "post", operation_id = "seed_test_data")]
    async fn seed_test_data(
        &self,
        _tester: Tester,
        /// Whether everything since the first start goes before.
        fresh: Query<Option<bool>>,
        body: Strict<Fixture>,
    ) -> Answer<Json<SeededWire>> {
        let seeded = self.controls()?.seed(body.0, fresh.0.unwrap_or(false)).await;
        Ok(Json(seeded.map_err(Failure::from)?.into()))
    }

    /// Test control: dump as a fixture
    ///
    /// What is there, without secrets, as a fixture that seeds it.
    #[oai(path = "/comptoir/v1/test/fixture", method = "get", operation_id = "read_test_data")]
    async fn read_test_data(&self, _tester: Tester) -> Answer<Json<Fixture>> {
        Ok(Json(self.controls()?.dump().await.map_err(Failure::from)?))
    }

    /// Test control: reset
    ///
    /// Returns to what was there after the last seeding, or to the first start: rows, clock, sign-ins, background work.
    /// What was made since is gone, JWTs too; faults, the log of requests and captured webhooks are cleared. Requests that
    /// are being handled end first.
    #[oai(path = "/comptoir/v1/test/reset", method = "post", operation_id = "reset_test_data")]
    async fn reset_test_data(&self, _tester: Tester) -> Answer<Json<SnapshotWire>> {
        Ok(Json(self.controls()?.restore(SEED).await.map_err(Failure::from)?.into()))
    }

    /// Test control: list the snapshots
    #[oai(path = "/comptoir/v1/test/snapshots", method = "get", operation_id = "list_test_snapshots")]
    async fn list_test_snapshots(&self, _tester: Tester) -> Answer<Json<SnapshotsWire>> {
        let items = self.controls()?.list().into_iter().map(SnapshotWire::from).collect();
        Ok(Json(SnapshotsWire { items }))
    }

    /// Test control: take a snapshot
    ///
    /// Under a name of its own; one of the same name is replaced. `seed` is the one that resets return to.
    #[oai(path = "/comptoir/v1/test/snapshots/:name", method = "put", operation_id = "take_test_snapshot")]
    async fn take_test_snapshot(
        &self,
        _tester: Tester,
        /// Its name: 1 to 64 small letters, digits, `_` and `-`.
        #[oai(validator(pattern = r"^[a-z0-9_-]{1,64}$"))]
        name: Path<String>,
    ) -> Answer<Json<SnapshotWire>> {
        Ok(Json(self.controls()?.keep(&name.0).await.map_err(Failure::from)?.into()))
    }

    /// Test control: delete a snapshot
    ///
    /// `start` and `seed` are always there.
    #[oai(path = "/comptoir/v1/test/snapshots/:name", method = "delete", operation_id = "delete_test_snapshot")]
    async fn delete_test_snapshot(
        &self,
        _tester: Tester,
        /// Its name.
        name: Path<String>,
    ) -> Answer<()> {
        Ok(self.controls()?.forget(&name.0).map_err(Failure::from)?)
    }

    /// Test control: return to a snapshot
    ///
    /// As a reset does.
    #[oai(path = "/comptoir/v1/test/snapshots/:name/restore", method = "post", operation_id = "restore_test_snapshot")]
    async fn restore_test_snapshot(
        &self,
        _tester: Tester,
        /// Its name.
        name: Path<String>,
    ) -> Answer<Json<SnapshotWire>> {
        Ok(Json(self.controls()?.restore(&name.0).await.map_err(Failure::from)?.into()))
    }

    /// Test control: read the clock
    #[oai(path = "/comptoir/v1/test/clock", method = "get", operation_id = "read_test_clock")]
    async fn read_test_clock(&self, _tester: Tester) -> Answer<Json<ClockWire>> {
        Ok(Json(self.controls()?.clock().into()))
    }

    /// Test control: set the clock
    ///
    /// Puts it somewhere, holds it or lets it go. What becomes due by that is done in the background; *advance* waits.
    #[oai(path = "/comptoir/v1/test/clock", method = "put", operation_id = "set_test_clock")]
    async fn set_test_clock(&self, _tester: Tester, body: Strict<ClockChange>) -> Answer<Json<ClockWire>> {
        let ClockChange { now, held } = body.0;
        let now = now.and_then(|now| now.to_timestamp());
        Ok(Json(self.controls()?.set_clock(now, held).await.into()))
    }

    /// Test control: advance the clock
    ///
    /// Moves it on, stops wherever a task becomes due until it is done, and tells what ran: retries and reminders come as
    /// they would in that time.
    #[oai(path = "/comptoir/v1/test/clock/advance", method = "post", operation_id = "advance_test_clock")]
    async fn advance_test_clock(&self, _tester: Tester, body: Strict<ClockAdvance>) -> Answer<Json<AdvancedWire>> {
        let patience = Duration::from_secs(body.0.timeout_seconds.unwrap_or(PATIENCE).into());
        let advanced = self.controls()?.advance(body.0.span()?, patience).await;
        Ok(Json(advanced.map_err(Failure::from)?.into()))
    }

    /// Test control: list the faults
    #[oai(path = "/comptoir/v1/test/faults", method = "get", operation_id = "list_test_faults")]
    async fn list_test_faults(&self, _tester: Tester) -> Answer<Json<FaultsWire>> {
        let items = self.controls()?.probe().faults.list().into_iter().map(FaultWire::from).collect();
        Ok(Json(FaultsWire { items }))
    }

    /// Test control: set a fault
    ///
    /// Requests that fit wait, are answered with a status in their contract's own shape, or are not answered at all. Test
    /// controls themselves get none. Of several faults that fit the first one that strikes counts.
    #[oai(path = "/comptoir/v1/test/faults", method = "post", operation_id = "set_test_fault")]
    async fn set_test_fault(&self, _tester: Tester, body: Strict<NewFault>) -> Answer<Json<FaultWire>> {
        let set = self.controls()?.probe().faults.add(body.0.parse()?);
        let set = set.ok_or_else(|| {
            Failure::new(StatusCode::CONFLICT, format!("there are {MOST_FAULTS} faults, and no more at once"))
        })?;
        Ok(Json(set.into()))
    }

    /// Test control: clear the faults
    #[oai(path = "/comptoir/v1/test/faults", method = "delete", operation_id = "clear_test_faults")]
    async fn clear_test_faults(&self, _tester: Tester) -> Answer<()> {
        self.controls()?.probe().faults.clear();
        Ok(())
    }

    /// Test control: delete a fault
    #[oai(path = "/comptoir/v1/test/faults/:id", method = "delete", operation_id = "delete_test_fault")]
    async fn delete_test_fault(
        &self,
        _tester: Tester,
        /// Its number.
        id: Path<u64>,
    ) -> Answer<()> {
        if self.controls()?.probe().faults.remove(id.0) {
            return Ok(());
        }
        Err(Failure::not_found("fault", id.0.to_string()).into())
    }

    /// Test control: read what came in
    ///
    /// The last 1000 requests, in the order they were answered, without credentials.
    #[oai(path = "/comptoir/v1/test/requests", method = "get", operation_id = "list_test_requests")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn list_test_requests(
        &self,
        _tester: Tester,
        /// Only of this operation.
        operation: Query<Option<String>>,
        /// Only of this method.
        method: Query<Option<String>>,
        /// Only whose path begins with this.
        path: Query<Option<String>>,
        /// Only answered with this status.
        status: Query<Option<u16>>,
        /// Only from this user.
        username: Query<Option<String>>,
        /// Only later than the one with this number.
        after: Query<Option<u64>>,
    ) -> Answer<Json<RequestsWire>> {
        let filter = Filter {
            operation: operation.0,
            method: method.0,
            path: path.0,
            status: status.0,
            username: username.0,
            after: after.0.unwrap_or(0),
        };
        let log = &self.controls()?.probe().requests;
        let items = log.list(&filter, crate::http::probe::requests::MOST).into_iter().map(Into::into).collect();
        Ok(Json(RequestsWire { total: log.count(&filter) as u64, items }))
    }

    /// Test control: forget what came in
    #[oai(path = "/comptoir/v1/test/requests", method = "delete", operation_id = "clear_test_requests")]
    async fn clear_test_requests(&self, _tester: Tester) -> Answer<()> {
        self.controls()?.probe().requests.clear();
        Ok(())
    }

    /// Test control: read captured webhooks
    ///
    /// The last 1000 calls that were kept instead of made.
    #[oai(path = "/comptoir/v1/test/webhooks", method = "get", operation_id = "list_captured_webhooks")]
    async fn list_captured_webhooks(
        &self,
        _tester: Tester,
        /// Only later than the one with this number.
        after: Query<Option<u64>>,
    ) -> Answer<Json<CapturedListWire>> {
        let capture = self.controls()?.capture();
        let items = capture.list(after.0.unwrap_or(0), crate::webhooks::capture::MOST).into_iter().map(Into::into);
        Ok(Json(CapturedListWire { capture: capture.answer().is_some(), items: items.collect() }))
    }

    /// Test control: capture webhooks
    ///
    /// Keeps calls instead of making them, and takes them to be answered as you say; or makes them again. A reset leaves
    /// this as it is.
    #[oai(path = "/comptoir/v1/test/webhooks", method = "put", operation_id = "set_webhook_capture")]
    async fn set_webhook_capture(&self, _tester: Tester, body: Strict<CaptureWire>) -> Answer<Json<CaptureWire>> {
        let CaptureWire { capture, answer } = body.0;
        let answer = StatusCode::from_u16(answer.unwrap_or(200)).unwrap_or(StatusCode::OK);
        self.controls()?.capture().set(capture.then_some(answer));
        Ok(Json(CaptureWire { capture, answer: capture.then_some(answer.as_u16()) }))
    }

    /// Test control: forget captured webhooks
    #[oai(path = "/comptoir/v1/test/webhooks", method = "delete", operation_id = "clear_captured_webhooks")]
    async fn clear_captured_webhooks(&self, _tester: Tester) -> Answer<()> {
        self.controls()?.capture().clear();
        Ok(())
    }
}
