//! What is answered, in the seed's order of fields.

use poem_openapi::{Enum, Object};

use super::words::ChannelWord;
use crate::audience::api::envelope::SUCCESS;
use crate::audience::counters::{self, ChannelFigures, StatusFigures};
use crate::audience::service::entries::{Part, ResourceUse};
use crate::audience::service::profiles::RowResult;
use crate::audience::service::refreshes::{Figures, RefreshStatus, Stage};

/// A task that was begun or joined.
#[derive(Debug, Object)]
#[oai(rename = "AudienceTaskStarted")]
pub struct TaskStarted {
    /// Its id, for `tasks/status`.
    pub task_id: String,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "AudienceTaskState", rename_all = "snake_case")]
pub enum TaskState {
    /// Its turn has not come.
    Waiting,
    /// It counts.
    InProgress,
    /// It has counted.
    Completed,
    /// It has given up; `error_text` says why.
    Failed,
    /// Somebody has canceled it.
    Canceled,
}

/// The ten figures of a channel.
#[derive(Debug, Object)]
#[oai(rename = "AudienceStatusFigures")]
pub struct StatusCounts {
    /// Profiles in the list: the same for every channel.
    pub all: i64,
    /// Subscriptions whose holder complained.
    pub complained: i64,
    /// Subscriptions whose address does not exist.
    pub hardbounced: i64,
    /// Subscriptions whose address cannot be one.
    pub invalid: i64,
    /// Subscriptions that stand.
    pub subscribed: i64,
    /// Those of them whose profile is neither suspended nor suppressed.
    pub subscribed_sendable: i64,
    /// Suspended subscriptions.
    pub suspended: i64,
    /// Subscriptions that wait for their confirmation.
    pub unconfirmed: i64,
    /// Those of them whose profile is neither suspended nor suppressed.
    pub unconfirmed_sendable: i64,
    /// Subscriptions whose holder has unsubscribed.
    pub unsubscribed: i64,
}

impl From<StatusFigures> for StatusCounts {
    fn from(figures: StatusFigures) -> Self {
        let StatusFigures {
            all,
            complained,
            hardbounced,
            invalid,
            subscribed,
            subscribed_sendable,
            suspended,
            unconfirmed,
            unconfirmed_sendable,
            unsubscribed,
        } = figures;
        Self {
            all,
            complained,
            hardbounced,
            invalid,
            subscribed,
            subscribed_sendable,
            suspended,
            unconfirmed,
            unconfirmed_sendable,
            unsubscribed,
        }
    }
}

/// The figures of a channel.
#[derive(Debug, Object)]
#[oai(rename = "AudienceChannelFigures")]
pub struct ChannelCounts {
    /// Which.
    pub channel: ChannelWord,
    /// Its ten figures.
    pub status: StatusCounts,
}

impl From<ChannelFigures> for ChannelCounts {
    fn from(figures: ChannelFigures) -> Self {
        Self { channel: figures.channel.into(), status: figures.status.into() }
    }
}

/// The figures of a resource in a list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceFigures")]
pub struct Counters {
    /// By channel: sms, push, email, then any other the list uses.
    pub channels: Vec<ChannelCounts>,
    /// Whether a refresh has not ended.
    pub in_progress: bool,
    /// When the figures were counted and how long it took; empty before the first count.
    pub last_count_time: String,
    /// The list.
    pub list_id: i64,
    /// The task of that refresh; empty when there is none.
    pub refresh_task_id: String,
    /// The moment the figures are right for.
    pub updated: String,
}

impl From<Figures> for Counters {
    fn from(figures: Figures) -> Self {
        Self {
            channels: figures.channels.into_iter().map(ChannelCounts::from).collect(),
            in_progress: figures.refresh.is_some(),
            last_count_time: figures.counted.map(|(at, took)| counters::last_count_time(at, took)).unwrap_or_default(),
            list_id: figures.list,
            refresh_task_id: figures.refresh.map(|task| task.to_string()).unwrap_or_default(),
            updated: counters::updated(figures.right_at),
        }
    }
}

/// A task as it stands.
#[derive(Debug, Object)]
#[oai(rename = "AudienceTaskStatus")]
pub struct TaskStatus {
    /// How far it is.
    pub status: TaskState,
    /// 0 to 100.
    #[oai(validator(minimum(value = "0"), maximum(value = "100")))]
    pub progress: i32,
    /// The figures it has counted, or the latest ones while it has not. One item.
    pub result: Vec<Counters>,
    /// Why it has failed.
    #[oai(skip_serializing_if_is_none)]
    pub error_text: Option<String>,
}

impl From<RefreshStatus> for TaskStatus {
    fn from(status: RefreshStatus) -> Self {
        Self {
            status: match status.stage {
                Stage::Waiting => TaskState::Waiting,
                Stage::InProgress => TaskState::InProgress,
                Stage::Completed => TaskState::Completed,
                Stage::Failed => TaskState::Failed,
                Stage::Canceled => TaskState::Canceled,
            },
            progress: status.progress.into(),
            result: status.figures.into_iter().map(Counters::from).collect(),
            error_text: status.error,
        }
    }
}

/// A list or a resource.
#[derive(Debug, Object)]
#[oai(rename = "AudienceListed")]
pub struct Listed {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// A part of a list.
#[derive(Debug, Object)]
#[oai(rename = "AudienceListAnswer")]
pub struct ListAnswer {
    /// The part; null when the request was refused.
    #[oai(nullable)]
    pub data: Option<Vec<Listed>>,
    /// 0, or why it was refused.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
    /// What `from_id` of the next part is; 0 when there is none.
    #[oai(skip_serializing_if_is_none)]
    pub next_from_id: Option<i64>,
    /// How many there are in all.
    #[oai(skip_serializing_if_is_none)]
    pub total_count: Option<i64>,
}

impl From<Part> for ListAnswer {
    fn from(part: Part) -> Self {
        let listed = part.entries.into_iter().map(|entry| Listed { id: entry.id, name: entry.name });
        Self {
            data: Some(listed.collect()),
            error: 0,
            error_text: SUCCESS.to_owned(),
            next_from_id: Some(part.next),
            total_count: Some(part.total),
        }
    }
}

/// A resource, and where it is used.
#[derive(Debug, Object)]
#[oai(rename = "AudienceResource")]
pub struct Resource {
    /// The channels it is subscribed to in.
    pub channels: Vec<ChannelWord>,
    /// The lists whose profiles subscribe to it.
    pub dbs_ids: Vec<i64>,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
}

impl From<ResourceUse> for Resource {
    fn from(resource: ResourceUse) -> Self {
        Self {
            channels: resource.channels.into_iter().map(ChannelWord::from).collect(),
            dbs_ids: resource.lists,
            id: resource.entry.id,
            name: resource.entry.name,
        }
    }
}

/// A profile's id.
#[derive(Debug, Object)]
#[oai(rename = "AudienceProfileId")]
pub struct ProfileId {
    /// 24 hexadecimal digits.
    #[oai(validator(pattern = "^[0-9a-f]{24}$"))]
    pub profile_id: String,
}

/// A profile that was made or changed.
#[derive(Debug, Object)]
#[oai(rename = "AudienceImported")]
pub struct Imported {
    /// The profile; null when the request was refused.
    #[oai(nullable)]
    pub data: Option<ProfileId>,
    /// 0, or why it was refused.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
    /// The profile's id, where the vendor's clients look for it.
    #[oai(skip_serializing_if_is_none)]
    pub profile_id: Option<String>,
}

impl Imported {
    /// The profile `id` was made or changed.
    pub fn of(id: String) -> Self {
        Self {
            data: Some(ProfileId { profile_id: id.clone() }),
            error: 0,
            error_text: SUCCESS.to_owned(),
            profile_id: Some(id),
        }
    }
}

/// What became of one row.
#[derive(Debug, Object)]
#[oai(rename = "AudienceRowResult")]
pub struct RowAnswer {
    /// 0, or why the row was refused.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
    /// The profile's id; empty when the row was refused.
    pub profile_id: String,
}

/// How a batch went.
#[derive(Debug, Object)]
#[oai(rename = "AudienceBatchSummary")]
pub struct BatchSummary {
    /// Rows that were imported.
    pub imported: i64,
    /// Rows that were refused.
    pub failed: i64,
}

/// What became of a batch.
#[derive(Debug, Object)]
#[oai(rename = "AudienceBatchAnswer")]
pub struct BatchAnswer {
    /// How it went; null when the request as a whole was refused.
    #[oai(nullable)]
    pub data: Option<BatchSummary>,
    /// 0, or why it was refused as a whole.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
    /// One item for each row, in their order.
    #[oai(skip_serializing_if_is_none)]
    pub result: Option<Vec<RowAnswer>>,
}

impl BatchAnswer {
    /// The batch had these results; `code` gives an error its number.
    pub fn of(results: Vec<RowResult>, code: impl Fn(&crate::audience::AudienceError) -> i32) -> Self {
        let rows: Vec<RowAnswer> = results
            .into_iter()
            .map(|result| match result {
                Ok(key) => RowAnswer { error: 0, error_text: SUCCESS.to_owned(), profile_id: key.to_string() },
                Err(error) => {
                    RowAnswer { error: code(&error), error_text: error.to_string(), profile_id: String::new() }
                }
            })
            .collect();
        let count = |failed: bool| {
            i64::try_from(rows.iter().filter(|row| (row.error != 0) == failed).count()).unwrap_or(i64::MAX)
        };
        Self {
            data: Some(BatchSummary { imported: count(false), failed: count(true) }),
            error: 0,
            error_text: SUCCESS.to_owned(),
            result: Some(rows),
        }
    }
}

/// Nothing more to say.
#[derive(Debug, Object)]
#[oai(rename = "AudienceDone")]
pub struct Done {
    /// Nothing.
    #[oai(nullable)]
    pub data: Option<String>,
    /// 0, or why it was refused.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
}

impl Done {
    /// It was done.
    pub fn success() -> Self {
        Self { data: None, error: 0, error_text: SUCCESS.to_owned() }
    }
}

/// How many subscriptions were changed.
#[derive(Debug, Object)]
#[oai(rename = "AudienceUpdatedCount")]
pub struct UpdatedCount {
    /// How many.
    pub updated: i64,
}

/// Subscriptions that were suspended.
#[derive(Debug, Object)]
#[oai(rename = "AudienceUpdated")]
pub struct Suspended {
    /// How many; null when the request was refused.
    #[oai(nullable)]
    pub data: Option<UpdatedCount>,
    /// 0, or why it was refused.
    pub error: i32,
    /// The same in words.
    pub error_text: String,
    /// How many, where the vendor's clients look for it.
    #[oai(skip_serializing_if_is_none)]
    pub updated: Option<i64>,
}

impl Suspended {
    /// So many were suspended.
    pub fn of(updated: i64) -> Self {
        Self { data: Some(UpdatedCount { updated }), error: 0, error_text: SUCCESS.to_owned(), updated: Some(updated) }
    }
}
