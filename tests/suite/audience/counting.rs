//! What is published equals what a plain count of a model finds, whatever is done in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use comptoir::audience::AudienceService;
use comptoir::audience::counters::{ChannelFigures, StatusFigures};
use comptoir::audience::model::{
    Address, Channel, Identity, Import, Name, ProfileChange, ProfileKey, Refresh, Shelf, Status, SubscriptionChange,
    Target,
};
use comptoir::auth::Auth;
use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{CompanyId, CompanyKey, Password, SharedPrincipal, Username};
use comptoir::auth::password::Hasher;
use comptoir::clock::Clock;
use comptoir::store::{OpenOptions, Store};
use comptoir::tasks::{Queue, Registry, Runner, RunnerOptions};
use comptoir::webhooks::guard::Guard;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{NOW, PASSWORD};

/// The audience without a server: list 1 and resources 24 and 25 of one company, and a runner that runs when asked.
pub struct World {
    pub store: Store,
    pub queue: Queue,
    pub service: AudienceService,
    pub principal: SharedPrincipal,
    runner: Runner,
    _folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW);
        let options = OpenOptions { clock: clock.clone(), ..OpenOptions::server(folder.path().join("comptoir.db")) };
        let store = Store::open(options).unwrap();
        let auth = Auth::new(store.clone(), Hasher::start(), clock.clone()).unwrap();
        let first = FirstOperator {
            company: CompanyKey::parse("north").unwrap(),
            username: Username::parse("operator").unwrap(),
            password: Some(Password::parse(PASSWORD).unwrap()),
            password_file: folder.path().join("password"),
        };
        bootstrap::run(&auth, || Ok::<_, BootstrapError>(first)).await.unwrap();
        let jwt = auth
            .sign_in("operator", PASSWORD, [127, 0, 0, 1].into(), Uuid::new_v4(), std::time::Duration::from_mins(10))
            .await;
        let principal = auth.authenticate(&jwt.unwrap()).unwrap();
        let queue = Queue::new(clock, vec![std::sync::Arc::new(comptoir::audience::tasks::RefreshEnded)]);
        let service = AudienceService::new(&auth, queue.clone(), Guard::default());
        let mut registry = Registry::new();
        comptoir::audience::tasks::register(&mut registry);
        let runner = Runner::new(store.clone(), queue.clone(), registry, RunnerOptions::default());
        let world = Self { store, queue, service, principal, runner, _folder: folder };
        for (shelf, id) in [(Shelf::Lists, 1), (Shelf::Resources, 24), (Shelf::Resources, 25)] {
            let name = Name::parse(&format!("{} {id}", shelf.noun())).unwrap();
            world.service.create_entry(world.principal.clone(), shelf, Some(id), name).await.unwrap();
        }
        world
    }

    pub fn company(&self) -> CompanyId {
        self.principal.company_id
    }

    pub async fn run_pending(&self) {
        self.runner.run_pending().await.unwrap();
    }
}

/// Something that is done to the audience. Profiles, addresses and resources are few, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Import(Vec<Row>),
    Delete(u8),
    Set(u8, i64, Channel, Option<Status>),
    Unsubscribe(u8, i64, Channel),
    SuspendAll(u8, Option<i64>),
    Suppress(u8, bool),
    Refresh(i64),
}

/// A row of an import: the profile, a second address, its own status, its subscriptions.
#[derive(Debug, Clone)]
struct Row {
    who: u8,
    phone: Option<u8>,
    status: Option<Status>,
    subscriptions: Vec<(i64, Channel, Option<Status>)>,
}

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL)
}

fn channel() -> impl Strategy<Value = Channel> {
    prop::sample::select(&[Channel::Email, Channel::Sms, Channel::Viber][..])
}

/// 26 is no resource: such a row is undone as a whole.
fn resource() -> impl Strategy<Value = i64> {
    prop_oneof![8 => Just(24_i64), 3 => Just(25), 1 => Just(26)]
}

fn row() -> impl Strategy<Value = Row> {
    let subscription = (resource(), channel(), prop::option::of(status()));
    (0..6_u8, prop::option::of(0..3_u8), prop::option::of(status()), prop::collection::vec(subscription, 0..4))
        .prop_map(|(who, phone, status, subscriptions)| Row { who, phone, status, subscriptions })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec(row(), 1..4).prop_map(Step::Import),
        1 => (0..6_u8).prop_map(Step::Delete),
        3 => (0..6_u8, resource(), channel(), prop::option::of(status())).prop_map(|(a, b, c, d)| Step::Set(a, b, c, d)),
        2 => (0..6_u8, resource(), channel()).prop_map(|(a, b, c)| Step::Unsubscribe(a, b, c)),
        1 => (0..6_u8, prop::option::of(resource())).prop_map(|(a, b)| Step::SuspendAll(a, b)),
        // Six e-mail addresses and three phones.
        3 => (0..9_u8, any::<bool>()).prop_map(|(a, b)| Step::Suppress(a, b)),
        2 => prop_oneof![Just(24_i64), Just(25)].prop_map(Step::Refresh),
    ]
}

fn email(who: u8) -> Address {
    Address::email(&format!("p{who}@example.com")).unwrap()
}

fn phone(which: u8) -> Address {
    Address::phone(&format!("+38050000000{which}")).unwrap()
}

fn any_address(which: u8) -> Address {
    if which < 6 { email(which) } else { phone(which - 6) }
}

fn target(who: u8) -> Target {
    Target::Identity(Identity::from(&email(who)))
}

#[derive(Debug, Clone, Default)]
struct Profile {
    status: Option<Status>,
    phone: Option<u8>,
    subscriptions: BTreeMap<(i64, Channel), Status>,
}

/// The same in memory, counted plainly.
#[derive(Debug, Clone, Default)]
struct Model {
    profiles: BTreeMap<u8, Profile>,
    suppressed: BTreeSet<u8>,
}

impl Model {
    fn subscribe(profile: &mut Profile, resource: i64, channel: Channel, status: Option<Status>) -> bool {
        if resource == 26 {
            return false;
        }
        let kept = profile.subscriptions.get(&(resource, channel)).copied();
        profile.subscriptions.insert((resource, channel), status.or(kept).unwrap_or(Status::Subscribed));
        true
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Import(rows) => {
                for row in rows {
                    let mut profile = self.profiles.get(&row.who).cloned().unwrap_or_default();
                    profile.phone = row.phone.or(profile.phone);
                    profile.status = row.status.or(profile.status);
                    let each = row.subscriptions.iter();
                    if each.map(|(r, c, s)| Self::subscribe(&mut profile, *r, *c, *s)).fold(true, |all, one| all & one)
                    {
                        self.profiles.insert(row.who, profile);
                    }
                }
            }
            Step::Delete(who) => {
                self.profiles.remove(who);
            }
            Step::Set(who, resource, channel, status) => {
                if let Some(profile) = self.profiles.get_mut(who) {
                    Self::subscribe(profile, *resource, *channel, *status);
                }
            }
            Step::Unsubscribe(who, resource, channel) => {
                if let Some(profile) = self.profiles.get_mut(who) {
                    profile.subscriptions.remove(&(*resource, *channel));
                }
            }
            Step::SuspendAll(who, only) => {
                for ((resource, _), status) in self.profiles.get_mut(who).into_iter().flat_map(|p| &mut p.subscriptions)
                {
                    if only.is_none_or(|only| only == *resource)
                        && matches!(status, Status::Subscribed | Status::Unconfirmed)
                    {
                        *status = Status::Suspended;
                    }
                }
            }
            Step::Suppress(which, true) => {
                self.suppressed.insert(*which);
            }
            Step::Suppress(which, false) => {
                self.suppressed.remove(which);
            }
            Step::Refresh(_) => {}
        }
    }

    fn figures(&self, resource: i64) -> Vec<ChannelFigures> {
        let uses_viber =
            self.profiles.values().any(|p| p.subscriptions.keys().any(|(_, channel)| *channel == Channel::Viber));
        let mut channels = vec![Channel::Sms, Channel::Push, Channel::Email];
        if uses_viber {
            channels.push(Channel::Viber);
        }
        let all = i64::try_from(self.profiles.len()).unwrap();
        channels
            .into_iter()
            .map(|channel| {
                let mut figures = StatusFigures { all, ..StatusFigures::default() };
                for (who, profile) in &self.profiles {
                    let suppressed = self.suppressed.contains(who)
                        || profile.phone.is_some_and(|phone| self.suppressed.contains(&(phone + 6)));
                    let sendable = profile.status != Some(Status::Suspended) && !suppressed;
                    let Some(status) = profile.subscriptions.get(&(resource, channel)) else { continue };
                    let count = match status {
                        Status::Subscribed => {
                            figures.subscribed_sendable += i64::from(sendable);
                            &mut figures.subscribed
                        }
                        Status::Unconfirmed => {
                            figures.unconfirmed_sendable += i64::from(sendable);
                            &mut figures.unconfirmed
                        }
                        Status::Unsubscribed => &mut figures.unsubscribed,
                        Status::Complained => &mut figures.complained,
                        Status::Hardbounced => &mut figures.hardbounced,
                        Status::Suspended => &mut figures.suspended,
                        Status::Invalid => &mut figures.invalid,
                    };
                    *count += 1;
                }
                ChannelFigures { channel, status: figures }
            })
            .collect()
    }
}

/// Does `step`; what refuses it is no matter here.
async fn perform(world: &World, step: &Step, keys: &mut u8) {
    let (service, company) = (&world.service, world.company());
    match step.clone() {
        Step::Import(rows) => {
            let rows = rows.into_iter().map(|row| {
                *keys = keys.wrapping_add(1);
                Ok(Import {
                    target: target(row.who),
                    key: ProfileKey([*keys; 12]),
                    change: ProfileChange {
                        email: Some(Some(email(row.who))),
                        phones: row.phone.map(|which| vec![phone(which)]),
                        status: row.status,
                        subscriptions: row
                            .subscriptions
                            .into_iter()
                            .map(|(resource, channel, status)| SubscriptionChange {
                                resource,
                                channel,
                                status,
                                details: None,
                            })
                            .collect(),
                        ..ProfileChange::default()
                    },
                })
            });
            service.import_profiles(world.principal.clone(), 1, rows.collect()).await.unwrap();
        }
        Step::Delete(who) => drop(service.delete_profile(world.principal.clone(), 1, target(who)).await),
        Step::Set(who, resource, channel, status) => {
            let change = SubscriptionChange { resource, channel, status, details: None };
            drop(service.set_subscription(world.principal.clone(), 1, target(who), change).await);
        }
        Step::Unsubscribe(who, resource, channel) => {
            drop(service.delete_subscription(world.principal.clone(), 1, target(who), resource, channel).await);
        }
        Step::SuspendAll(who, only) => {
            drop(service.suspend_subscriptions(world.principal.clone(), 1, target(who), only).await);
        }
        Step::Suppress(which, suppress) => {
            service.change_suppression(world.principal.clone(), vec![any_address(which)], suppress).await.unwrap();
        }
        Step::Refresh(resource) => {
            let task = service.refresh(world.principal.clone(), Refresh { list: 1, resource }, None).await.unwrap();
            world.run_pending().await;
            assert_eq!(service.refresh_status(company, &task.to_string()).unwrap().progress, 100);
        }
    }
}

/// A count that finds the counters wrong would hide it by repairing them: look before it does.
fn verify(world: &World, resource: i64) {
    use comptoir::audience::service::counts;
    let refresh = Refresh { list: 1, resource };
    let counted = world
        .store
        .read(|conn| counts::count(conn, world.company(), refresh, &Clock::fixed(NOW), |_| (), || false))
        .unwrap()
        .unwrap();
    assert_eq!((counted.repairs, counted.profile_repair), (BTreeMap::new(), 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_published_figures_are_a_plain_count_at_one_moment(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let (mut model, mut keys) = (Model::default(), 0);
            for step in &steps {
                perform(&world, step, &mut keys).await;
                model.apply(step);
                verify(&world, 24);
                if let Step::Refresh(resource) = step {
                    let figures = world.service.figures(world.company(), Refresh { list: 1, resource: *resource }).unwrap();
                    assert_eq!(figures.channels, model.figures(*resource), "after {step:?}");
                }
            }
        });
    }
}

#[tokio::test]
async fn a_counter_that_is_wrong_is_repaired_by_the_next_refresh() {
    let world = World::new().await;
    let row = Row { who: 1, phone: None, status: None, subscriptions: vec![(24, Channel::Sms, None)] };
    perform(&world, &Step::Import(vec![row]), &mut 0).await;
    world
        .store
        .write(|tx| {
            tx.execute("UPDATE audience_counters SET count = count + 7", [])?;
            tx.execute("UPDATE audience_lists SET profiles = 5", [])?;
            Ok::<_, comptoir::store::StoreError>(())
        })
        .await
        .unwrap();
    let (refresh, company) = (Refresh { list: 1, resource: 24 }, world.company());
    assert_eq!(world.service.figures(company, refresh).unwrap().channels[0].status.subscribed, 8, "as they stand");
    perform(&world, &Step::Refresh(24), &mut 0).await;
    let sms = world.service.figures(company, refresh).unwrap().channels[0].status;
    assert_eq!((sms.all, sms.subscribed), (1, 1));
    verify(&world, 24);
}

#[tokio::test]
async fn the_count_reads_its_covering_index_alone() {
    let world = World::new().await;
    let plan = |sql: &str| {
        world
            .store
            .read(|conn| {
                let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let rows = statement.query_map([], |row| row.get::<_, String>(3))?;
                Ok::<_, comptoir::store::StoreError>(rows.collect::<Result<Vec<_>, _>>()?.join("; "))
            })
            .unwrap()
    };
    let subscriptions = plan(
        "SELECT count(*) FROM audience_subscriptions WHERE company_id = 1 AND list_id = 1 AND resource_id = 1
         AND channel = 1 AND status = 1 AND sendable = 1 AND deleted_at IS NULL",
    );
    assert!(subscriptions.contains("COVERING INDEX audience_subscriptions_count"), "{subscriptions}");
    let profiles = plan("SELECT count(*) FROM audience_profiles WHERE company_id = 1 AND list_id = 1");
    assert!(profiles.contains("COVERING INDEX audience_profiles_by_key"), "{profiles}");
}
