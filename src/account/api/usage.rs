//! The half of the account contract that is about usage: statistics, report, data, quota. Extract, one call, convert.
//!
//! Must not know: SQL, other domains. Source of names and bounds: the vendor's account document, version 7.9.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::words::{Date, Flow, ProcessType, Service};
use super::{AccountTags, Answer, usage_failure};
use crate::account::model::{self, Kind, KindFilter};
use crate::account::quota::Limits;
use crate::account::service::UsageService;
use crate::account::usage::DayUsage;
use crate::http::download::Download;
use crate::http::json::Written;
use crate::http::{Caller, Failure};
use crate::i18n::Language;

/// What a user used, day by day.
#[derive(Debug, Object, Serialize)]
pub struct UserStatistics {
    /// Unique name of the user.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"\w+"))]
    username: String,
    /// The days with usage, in their order.
    #[oai(validator(max_items = 3653))]
    dates: Vec<DateStatistics>,
}

/// What was used on a day.
#[derive(Debug, Object, Serialize)]
pub struct DateStatistics {
    /// The user's local day.
    date: Date,
    /// By service.
    #[oai(validator(max_items = 8))]
    services: Vec<ServiceStatistics>,
}

/// What was used of a service on a day.
#[derive(Debug, Object, Serialize)]
pub struct ServiceStatistics {
    /// The service.
    service: Service,
    /// By process type.
    #[oai(validator(min_items = 1, max_items = 100))]
    processes: Vec<ProcessStatistics>,
}

/// What was used of a service and process type on a day.
#[derive(Debug, Object, Serialize)]
pub struct ProcessStatistics {
    /// The process type.
    process_type: ProcessType,
    /// How many different points there were.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    unique_points_per_day: i64,
    /// How many points there were, repeated ones included.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points_per_day: i64,
    /// How many elements the results had.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    elements_per_day: i64,
    /// How many processes were begun.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    processes_per_day: i64,
}

impl UserStatistics {
    /// Rows in the order of days, services and types, as the contract nests them.
    fn new(username: String, rows: &[DayUsage]) -> Self {
        let dates = rows.chunk_by(|one, next| one.day == next.day).map(|rows| DateStatistics {
            date: Date(rows[0].day),
            services: rows.chunk_by(|one, next| one.kind.service == next.kind.service).map(of_service).collect(),
        });
        Self { username, dates: dates.collect() }
    }
}

fn of_service(rows: &[DayUsage]) -> ServiceStatistics {
    let processes = rows.iter().map(|row| ProcessStatistics {
        process_type: ProcessType(row.kind.process_type),
        unique_points_per_day: row.usage.unique_points,
        points_per_day: row.usage.points,
        elements_per_day: row.usage.elements,
        processes_per_day: row.usage.processes,
    });
    ServiceStatistics { service: Service(rows[0].kind.service), processes: processes.collect() }
}

/// What the caller may use.
#[derive(Debug, Object)]
pub struct QuotasResult {
    /// The limits of every service.
    base: QuotaBase,
}

/// Limits by service.
#[derive(Debug, Object)]
pub struct QuotaBase {
    /// The services that are limited.
    #[oai(validator(min_items = 1, max_items = 8))]
    services: Vec<ServiceQuota>,
}

/// Limits of a service.
#[derive(Debug, Object)]
pub struct ServiceQuota {
    /// The service.
    service: Service,
    /// By process type.
    #[oai(validator(min_items = 1, max_items = 100))]
    processes: Vec<ProcessQuota>,
}

/// Limits of a service and process type.
#[derive(Debug, Object)]
pub struct ProcessQuota {
    /// The process type.
    process_type: ProcessType,
    /// The most points of one start.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    points_per_request: i64,
    /// The most points of a local day.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    points_per_day: i64,
    /// The most processes at once.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    max_concurrent_execution: i64,
}

impl From<Vec<(Kind, Limits)>> for QuotasResult {
    fn from(limits: Vec<(Kind, Limits)>) -> Self {
        let process = |(kind, limits): &(Kind, Limits)| ProcessQuota {
            process_type: ProcessType(kind.process_type),
            points_per_request: limits.points_per_request,
            points_per_day: limits.points_per_day,
            max_concurrent_execution: limits.max_concurrent_execution,
        };
        let services = limits.chunk_by(|(one, _), (next, _)| one.service == next.service).map(|rows| ServiceQuota {
            service: Service(rows[0].0.service),
            processes: rows.iter().map(process).collect(),
        });
        Self { base: QuotaBase { services: services.collect() } }
    }
}

/// At which stage data is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "UPPERCASE")]
pub enum FlowStage {
    /// As it came, or went.
    Raw,
}

fn input() -> Flow {
    Flow(model::Flow::Input)
}

fn raw() -> FlowStage {
    FlowStage::Raw
}

fn filter(service: Option<Service>, process_type: Option<ProcessType>) -> KindFilter {
    KindFilter { service: service.map(|one| one.0), process_type: process_type.map(|one| one.0) }
}

/// The account contract's statistics, reports, data and quotas.
pub struct UsageApi(pub UsageService);

#[OpenApi]
impl UsageApi {
    /// Read the statistics
    ///
    /// What the caller used on each local day, by service and process type; days without usage are left out. Without
    /// `from` it begins with the current month, without `to` it ends yesterday. At most 3653 days.
    #[oai(
        path = "/account/statistics",
        method = "get",
        operation_id = "generate_statistics",
        tag = "AccountTags::Usage"
    )]
    async fn generate_statistics(
        &self,
        caller: Caller,
        /// The first day, included.
        from: Query<Option<Date>>,
        /// The last day, included.
        to: Query<Option<Date>>,
        /// Only this service.
        service: Query<Option<Service>>,
        /// Only this process type.
        process_type: Query<Option<ProcessType>>,
    ) -> Answer<Written<UserStatistics>> {
        let days = (from.0.map(|day| day.0), to.0.map(|day| day.0));
        let username = caller.username.to_string();
        let write = move |rows: &[DayUsage]| Written::new(&UserStatistics::new(username, rows));
        let filter = filter(service.0, process_type.0);
        Ok(self.0.statistics(&caller, days, filter, write).await.map_err(usage_failure)?)
    }

    /// Get the usage report
    ///
    /// The statistics as a workbook (XLSX): totals with a chart of points per day, and a row per day, service and process
    /// type. An ADMIN gets every user of the company. Labels are in the language that `Accept-Language` prefers:
    /// English, Russian or Ukrainian.
    #[oai(path = "/account/report", method = "get", operation_id = "generate_report", tag = "AccountTags::Usage")]
    async fn generate_report(
        &self,
        caller: Caller,
        /// The first day, included.
        from: Query<Option<Date>>,
        /// The last day, included.
        to: Query<Option<Date>>,
        /// Only this service.
        service: Query<Option<Service>>,
        /// Only this process type.
        process_type: Query<Option<ProcessType>>,
        /// The languages the caller prefers.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Answer<Download> {
        let days = (from.0.map(|day| day.0), to.0.map(|day| day.0));
        let language = Language::negotiate(accept_language.0.as_deref());
        let filter = filter(service.0, process_type.0);
        let (file, period) = self.0.report(&caller, days, filter, language).await.map_err(usage_failure)?;
        let name = format!("usage_{}_{}.xlsx", period.from, period.to);
        Ok(Download::of_file(&name, file).map_err(Failure::internal)?.in_language(language))
    }

    /// Read data of a process
    ///
    /// What went into a process, or came out of it, as its service kept it: for the user the process was for, and for
    /// ADMINs of the company.
    #[oai(path = "/account/data/:process_code", method = "get", operation_id = "read_data", tag = "AccountTags::Usage")]
    async fn read_data(
        &self,
        caller: Caller,
        /// Unique id of the process.
        process_code: Path<Uuid>,
        /// Which way the data went.
        #[oai(default = "input")]
        data_flow_type: Query<Flow>,
        /// At which stage it was taken.
        #[oai(default = "raw")]
        data_flow_stage: Query<FlowStage>,
    ) -> Answer<Download> {
        // The only stage there is.
        let FlowStage::Raw = data_flow_stage.0;
        Ok(data(&self.0, &caller, process_code.0, data_flow_type.0)?)
    }

    /// Read the quotas
    ///
    /// The caller's limits by service and process type. A kind of work that is not named is not limited; without any
    /// limits each is named with the highest one.
    #[oai(path = "/account/quota", method = "get", operation_id = "read_quota", tag = "AccountTags::Usage")]
    async fn read_quota(&self, caller: Caller) -> Answer<Json<QuotasResult>> {
        Ok(Json(self.0.read_quota(&caller).map_err(usage_failure)?.into()))
    }
}

/// The data of a process as a download.
pub fn data(service: &UsageService, caller: &Caller, code: Uuid, flow: Flow) -> Result<Download, Failure> {
    let file = service.file(caller, code, flow.0).map_err(usage_failure)?;
    let name = format!("{code}.{}", flow.0.as_str().to_lowercase());
    let length = u64::try_from(file.size).map_err(Failure::internal)?;
    Ok(Download::new(&name, length, service.pieces(file)))
}

/// An example of [`UserStatistics`], as the vendor's document shows it.
pub fn statistics_example() -> Value {
    json!({
        "username": "username_for_login",
        "dates": [{
            "date": "2024-11-05",
            "services": [{
                "service": "UNIVERSAL",
                "processes": [{
                    "process_type": "PLAN",
                    "unique_points_per_day": 1500,
                    "points_per_day": 2500,
                    "elements_per_day": 2500,
                    "processes_per_day": 776,
                }],
            }],
        }],
    })
}

/// An example of [`QuotasResult`], as the vendor's document shows it.
pub fn quota_example() -> Value {
    json!({
        "base": {
            "services": [{
                "service": "UNIVERSAL",
                "processes": [{
                    "process_type": "PLAN",
                    "points_per_request": 1500,
                    "points_per_day": 25000,
                    "max_concurrent_execution": 5,
                }],
            }],
        },
    })
}
