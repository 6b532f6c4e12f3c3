//! What is asked for. `token` and `format` are common to all and read by the call itself.

use poem_openapi::Object;

use super::extras::bodies;
use crate::audience::model::{Feedback, FeedbackFormat, Refresh, Refused};

bodies!(
    RefreshResource,
    RefreshDatabase,
    TaskStatusRequest,
    ListRequest,
    GetResource,
    ResourceCounters,
    DatabaseCounters,
);

/// Whom to tell when a refresh has ended.
#[derive(Debug, Object)]
#[oai(rename = "AudienceFeedback")]
pub struct FeedbackRequest {
    /// `JSON` or `XML`, in any case.
    #[oai(rename = "type")]
    pub kind: String,
    /// The URL, of either scheme of the web, that the task's final status is sent to, with POST.
    #[oai(validator(max_length = 2048))]
    pub url: String,
}

impl FeedbackRequest {
    /// In checked values, as far as they can be checked without knowing where calls may go.
    pub fn into_feedback(self) -> Result<Feedback, Refused> {
        let format = FeedbackFormat::parse(&self.kind).map_err(|rule| Refused { field: "feedback.type", rule })?;
        Ok(Feedback { format, url: self.url })
    }
}

/// A refresh of a resource's figures in a list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceRefreshResource")]
pub struct RefreshResource {
    /// The resource.
    pub id: i64,
    /// The list.
    pub list_id: i64,
    /// Whom to tell when it has ended.
    pub feedback: Option<FeedbackRequest>,
}

/// The same, asked of the list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceRefreshDatabase")]
pub struct RefreshDatabase {
    /// The list.
    pub id: i64,
    /// The resource.
    pub resource_id: i64,
    /// Whom to tell when it has ended.
    pub feedback: Option<FeedbackRequest>,
}

/// Which task.
#[derive(Debug, Object)]
#[oai(rename = "AudienceTaskStatusRequest")]
pub struct TaskStatusRequest {
    /// The id a refresh was answered with.
    #[oai(validator(max_length = 64))]
    pub task_id: String,
}

fn first() -> i64 {
    1
}

fn full() -> u32 {
    1000
}

/// A part of a list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceListRequest")]
pub struct ListRequest {
    /// The first number to show.
    #[oai(default = "first", validator(minimum(value = "0")))]
    pub from_id: i64,
    /// How many at most.
    #[oai(default = "full", validator(minimum(value = "1"), maximum(value = "1000")))]
    pub limit: u32,
}

/// Which resource.
#[derive(Debug, Object)]
#[oai(rename = "AudienceGetResource")]
pub struct GetResource {
    /// Its number.
    pub id: i64,
}

/// Which resource in which list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceResourceCounters")]
pub struct ResourceCounters {
    /// The resource.
    pub id: i64,
    /// The list.
    pub list_id: i64,
}

/// Which list for which resource.
#[derive(Debug, Object)]
#[oai(rename = "AudienceDatabaseCounters")]
pub struct DatabaseCounters {
    /// The list.
    pub id: i64,
    /// The resource.
    pub resource_id: i64,
}

impl From<&RefreshResource> for Refresh {
    fn from(body: &RefreshResource) -> Self {
        Self { list: body.list_id, resource: body.id }
    }
}

impl From<&RefreshDatabase> for Refresh {
    fn from(body: &RefreshDatabase) -> Self {
        Self { list: body.id, resource: body.resource_id }
    }
}

impl From<ResourceCounters> for Refresh {
    fn from(body: ResourceCounters) -> Self {
        Self { list: body.list_id, resource: body.id }
    }
}

impl From<DatabaseCounters> for Refresh {
    fn from(body: DatabaseCounters) -> Self {
        Self { list: body.id, resource: body.resource_id }
    }
}
