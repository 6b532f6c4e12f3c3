//! The audience contract on the wire: handlers. One request as a `Call`, one service call, one reply.
//!
//! Must not know: SQL, other domains. Source of names and shapes: the vendor's document, the seed; of the rest:
//! contracts/audience.md.

mod call;
mod envelope;
mod house;
mod wire;

/// Words that a fixture has in common with the contract.
pub mod words {
    pub use super::wire::{ChannelWord, StatusWord};
}

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::types::ToJSON;
use poem_openapi::{OpenApi, Tags};

use self::call::Call;
use self::envelope::{AudienceErrors, Envelope, Reply, render, status, text};
pub use self::house::AudienceHouseApi;
use self::wire::{
    BatchAnswer, Counters, DatabaseCounters, DeleteProfile, DeleteSubscription, Done, GetResource, ImportProfile,
    ImportProfiles, Imported, ListAnswer, ListRequest, MAX_ROWS, RefreshDatabase, RefreshResource, Resource,
    ResourceCounters, SetSubscription, SuspendSubscriptions, Suspended, TaskStarted, TaskStatus, TaskStatusRequest,
};
use crate::audience::AudienceService;
use crate::audience::model::{Feedback, FeedbackFormat, ProfileKey, Refresh, Shelf};
use crate::audience::service::refreshes::RefreshStatus;
use crate::auth::random;
use crate::http::document::Example;
use crate::http::{Caller, Contract, Failure, Format, Refused, RequestContext};

/// The contract, for the shared HTTP layer.
pub const CONTRACT: Contract = Contract {
    name: "audience",
    prefixes: &["/api/v1.1"],
    body_limit: 10 * 1024 * 1024,
    seldom: &[(
        409,
        &["create_audience_list", "change_audience_list", "create_audience_resource", "change_audience_resource"],
    )],
    status,
    xml: true,
    merges_slashes: true,
    ..Contract::plain(render)
};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("refresh_resource_counters", wire::refresh_example),
    ("refresh_database_counters", wire::refresh_database_example),
    ("read_task_status", wire::task_status_example),
    ("list_databases", wire::list_example),
    ("list_resources", wire::list_example),
    ("read_resource", wire::resource_example),
    ("read_resource_counters", wire::resource_counters_example),
    ("read_database_counters", wire::database_counters_example),
    ("import_profile", wire::import_example),
    ("import_profiles", wire::batch_example),
    ("delete_profile", wire::profile_target_example),
    ("set_subscription", wire::set_subscription_example),
    ("delete_subscription", wire::delete_subscription_example),
    ("suspend_subscriptions", wire::profile_target_example),
    ("create_audience_list", house::new_entry_example),
    ("change_audience_list", house::entry_change_example),
    ("create_audience_resource", house::new_entry_example),
    ("change_audience_resource", house::entry_change_example),
    ("add_suppressed", house::addresses_example),
    ("remove_suppressed", house::addresses_example),
];

/// What the answers look like.
pub const ANSWERS: &[Example] = &[
    ("refresh_resource_counters", wire::started_answer),
    ("refresh_database_counters", wire::started_answer),
    ("read_task_status", wire::task_status_answer),
    ("list_databases", wire::databases_answer),
    ("list_resources", wire::resources_answer),
    ("read_resource", wire::resource_answer),
    ("read_resource_counters", wire::counters_answer),
    ("read_database_counters", wire::counters_answer),
    ("import_profile", wire::imported_answer),
    ("import_profiles", wire::batch_answer),
    ("delete_profile", wire::done_answer),
    ("set_subscription", wire::done_answer),
    ("delete_subscription", wire::done_answer),
    ("suspend_subscriptions", wire::updated_answer),
];

/// The body of a feedback: the refresh's `tasks/status`.
#[must_use]
pub fn feedback_body(status: RefreshStatus, format: FeedbackFormat) -> String {
    let format = match format {
        FeedbackFormat::Json => Format::Json,
        FeedbackFormat::Xml => Format::Xml,
    };
    text(&Envelope::of(TaskStatus::from(status)).to_json().unwrap_or_default(), format)
}

#[derive(Tags)]
enum AudienceTags {
    /// Figures, their refresh, and how far it is.
    #[oai(rename = "audience: counters")]
    Counters,
    /// Lists of profiles and resources.
    #[oai(rename = "audience: lists")]
    Lists,
    /// Profiles and their subscriptions.
    #[oai(rename = "audience: profiles")]
    Profiles,
}

type Answer<T> = Result<Reply<T>, Refused<AudienceErrors>>;
type Context<'a> = Data<&'a Arc<RequestContext>>;

/// The audience contract.
pub struct AudienceApi(pub AudienceService);

#[OpenApi]
impl AudienceApi {
    /// Refresh the figures of a resource
    ///
    /// Has the subscriptions to a resource in a list counted. Answers with the task's id at once. A second request for
    /// the same joins a task that has not begun to count; while one counts, exactly one more waits behind it, so that
    /// your own changes are always in the figures you asked for.
    #[oai(
        path = "/api/v1.1/resources/refresh_counters",
        method = "post",
        operation_id = "refresh_resource_counters",
        tag = "AudienceTags::Counters"
    )]
    async fn refresh_resource(
        &self,
        context: Context<'_>,
        call: Call<RefreshResource>,
    ) -> Answer<Envelope<TaskStarted>> {
        let refresh = Refresh::from(&call.body);
        let feedback = call.body.feedback.map(wire::FeedbackRequest::into_feedback).transpose().map_err(application)?;
        self.refresh(*context, &call.caller, refresh, feedback).await
    }

    /// Refresh the figures of a list
    ///
    /// The same, asked of the list.
    #[oai(
        path = "/api/v1.1/databases/refresh_counters",
        method = "post",
        operation_id = "refresh_database_counters",
        tag = "AudienceTags::Counters"
    )]
    async fn refresh_database(
        &self,
        context: Context<'_>,
        call: Call<RefreshDatabase>,
    ) -> Answer<Envelope<TaskStarted>> {
        let refresh = Refresh::from(&call.body);
        let feedback = call.body.feedback.map(wire::FeedbackRequest::into_feedback).transpose().map_err(application)?;
        self.refresh(*context, &call.caller, refresh, feedback).await
    }

    /// Read a task's status
    ///
    /// How far a refresh is, and what it has counted.
    #[oai(
        path = "/api/v1.1/tasks/status",
        method = "post",
        operation_id = "read_task_status",
        tag = "AudienceTags::Counters"
    )]
    async fn task_status(&self, context: Context<'_>, call: Call<TaskStatusRequest>) -> Answer<Envelope<TaskStatus>> {
        let status = self.0.refresh_status(call.caller.company_id, &call.body.task_id)?;
        Ok(Reply::new(Envelope::of(status.into()), *context))
    }

    /// Read the figures of a resource
    ///
    /// The last counted figures, at once; before the first count the counters as they stand.
    #[oai(
        path = "/api/v1.1/resources/get_counters",
        method = "post",
        operation_id = "read_resource_counters",
        tag = "AudienceTags::Counters"
    )]
    async fn resource_counters(
        &self,
        context: Context<'_>,
        call: Call<ResourceCounters>,
    ) -> Answer<Envelope<Vec<Counters>>> {
        self.figures(*context, &call.caller, call.body.into())
    }

    /// Read the figures of a list
    ///
    /// The same, asked of the list.
    #[oai(
        path = "/api/v1.1/databases/get_counters",
        method = "post",
        operation_id = "read_database_counters",
        tag = "AudienceTags::Counters"
    )]
    async fn database_counters(
        &self,
        context: Context<'_>,
        call: Call<DatabaseCounters>,
    ) -> Answer<Envelope<Vec<Counters>>> {
        self.figures(*context, &call.caller, call.body.into())
    }

    /// List the lists
    ///
    /// By number, from `from_id` on. `next_from_id` is 0 on the last part.
    #[oai(
        path = "/api/v1.1/databases/list",
        method = "post",
        operation_id = "list_databases",
        tag = "AudienceTags::Lists"
    )]
    async fn list_databases(&self, context: Context<'_>, call: Call<ListRequest>) -> Answer<ListAnswer> {
        self.part(*context, &call.caller, Shelf::Lists, &call.body)
    }

    /// List the resources
    ///
    /// By number, from `from_id` on. `next_from_id` is 0 on the last part.
    #[oai(
        path = "/api/v1.1/resources/list",
        method = "post",
        operation_id = "list_resources",
        tag = "AudienceTags::Lists"
    )]
    async fn list_resources(&self, context: Context<'_>, call: Call<ListRequest>) -> Answer<ListAnswer> {
        self.part(*context, &call.caller, Shelf::Resources, &call.body)
    }

    /// Read a resource
    ///
    /// Its name, and the channels and lists it is subscribed to in.
    #[oai(
        path = "/api/v1.1/resources/get",
        method = "post",
        operation_id = "read_resource",
        tag = "AudienceTags::Lists"
    )]
    async fn resource(&self, context: Context<'_>, call: Call<GetResource>) -> Answer<Envelope<Resource>> {
        let resource = self.0.resource(call.caller.company_id, call.body.id)?;
        Ok(Reply::new(Envelope::of(resource.into()), *context))
    }

    /// Import a profile
    ///
    /// Makes a profile, or changes the one that is found by `matching`. Fields that are absent stay, an empty text clears
    /// one, null removes a field of your own.
    #[oai(
        path = "/api/v1.1/profiles/import",
        method = "post",
        operation_id = "import_profile",
        tag = "AudienceTags::Profiles"
    )]
    async fn import_profile(&self, context: Context<'_>, call: Call<ImportProfile>) -> Answer<Imported> {
        let list = call.body.db_id;
        let row = call.body.into_import(self.key()?).map_err(application)?;
        let key = self.0.import_profile(call.caller.principal(), list, row).await?;
        Ok(Reply::new(Imported::of(key.to_string()), *context))
    }

    /// Import many profiles
    ///
    /// Up to 10 000, each for itself: a row that is refused loses nothing else, and `result` says of each what became of
    /// it. A body may have 10 MB, and 100 MB when the token comes in `Authorization` or in the URL.
    #[oai(
        path = "/api/v1.1/profiles/import_batch",
        method = "post",
        operation_id = "import_profiles",
        tag = "AudienceTags::Profiles"
    )]
    async fn import_profiles(&self, context: Context<'_>, call: Call<ImportProfiles>) -> Answer<BatchAnswer> {
        let (caller, list) = (call.caller.principal(), call.body.db_id);
        let keys = self.keys(call.body.data.len())?;
        let mut keys = keys.into_iter();
        let spare = ProfileKey([0; 12]);
        let rows = call.body.into_rows(|| keys.next().unwrap_or(spare));
        let results = self.0.import_profiles(caller, list, rows).await?;
        let code = |error: &crate::audience::AudienceError| match error {
            crate::audience::AudienceError::NotFound { .. } => 404,
            _ => 400,
        };
        Ok(Reply::new(BatchAnswer::of(results, code), *context))
    }

    /// Delete a profile
    ///
    /// With its subscriptions, for good.
    #[oai(
        path = "/api/v1.1/profiles/delete",
        method = "post",
        operation_id = "delete_profile",
        tag = "AudienceTags::Profiles"
    )]
    async fn delete_profile(&self, context: Context<'_>, call: Call<DeleteProfile>) -> Answer<Done> {
        let target = call.body.target().map_err(application)?;
        self.0.delete_profile(call.caller.principal(), call.body.db_id, target).await?;
        Ok(Reply::new(Done::success(), *context))
    }

    /// Set a subscription
    ///
    /// There is one for each profile, resource and channel: it is made, or changed. A deleted one comes back.
    #[oai(
        path = "/api/v1.1/subscriptions/set",
        method = "post",
        operation_id = "set_subscription",
        tag = "AudienceTags::Profiles"
    )]
    async fn set_subscription(&self, context: Context<'_>, call: Call<SetSubscription>) -> Answer<Done> {
        let (caller, list) = (call.caller.principal(), call.body.known.db_id);
        let target = call.body.target().map_err(application)?;
        let change = call.body.into_change().map_err(application)?;
        self.0.set_subscription(caller, list, target, change).await?;
        Ok(Reply::new(Done::success(), *context))
    }

    /// Delete a subscription
    ///
    /// It counts no longer; setting it again brings it back.
    #[oai(
        path = "/api/v1.1/subscriptions/delete",
        method = "post",
        operation_id = "delete_subscription",
        tag = "AudienceTags::Profiles"
    )]
    async fn delete_subscription(&self, context: Context<'_>, call: Call<DeleteSubscription>) -> Answer<Done> {
        let DeleteSubscription { db_id, resource_id, channel, .. } = call.body;
        let target = call.body.target().map_err(application)?;
        self.0.delete_subscription(call.caller.principal(), db_id, target, resource_id, channel.into()).await?;
        Ok(Reply::new(Done::success(), *context))
    }

    /// Suspend a profile's subscriptions
    ///
    /// Those that are subscribed or wait for their confirmation, to one resource or to all. `updated` says how many.
    #[oai(
        path = "/api/v1.1/subscriptions/suspend_all",
        method = "post",
        operation_id = "suspend_subscriptions",
        tag = "AudienceTags::Profiles"
    )]
    async fn suspend_subscriptions(&self, context: Context<'_>, call: Call<SuspendSubscriptions>) -> Answer<Suspended> {
        let target = call.body.target().map_err(application)?;
        let SuspendSubscriptions { db_id, resource_id, .. } = call.body;
        let updated = self.0.suspend_subscriptions(call.caller.principal(), db_id, target, resource_id).await?;
        Ok(Reply::new(Suspended::of(updated), *context))
    }
}

impl AudienceApi {
    async fn refresh(
        &self,
        context: &Arc<RequestContext>,
        caller: &Caller,
        refresh: Refresh,
        feedback: Option<Feedback>,
    ) -> Answer<Envelope<TaskStarted>> {
        let task = self.0.refresh(caller.principal(), refresh, feedback).await?;
        Ok(Reply::new(Envelope::of(TaskStarted { task_id: task.to_string() }), context))
    }

    fn figures(
        &self,
        context: &Arc<RequestContext>,
        caller: &Caller,
        refresh: Refresh,
    ) -> Answer<Envelope<Vec<Counters>>> {
        let figures = self.0.figures(caller.company_id, refresh)?;
        Ok(Reply::new(Envelope::of(vec![figures.into()]), context))
    }

    fn part(
        &self,
        context: &Arc<RequestContext>,
        caller: &Caller,
        which: Shelf,
        body: &ListRequest,
    ) -> Answer<ListAnswer> {
        let part = self.0.part(caller.company_id, which, body.from_id, body.limit as usize)?;
        Ok(Reply::new(part.into(), context))
    }

    /// The id of a new profile.
    fn key(&self) -> Result<ProfileKey, Failure> {
        Ok(ProfileKey::new(self.0.now(), random()?))
    }

    /// The ids of up to a batch of new profiles.
    fn keys(&self, count: usize) -> Result<Vec<ProfileKey>, Failure> {
        (0..count.min(MAX_ROWS)).map(|_| self.key()).collect()
    }
}

/// A refused field, as the operation's own word.
fn application(refused: crate::auth::model::Refused) -> Failure {
    Failure::from(refused).application()
}
