//! The schedules contract on the wire: handlers. Extract, one call, convert.
//!
//! Must not know: SQL, other domains. Source of names and shapes: the vendor's document, the seed; of the rest:
//! contracts/schedules.md.

mod errors;
mod house;
mod wire;

/// Words that a fixture has in common with the contract.
pub mod words {
    pub use super::house::wire::{ExceptionKind, PartyKindWord};
    pub use super::wire::FrequencyWord;
}

use std::collections::BTreeMap;
use std::sync::Arc;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};

use self::errors::{ScheduleErrors, render};
pub use self::house::{OrderWindowsApi, PartiesApi};
use self::wire::{PartyName, Schedule, ScheduleRequest, Session, SignIn, parties};
use crate::auth::model::PartyRef;
use crate::http::document::Example;
use crate::http::form::CheckedForm;
use crate::http::json::Checked;
use crate::http::{AnyCredential, Caller, Contract, Failure, Refused, RequestContext};
use crate::schedules::SchedulesService;
use crate::schedules::model::ScheduleId;

/// The contract, for the shared HTTP layer.
pub const CONTRACT: Contract = Contract {
    name: "schedules",
    prefixes: &["/api/distribex", "/api/authorization"],
    body_limit: 1024 * 1024,
    seldom: &[(
        409,
        &[
            "create_schedule",
            "replace_schedule",
            "create_party",
            "set_schedule_exception",
            "set_holiday",
            "create_calendar_feed",
        ],
    )],
    basic: true,
    ..Contract::plain(render)
};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("create_sid", wire::sign_in_example),
    ("create_schedule", wire::new_schedule_example),
    ("replace_schedule", wire::schedule_example),
    ("find_distributor_schedules", wire::producers_example),
    ("create_party", house::wire::new_party_example),
    ("change_party", house::wire::party_change_example),
    ("set_user_parties", house::wire::binding_example),
    ("set_company_zone", house::wire::zone_example),
    ("set_schedule_exception", house::wire::exception_example),
    ("set_holiday", house::wire::holiday_example),
    ("create_calendar_feed", house::wire::new_feed_example),
];

/// What the answers look like.
pub const ANSWERS: &[Example] = &[
    ("create_sid", wire::session_example),
    ("list_schedules", wire::schedules_answer),
    ("create_schedule", wire::schedule_answer),
    ("replace_schedule", wire::schedule_answer),
    ("find_distributor_schedules", wire::relevant_answer),
    ("list_schedule_days", wire::days_answer),
];

/// How many schedules a page has when nobody says.
const DEFAULT_LIMIT: u32 = 20;

#[derive(Tags)]
enum ScheduleTags {
    /// Getting a SID.
    #[oai(rename = "schedules: authorization")]
    Authorization,
    /// What a producer publishes.
    #[oai(rename = "schedules: producer")]
    Producer,
    /// What that is to a distributor.
    #[oai(rename = "schedules: distributor")]
    Distributor,
}

type Answer<T> = Result<T, Refused<ScheduleErrors>>;

/// The schedules contract.
pub struct SchedulesApi(pub SchedulesService);

#[OpenApi]
impl SchedulesApi {
    /// Get a SID
    ///
    /// Exchanges a name, or a confirmed e-mail address, and a password for a session, to be sent bare as
    /// `Authorization: <SID>`. It ends after 20 minutes of idleness, and at once when the password, the user or its roles
    /// change.
    #[oai(
        path = "/api/authorization/hash",
        method = "post",
        operation_id = "create_sid",
        tag = "ScheduleTags::Authorization"
    )]
    async fn create_sid(
        &self,
        context: Data<&Arc<RequestContext>>,
        /// The party to act for where no other is named.
        gln: Query<Option<String>>,
        body: CheckedForm<SignIn>,
    ) -> Answer<Json<Session>> {
        let SignIn { username, password } = body.0;
        let sid = self.0.auth().open_session(&username, &password, gln.0, context.client, context.id).await?;
        Ok(Json(Session { sid }))
    }

    /// List the producer's schedules
    ///
    /// The newest change first.
    #[oai(
        path = "/api/distribex/producer/schedules",
        method = "get",
        operation_id = "list_schedules",
        tag = "ScheduleTags::Producer"
    )]
    async fn list(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        /// How many at most; 20 if nobody says.
        #[oai(validator(minimum(value = "1"), maximum(value = "10000")))]
        limit: Query<Option<u32>>,
        /// How many to pass over.
        offset: Query<Option<u32>>,
    ) -> Answer<Json<Vec<Schedule>>> {
        let (limit, offset) = (limit.0.unwrap_or(DEFAULT_LIMIT), offset.0.unwrap_or(0));
        let page = self.0.list(caller.principal(), gln.0, limit as usize, offset as usize).await?;
        Ok(Json(page.into_iter().map(Schedule::from).collect()))
    }

    /// Publish a schedule
    ///
    /// Two schedules of one producer and one type must not overlap in their dates for the same distributor (type 2: at
    /// all).
    #[oai(
        path = "/api/distribex/producer/schedules",
        method = "post",
        operation_id = "create_schedule",
        tag = "ScheduleTags::Producer"
    )]
    async fn create(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        body: Checked<ScheduleRequest>,
    ) -> Answer<Json<Schedule>> {
        let draft = body.0.into_draft()?;
        Ok(Json(self.0.create(caller.principal(), gln.0, draft).await?.into()))
    }

    /// Replace a schedule
    ///
    /// All of it: what is absent is erased, not merged.
    #[oai(
        path = "/api/distribex/producer/schedules",
        method = "patch",
        operation_id = "replace_schedule",
        tag = "ScheduleTags::Producer"
    )]
    async fn replace(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        body: Checked<ScheduleRequest>,
    ) -> Answer<Json<Schedule>> {
        let id = body.0.id.ok_or_else(|| Failure::invalid_field("id", "is required"))?;
        let draft = body.0.into_draft()?;
        Ok(Json(self.0.replace(caller.principal(), gln.0, ScheduleId(id), draft).await?.into()))
    }

    /// Withdraw a schedule
    ///
    /// For good, with its exceptions and the addresses of its calendar.
    #[oai(
        path = "/api/distribex/producer/schedules",
        method = "delete",
        operation_id = "delete_schedule",
        tag = "ScheduleTags::Producer"
    )]
    async fn delete(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        /// The schedule's number.
        schedule_id: Query<i64>,
    ) -> Answer<()> {
        Ok(self.0.delete(caller.principal(), gln.0, ScheduleId(schedule_id.0)).await?)
    }

    /// Find the schedules that matter to a distributor
    ///
    /// By producer, the one that is relevant now: an individual schedule wins over a general one even if it has not begun,
    /// ended ones are not relevant. A producer without one is left out.
    #[oai(
        path = "/api/distribex/distributor/schedules",
        method = "post",
        operation_id = "find_distributor_schedules",
        tag = "ScheduleTags::Distributor"
    )]
    async fn relevant(
        &self,
        caller: Caller<AnyCredential>,
        /// The distributor's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        body: Checked<Vec<PartyName>>,
    ) -> Answer<Json<BTreeMap<String, Schedule>>> {
        if body.0.len() > MOST_PRODUCERS {
            return Err(Failure::invalid_field("body", format!("must have at most {MOST_PRODUCERS} items")).into());
        }
        let producers = parties(&body.0, "body")?;
        let found = self.0.relevant(&caller, gln.0.as_deref(), &producers)?;
        Ok(Json(found.into_iter().map(|(id, shown)| (id.to_string(), shown.into())).collect()))
    }

    /// List the days of a month on which orders may be sent
    #[oai(
        path = "/api/distribex/distributor/schedules/days",
        method = "get",
        operation_id = "list_schedule_days",
        tag = "ScheduleTags::Distributor"
    )]
    async fn days(
        &self,
        caller: Caller<AnyCredential>,
        /// The distributor's GLN; absent: the only party the caller is bound to.
        gln: Query<Option<String>>,
        /// The producer's number or GLN.
        producer_id: Query<String>,
        /// The year.
        #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
        year: Query<i32>,
        /// The month.
        #[oai(validator(minimum(value = "1"), maximum(value = "12")))]
        month: Query<u32>,
    ) -> Answer<Json<Vec<u32>>> {
        let producer = party("producer_id", &producer_id.0)?;
        Ok(Json(self.0.days(&caller, gln.0.as_deref(), &producer, year.0, month.0)?))
    }
}

/// So many producers are asked about at once.
const MOST_PRODUCERS: usize = 1_000;

fn party(field: &'static str, text: &str) -> Result<PartyRef, Failure> {
    PartyRef::parse(text).map_err(|rule| Failure::invalid_field(field, rule.0))
}
