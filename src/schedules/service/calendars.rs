//! Calendars, and the addresses that lead to them. Whoever knows an address reads its calendar: the secret in it is shown
//! once and kept as a hash, and it works as long as whoever made it may act for the party.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Candidates, MOST_EXCEPTIONS, SchedulesError, SchedulesService, contract, exceptions, plan};
use crate::auth::idempotency::{IdempotencyKey, Once, once};
use crate::auth::model::{CompanyId, Party, PartyRef, Principal, Role, SharedPrincipal, Side, UserId};
use crate::auth::{AuthError, parties, random};
use crate::clock::Timestamp;
use crate::i18n::{Language, Words};
use crate::schedules::calendar::{Event, calendar};
use crate::schedules::civil;
use crate::schedules::model::{Feed, FeedOf, Kind, Schedule, ScheduleId};
use crate::schedules::sql;
use crate::schedules::windows::Plan;
use crate::store::{Conn, WriteTx};

/// What every secret begins with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "cal_";

/// How many characters of a secret are shown to tell feeds apart.
const HINT: usize = PREFIX.len() + 6;

/// Before every schedule.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");

/// How many days back a distributor's calendar goes.
const BACK: u64 = 92;

/// How many producers a distributor's calendar covers.
const MOST_PRODUCERS: usize = 500;

/// How many feeds a company has at most.
const MOST_FEEDS: i64 = 10_000;

/// The secret of a feed: shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct FeedSecret(String);

impl FeedSecret {
    /// A new one: 256 random bits.
    pub fn generate() -> Result<Self, AuthError> {
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    /// The secret itself, for whoever asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for FeedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FeedSecret(…)")
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// Adds a feed to a company.
pub fn create(
    tx: &WriteTx<'_>,
    company: CompanyId,
    user: Option<UserId>,
    of: FeedOf,
    name: &str,
    secret: &FeedSecret,
    now: Timestamp,
) -> Result<Feed, SchedulesError> {
    match of {
        FeedOf::Schedule(id) => drop(exceptions::find(tx, company, id)?),
        FeedOf::Distributor(id) => drop(parties::find(tx, company, &PartyRef::Id(id), Side::Distributor)?),
    }
    if sql::feeds::count(tx, company)? >= MOST_FEEDS {
        return Err(SchedulesError::Conflict(format!("a company has at most {MOST_FEEDS} calendar feeds")));
    }
    let guid = Uuid::new_v4();
    let hint = secret.expose().chars().take(HINT).collect();
    let feed = Feed { row: 0, guid, of, name: name.to_owned(), hint, user, created_at: now };
    sql::feeds::insert(tx, company, &feed, &hash(secret.expose()))?;
    find(tx, company, guid)
}

/// One feed of a company.
pub fn find(conn: &Conn, company: CompanyId, id: Uuid) -> Result<Feed, SchedulesError> {
    sql::feeds::find(conn, company, id)?.ok_or_else(|| SchedulesError::not_found("calendar feed", id))
}

/// Up to `limit` feeds of a company after row key `after`.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    user: Option<UserId>,
    after: i64,
    limit: usize,
) -> Result<Vec<Feed>, SchedulesError> {
    Ok(sql::feeds::list(conn, company, user, after, limit)?)
}

/// Ends a feed of a company.
pub fn revoke(tx: &WriteTx<'_>, company: CompanyId, id: Uuid) -> Result<(), SchedulesError> {
    find(tx, company, id)?;
    Ok(sql::feeds::delete(tx, company, id)?)
}

/// Whose feeds a caller sees: its own, an ADMIN the company's.
fn whose(caller: &Principal) -> Option<UserId> {
    (!caller.roles.has(Role::Admin)).then_some(caller.user_id)
}

impl SchedulesService {
    /// House: makes a feed of something the caller may act for. A repeated request gets the feed without its secret.
    pub async fn create_feed(
        &self,
        caller: SharedPrincipal,
        of: Result<ScheduleId, PartyRef>,
        name: String,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<(Feed, Option<FeedSecret>), SchedulesError> {
        let now = self.clock.now();
        let secret = FeedSecret::generate()?;
        let acting = caller.clone();
        self.auth
            .write_as(acting, move |tx| {
                let of = match &of {
                    Ok(id) => FeedOf::Schedule(exceptions::reachable(tx, &caller, *id)?.id),
                    Err(party) => {
                        let found = parties::find(tx, caller.company_id, party, Side::Distributor)?;
                        if !parties::may_act_for(tx, &caller, found.id)? {
                            return Err(SchedulesError::not_found("distributor", party));
                        }
                        FeedOf::Distributor(found.id)
                    }
                };
                let company = caller.company_id;
                let made = once(tx, idempotency.as_ref(), now, |tx| {
                    create(tx, company, Some(caller.user_id), of, &name, &secret, now).map(|feed| feed.guid)
                })?;
                Ok(match made {
                    Once::Now(id) => (find(tx, company, id)?, Some(secret.clone())),
                    Once::Before(id) => (find(tx, company, id)?, None),
                })
            })
            .await
    }

    /// House: up to `limit` feeds after row key `after`.
    pub fn feeds(&self, caller: &Principal, after: i64, limit: usize) -> Result<Vec<Feed>, SchedulesError> {
        self.store.read(|conn| list(conn, caller.company_id, whose(caller), after, limit))
    }

    /// House: ends a feed.
    pub async fn revoke_feed(&self, caller: SharedPrincipal, id: Uuid) -> Result<(), SchedulesError> {
        let acting = caller.clone();
        self.auth
            .write_as(acting, move |tx| {
                let feed = find(tx, caller.company_id, id)?;
                if whose(&caller).is_some_and(|user| feed.user != Some(user)) {
                    return Err(SchedulesError::not_found("calendar feed", id));
                }
                revoke(tx, caller.company_id, id)
            })
            .await
    }

    /// The calendar behind a secret.
    pub async fn calendar(&self, secret: &str, language: Language) -> Result<String, SchedulesError> {
        let hash = hash(secret);
        let now = self.clock.now();
        self.store.read_long(move |conn| calendar_of(conn, &hash, now, language)).await
    }
}

/// What a request with an unknown or withdrawn secret is told: not which.
fn unknown() -> SchedulesError {
    SchedulesError::not_found("calendar at this address", "…")
}

fn calendar_of(conn: &Conn, hash: &[u8; 32], now: Timestamp, language: Language) -> Result<String, SchedulesError> {
    let (company, feed) = sql::feeds::find_by_secret(conn, hash)?.ok_or_else(unknown)?;
    let party = match feed.of {
        FeedOf::Schedule(id) => sql::schedules::find(conn, company, id)?.ok_or_else(unknown)?.producer,
        FeedOf::Distributor(id) => id,
    };
    if let Some(user) = feed.user
        && !parties::user_may_act_for(conn, user, company, party)?
    {
        return Err(unknown());
    }
    let party = parties::get(conn, company, &PartyRef::Id(party))?;
    if !party.enabled {
        return Err(unknown());
    }
    let today = super::today(party.zone, now.as_unix_seconds());
    match feed.of {
        FeedOf::Schedule(id) => of_schedule(conn, company, id, &party, today, language),
        FeedOf::Distributor(_) => of_distributor(conn, company, &party, today, language),
    }
}

fn of_schedule(
    conn: &Conn,
    company: CompanyId,
    id: ScheduleId,
    producer: &Party,
    today: NaiveDate,
    language: Language,
) -> Result<String, SchedulesError> {
    let schedule = exceptions::find(conn, company, id)?;
    let start = schedule.terms.start_day;
    let own = contract::exceptions_since(conn, company, id, start)?;
    let holidays = sql::exceptions::holidays(conn, company, start, MOST_EXCEPTIONS)?;
    let plan = plan(&schedule, producer.zone, &own, &holidays)?;
    let event = event(&uid(conn, company)?, &schedule, producer, plan, start, language);
    Ok(calendar(schedule.terms.name.as_str(), &[event], today))
}

fn of_distributor(
    conn: &Conn,
    company: CompanyId,
    distributor: &Party,
    today: NaiveDate,
    language: Language,
) -> Result<String, SchedulesError> {
    let from = civil::before(today, BACK);
    let holidays = sql::exceptions::holidays(conn, company, FIRST_DAY, MOST_EXCEPTIONS)?;
    let producers = sql::schedules::producers_for(conn, company, distributor.id, from, MOST_PRODUCERS)?;
    let mut found = Vec::with_capacity(producers.len());
    for id in producers.into_iter().filter(|id| *id != distributor.id) {
        let producer = parties::get(conn, company, &PartyRef::Id(id))?;
        if producer.enabled {
            let candidates = Candidates::of(conn, company, &producer, distributor, from, FIRST_DAY)?;
            found.push((producer, candidates));
        }
    }
    let uid = uid(conn, company)?;
    let mut events = Vec::new();
    for (producer, candidates) in &found {
        let lineup = candidates.lineup(producer.zone, &holidays)?;
        // Days on which an individual schedule decides are not the general one's.
        let general_from = match lineup.individual_until() {
            None => Some(FIRST_DAY),
            Some(end) => end.map(civil::after),
        };
        let individual = lineup.individual.into_iter().map(|entry| (entry, FIRST_DAY));
        let general = lineup.general.into_iter().filter_map(|entry| general_from.map(|from| (entry, from)));
        for ((schedule, plan), from) in individual.chain(general) {
            events.push(event(&uid, schedule, producer, plan, from, language));
        }
    }
    Ok(calendar(distributor.name.as_str(), &events, today))
}

/// What the events of a company are known by, with their schedule's number in place of the hash.
fn uid(conn: &Conn, company: CompanyId) -> Result<String, SchedulesError> {
    let installation = crate::store::instance(conn)?.unwrap_or_else(|| "comptoir".to_owned());
    Ok(format!("schedule-{}-#@{installation}", company.0))
}

fn event<'a>(
    uid: &str,
    schedule: &Schedule,
    producer: &Party,
    plan: Plan<'a>,
    from: NaiveDate,
    language: Language,
) -> Event<'a> {
    let name = producer.name.as_str();
    let title = Words::new("Orders", "Заказы", "Замовлення");
    let blocks = Words::new(
        "Orders outside of this window are refused.",
        "Заказы вне этого окна не принимаются.",
        "Замовлення поза цим вікном не приймаються.",
    );
    let kind = match schedule.terms.kind {
        Kind::Individual => Words::new("Individual schedule.", "Индивидуальный график.", "Індивідуальний графік."),
        Kind::General => Words::new("General schedule.", "Общий график.", "Загальний графік."),
    };
    let mut description = format!("{name}, GLN {}. {}", producer.gln, kind.say(language));
    if schedule.terms.block {
        description.push('\n');
        description.push_str(blocks.say(language));
    }
    Event {
        uid: uid.replace('#', &schedule.id.0.to_string()),
        sequence: schedule.sequence,
        changed_at: schedule.changed_at,
        summary: format!("{}: {} ({name})", title.say(language), schedule.terms.name.as_str()),
        description,
        plan,
        from,
    }
}
