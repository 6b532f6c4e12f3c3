//! The audit on the wire: actions, their requests and statistics, and an answer that is written as it is read.
//!
//! Must not know: SQL, other domains. Source of names, order and bounds: the vendor's account document, 7.9.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use chrono::FixedOffset;
use futures_util::stream;
use poem::http::header::CONTENT_TYPE;
use poem::{Body, IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromParameter, ParseResult, ToJSON, Type};
use poem_openapi::{ApiResponse, Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use super::errors::Tracedata;
use super::words::{CalculationStatus, ProcessType, Service};
use crate::account::moment;
use crate::account::service::{ActionList, AuditError};
use crate::audit::list::{Counters, Listed};
use crate::audit::model::NewRequest;
use crate::http::wire::Instant;

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename_all = "UPPERCASE")]
pub enum SortDirection {
    /// The smallest first.
    #[default]
    Asc,
    /// The largest first.
    Desc,
}

/// How a calculation went.
#[derive(Debug, Object)]
pub struct CalculationInfo {
    /// How it stands.
    pub status: CalculationStatus,
    /// Version of the result.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    pub result_version: u32,
    /// Time spent on preparing.
    #[oai(validator(min_length = 3, max_length = 16))]
    pub preparing_time: String,
    /// Time spent on checking what was asked for.
    #[oai(validator(min_length = 3, max_length = 16))]
    pub business_validation_time: String,
    /// Time spent on checking whether it can be calculated.
    #[oai(validator(min_length = 3, max_length = 16))]
    pub math_validation_time: String,
    /// Time spent on waiting.
    #[oai(validator(min_length = 3, max_length = 16))]
    pub waiting_time: String,
    /// Time spent on calculating.
    #[oai(validator(min_length = 3, max_length = 16))]
    pub calculation_time: String,
}

/// What an action asked for and brought.
#[derive(Debug, Object)]
pub struct AuditActionStatistics {
    /// Points asked for.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    pub request_points_count: u32,
    /// Elements produced; for refused sign-ins, how many.
    #[oai(validator(minimum(value = "0"), maximum(value = "100000000")))]
    pub result_elements_count: u32,
    /// How the calculation went.
    pub calculation_info: CalculationInfo,
}

/// An action: a process of some service.
#[derive(Debug, Object)]
pub struct AuditAction {
    /// Unique id of the process.
    pub process_code: Uuid,
    /// The type of the process.
    pub process_type: ProcessType,
    /// Who is answerable for it; `comptoir.server` and `comptoir.command` stand for the server and its command line.
    #[oai(validator(min_length = 2, max_length = 256))]
    pub username: String,
    /// That user's company: its key.
    #[oai(validator(min_length = 3, max_length = 256))]
    pub company: String,
    /// The service that worked.
    pub service: Service,
    /// When it began, at the caller's offset.
    pub time: Instant,
    /// The requests made for it.
    pub requests: Vec<Tracedata>,
    /// What it asked for and brought.
    pub statistics: AuditActionStatistics,
    /// Whether its input is kept.
    pub input_file_exists: bool,
    /// Whether its output is kept.
    pub output_file_exists: bool,
}

/// A count of actions.
#[derive(Debug, Object)]
pub struct AuditCountersDetail {
    /// How many.
    pub total: u64,
}

/// How many actions there are, whatever the page.
#[derive(Debug, Object)]
pub struct AuditCounters {
    /// In the period.
    pub overall: AuditCountersDetail,
    /// Of them, those that pass the filters.
    pub filter: AuditCountersDetail,
}

impl From<Counters> for AuditCounters {
    fn from(counters: Counters) -> Self {
        Self {
            overall: AuditCountersDetail { total: counters.overall },
            filter: AuditCountersDetail { total: counters.filtered },
        }
    }
}

/// What was done.
#[derive(Debug, Object)]
pub struct AccountAuditResult {
    /// The actions.
    #[oai(validator(max_items = 10_000_000))]
    pub actions: Vec<AuditAction>,
    /// How many there are.
    pub counters: AuditCounters,
}

impl AuditAction {
    fn of(listed: Listed, company: &str, offset: FixedOffset) -> Self {
        let Listed { action, requests } = listed;
        let recorded = action.recorded;
        let trace = |request: NewRequest| Tracedata {
            process_code: recorded.process,
            request_code: request.request,
            username: recorded.username.clone(),
            company: company.to_owned(),
            service: recorded.service.as_str().to_owned(),
            operation: request.operation,
            env: request.env,
            pod: request.pod,
            time: Instant::exact_at_offset(request.time.at, offset),
        };
        let requests = requests.into_iter().map(trace).collect();
        let outcome = recorded.outcome;
        Self {
            process_code: recorded.process,
            process_type: ProcessType(recorded.process_type),
            username: recorded.username,
            company: company.to_owned(),
            service: Service(recorded.service),
            time: Instant::exact_at_offset(recorded.time.at, offset),
            requests,
            statistics: AuditActionStatistics {
                request_points_count: recorded.points,
                result_elements_count: outcome.elements,
                calculation_info: CalculationInfo {
                    status: CalculationStatus(outcome.status),
                    result_version: outcome.result_version,
                    preparing_time: moment::duration(outcome.timings.preparing),
                    business_validation_time: moment::duration(outcome.timings.business_validation),
                    math_validation_time: moment::duration(outcome.timings.math_validation),
                    waiting_time: moment::duration(outcome.timings.waiting),
                    calculation_time: moment::duration(outcome.timings.calculation),
                },
            },
            input_file_exists: action.input_file_exists,
            output_file_exists: action.output_file_exists,
        }
    }
}

/// The audit, written as it is read: a slice of actions is in memory, whatever the limit.
pub struct AuditAnswer(Response);

impl AuditAnswer {
    /// The actions of `list`. What fits into its first slice has a length; the rest is read while it is sent.
    pub fn new(list: ActionList, company: &str, offset: FixedOffset) -> Self {
        let writer = Arc::new(Writer { company: company.to_owned(), offset });
        let tail = tail(list.counters());
        let body = if list.is_whole() {
            let mut text = b"{\"actions\":[".to_vec();
            writer.actions(&mut text, list.into_first(), true);
            text.extend_from_slice(&tail);
            Body::from_bytes(text.into())
        } else {
            streamed(list, writer, tail)
        };
        Self(Response::builder().header(CONTENT_TYPE, "application/json").body(body))
    }
}

fn tail(counters: Counters) -> Bytes {
    let counters = AuditCounters::from(counters).to_json_string();
    [b"],\"counters\":", counters.as_bytes(), b"}"].concat().into()
}

/// Writes actions for one caller.
struct Writer {
    company: String,
    offset: FixedOffset,
}

impl Writer {
    fn actions(&self, text: &mut Vec<u8>, actions: Vec<Listed>, first: bool) {
        let mut separator: &[u8] = if first { b"" } else { b"," };
        for listed in actions {
            text.extend_from_slice(separator);
            separator = b",";
            let action = AuditAction::of(listed, &self.company, self.offset);
            text.extend_from_slice(action.to_json_string().as_bytes());
        }
    }
}

/// How far a stream has come.
enum Stage {
    Begin(ActionList),
    Middle(ActionList),
    End,
}

fn streamed(list: ActionList, writer: Arc<Writer>, tail: Bytes) -> Body {
    let stages = stream::try_unfold(Stage::Begin(list), move |stage| {
        let (writer, tail) = (Arc::clone(&writer), tail.clone());
        async move {
            let (first, mut list) = match stage {
                Stage::Begin(list) => (true, list),
                Stage::Middle(list) => (false, list),
                Stage::End => return Ok(None),
            };
            let actions = list.slice().await.map_err(broken_off)?;
            if actions.is_empty() {
                return Ok(Some((tail, Stage::End)));
            }
            let written = tokio::task::spawn_blocking(move || {
                let mut text = if first { b"{\"actions\":[".to_vec() } else { Vec::new() };
                writer.actions(&mut text, actions, first);
                Bytes::from(text)
            });
            let written = written.await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(Some((written, Stage::Middle(list))))
        }
    });
    Body::from_bytes_stream(stages)
}

/// The status is sent already: all that is left is to break off, which every client notices.
fn broken_off(error: AuditError) -> std::io::Error {
    tracing::error!(%error, "an audit broke off while it was sent");
    std::io::Error::other(error)
}

impl IntoResponse for AuditAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for AuditAnswer {
    fn meta() -> MetaResponses {
        let content =
            vec![MetaMediaType { content_type: "application/json", schema: AccountAuditResult::schema_ref() }];
        let answer =
            MetaResponse { description: "", status: Some(200), status_range: None, content, headers: Vec::new() };
        MetaResponses { responses: vec![answer] }
    }

    fn register(registry: &mut Registry) {
        AccountAuditResult::register(registry);
    }
}

/// An instant in a query, as it was written: without an offset it is the caller's, who is known later.
#[derive(Debug)]
pub struct Moment(pub String);

impl Type for Moment {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromParameter for Moment {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self(value.to_owned()))
    }
}

impl ToJSON for Moment {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

/// An example of [`AccountAuditResult`], as the vendor's document shows it.
pub fn audit_example() -> Value {
    let trace = json!({
        "process_code": "11111111-2222-3333-4444-555555555555",
        "request_code": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "username": "username_for_login",
        "company": "smart_company",
        "service": "UNIVERSAL",
        "operation": "run_plan_calculation",
        "env": "edge7",
        "pod": "11111111-2222-3333-4444-555555555555",
        "time": "2024-11-21T09:30:00+03:00",
    });
    let info = json!({
        "status": "FINISHED_IN_TIME",
        "result_version": 133,
        "preparing_time": "PT1H45M",
        "business_validation_time": "PT1H45M",
        "math_validation_time": "PT1H45M",
        "waiting_time": "PT1H45M",
        "calculation_time": "PT1H45M",
    });
    let action = json!({
        "process_code": "11111111-2222-3333-4444-555555555555",
        "process_type": "PLAN",
        "username": "username_for_login",
        "company": "smart_company",
        "service": "UNIVERSAL",
        "time": "2024-11-21T09:30:00+03:00",
        "requests": [trace],
        "statistics": {"request_points_count": 1500, "result_elements_count": 500, "calculation_info": info},
        "input_file_exists": true,
        "output_file_exists": true,
    });
    json!({"actions": [action], "counters": {"overall": {"total": 1}, "filter": {"total": 1}}})
}
