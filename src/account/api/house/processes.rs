//! `/comptoir/v1/processes`: what services report of their work.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::wire::{
    FileWire, FinishWire, ProcessPage, ProcessWire, ReportWire, ReportsWire, RequestsWire, ResultWire, ResultsWire,
};
use super::{Answer, HouseTags};
use crate::account::api::usage::data;
use crate::account::api::usage_failure;
use crate::account::api::words::Flow;
use crate::account::model::Report;
use crate::account::service::UsageService;
use crate::http::body::Octets;
use crate::http::download::Download;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure, RequestContext};

/// The list's name in its page tokens.
const LIST: &str = "processes";

/// `/comptoir/v1/processes`.
pub struct ProcessesApi(pub UsageService);

#[OpenApi(tag = "HouseTags::Processes")]
impl ProcessesApi {
    /// Report a process
    ///
    /// Its start, requests made for it, its end: whatever is known. The same report again changes nothing; one that
    /// contradicts what was reported is refused. Over a quota of points the process is kept as `CANCELED_BY_QUOTA` (402);
    /// with as many running as may be, nothing is kept and it is to be tried again (429). Work that is reported with its
    /// end is never refused by a quota.
    #[oai(path = "/comptoir/v1/processes", method = "post", operation_id = "report_process")]
    async fn report(&self, caller: Caller, body: Strict<ReportWire>) -> Answer<Json<ProcessWire>> {
        Ok(Json(self.record(&caller, body.0.parse("")?).await?))
    }

    /// Report many processes
    ///
    /// Up to 10 000 reports; each is recorded or refused by itself. Those of one process are taken in their order, and all
    /// of them in a company that has quotas.
    #[oai(path = "/comptoir/v1/processes/batch", method = "post", operation_id = "report_processes")]
    async fn report_all(&self, caller: Caller, body: Strict<ReportsWire>) -> Answer<Json<ResultsWire>> {
        let codes: Vec<Uuid> = body.0.reports.iter().map(ReportWire::process_code).collect();
        let parsed =
            body.0.reports.into_iter().enumerate().map(|(at, report)| report.parse(&format!("reports[{at}].")));
        let (mut reports, mut malformed) = (Vec::with_capacity(codes.len()), Vec::new());
        for (at, report) in parsed.enumerate() {
            match report {
                Ok(report) => reports.push(report),
                Err(failure) => malformed.push((at, failure)),
            }
        }
        let outcomes = self.0.record_all(caller.principal(), reports).await.map_err(usage_failure)?;
        let mut outcomes = outcomes.into_iter();
        let mut malformed = malformed.into_iter().peekable();
        let results =
            codes.into_iter().enumerate().filter_map(|(at, code)| match malformed.next_if(|(index, _)| *index == at) {
                Some((_, failure)) => Some(ResultWire::refused(code, &failure)),
                None => outcomes.next().map(|outcome| ResultWire::of(code, outcome)),
            });
        Ok(Json(ResultsWire::from(results.collect::<Vec<_>>())))
    }

    /// List the processes
    ///
    /// Of one user, those reported last first. An ADMIN may name any user of the company.
    #[oai(path = "/comptoir/v1/processes", method = "get", operation_id = "list_processes")]
    async fn list(
        &self,
        caller: Caller,
        /// The user; without it, the caller.
        username: Query<Option<String>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<ProcessPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let before = match token.after() {
            "" => i64::MAX,
            key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list"))?,
        };
        let listed = self.0.processes(&caller, username.0.as_deref(), before, limit + 1).map_err(usage_failure)?;
        let (items, next) = paging::page(listed, limit, |last| PageToken::new(LIST, last.process.id.to_string()));
        Ok(Json(ProcessPage { items: items.into_iter().map(ProcessWire::from).collect(), next_page_token: next }))
    }

    /// Read a process
    ///
    /// How it stands.
    #[oai(path = "/comptoir/v1/processes/:process_code", method = "get", operation_id = "read_process")]
    async fn read(
        &self,
        caller: Caller,
        /// The process's code.
        process_code: Path<Uuid>,
    ) -> Answer<Json<ProcessWire>> {
        Ok(Json(self.0.process(&caller, process_code.0).map_err(usage_failure)?.into()))
    }

    /// Attach requests to a process
    ///
    /// Up to 1000 at once, all or none. A request that was reported before, with the same data, changes nothing.
    #[oai(path = "/comptoir/v1/processes/:process_code/requests", method = "post", operation_id = "attach_requests")]
    async fn attach(
        &self,
        caller: Caller,
        /// The process's code.
        process_code: Path<Uuid>,
        body: Strict<RequestsWire>,
    ) -> Answer<Json<ProcessWire>> {
        Ok(Json(self.record(&caller, body.0.parse(process_code.0)).await?))
    }

    /// Finish a process
    ///
    /// Says how it ended, what came out and how long it took. A process that was closed because nothing was heard of it
    /// can still be finished.
    #[oai(path = "/comptoir/v1/processes/:process_code/finish", method = "post", operation_id = "finish_process")]
    async fn finish(
        &self,
        caller: Caller,
        /// The process's code.
        process_code: Path<Uuid>,
        body: Strict<FinishWire>,
    ) -> Answer<Json<ProcessWire>> {
        let finish = Some(body.0.parse("")?);
        let report = Report { process_code: process_code.0, start: None, requests: Vec::new(), finish };
        Ok(Json(self.record(&caller, report).await?))
    }

    /// Upload data of a process
    ///
    /// Its input or its output, as bytes. It is there once all of it has come; the same bytes again change nothing, other
    /// bytes are refused.
    #[oai(
        path = "/comptoir/v1/processes/:process_code/files/:flow",
        method = "put",
        operation_id = "upload_process_file"
    )]
    async fn upload(
        &self,
        caller: Caller,
        context: Data<&Arc<RequestContext>>,
        /// The process's code.
        process_code: Path<Uuid>,
        /// Which way the data goes.
        flow: Path<Flow>,
        body: Octets,
    ) -> Answer<Json<FileWire>> {
        context.set_body_limit(self.0.options().max_file_size);
        let kept = self.0.upload(caller.principal(), process_code.0, flow.0.0, body.into_stream()).await;
        let file = kept.map_err(usage_failure)?;
        Ok(Json(file.into()))
    }

    /// Download data of a process
    ///
    /// For the user it was for, and for ADMINs.
    #[oai(
        path = "/comptoir/v1/processes/:process_code/files/:flow",
        method = "get",
        operation_id = "download_process_file"
    )]
    async fn download(
        &self,
        caller: Caller,
        /// The process's code.
        process_code: Path<Uuid>,
        /// Which way the data went.
        flow: Path<Flow>,
    ) -> Answer<Download> {
        Ok(data(&self.0, &caller, process_code.0, flow.0)?)
    }

    /// Remove data of a process
    ///
    /// It is gone for good, and its room in the company's storage is free again soon.
    #[oai(
        path = "/comptoir/v1/processes/:process_code/files/:flow",
        method = "delete",
        operation_id = "delete_process_file"
    )]
    async fn delete(
        &self,
        caller: Caller,
        /// The process's code.
        process_code: Path<Uuid>,
        /// Which way the data went.
        flow: Path<Flow>,
    ) -> Answer<()> {
        Ok(self.0.delete_file(caller.principal(), process_code.0, flow.0.0).await.map_err(usage_failure)?)
    }
}

impl ProcessesApi {
    async fn record(&self, caller: &Caller, report: Report) -> Result<ProcessWire, Failure> {
        Ok(self.0.record(caller.principal(), report).await.map_err(usage_failure)?.into())
    }
}
