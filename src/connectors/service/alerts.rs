//! Alerts: rules, and what starts and ends them. The event of a start or an end is written to the outbox of webhooks in
//! the transaction of its cause, beside the note that it is on or over: neither comes twice, and none is lost.
//!
//! Three things can change how an alert stands: the newest value of a series (looked at in the transaction that brings
//! it), the clock (a rule of silence), and a change of the rule, of a system or of a merchant. The latter two are looked
//! at by a task, in slices: `due_at` says when.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{ConnectorsError, ConnectorsService};
use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::connectors::alerting::{Condition, Terms, Whose};
use crate::connectors::model::{Key, Name, Register, SeriesId};
use crate::connectors::service::registry;
use crate::connectors::sql;
use crate::connectors::sql::alerts::{AlertRule, On, Subject, Watch};
use crate::connectors::value::Value;
use crate::store::{Conn, WriteTx};
use crate::tasks::{Dedupe, Kind, NewTask, Queue};
use crate::webhooks;
use crate::webhooks::model::EventType;

/// Looks after what the clock has to look at, for the whole installation.
pub const LOOK: Kind<()> = Kind::new("connector_alerts");

/// The key that all of them share: there is one to come at a time.
pub const KEY: &str = "connector_alerts";

/// Looks after what follows from values that came, for these series.
pub const JUDGE: Kind<Vec<i64>> = Kind::new("connector_alerts_values");

/// So many watches are looked at in one transaction.
const SLICE: usize = 100;

/// So many rules a company has at most: each new series asks for those of its key.
pub const MOST_RULES: i64 = 1_000;

/// So many rules are about one key at most: a value is held against each of them.
pub const MOST_RULES_OF_A_KEY: i64 = 50;

/// Why a watch is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The newest value of its series has changed.
    Value,
    /// It was due.
    Clock,
}

/// Has somebody look at `at`.
pub(in crate::connectors) fn look(tx: &WriteTx<'_>, queue: &Queue, at: Timestamp) -> Result<(), ConnectorsError> {
    let task = NewTask::new(LOOK, ()).not_before(at).dedupe(Dedupe::Join(KEY.to_owned()));
    queue.enqueue(tx, &task)?;
    Ok(())
}

/// The newest values of these series have changed. What follows from it for many rules does not hold the writer: a task
/// does what is left.
pub(super) fn values_came(
    tx: &WriteTx<'_>,
    queue: &Queue,
    series: &[SeriesId],
    now: Timestamp,
) -> Result<(), ConnectorsError> {
    let left = judge_values(tx, queue, series, now)?;
    if !left.is_empty() {
        queue.enqueue(tx, &NewTask::new(JUDGE, left.iter().map(|series| series.0).collect()))?;
    }
    Ok(())
}

/// Looks at what watches these series, as much as goes into one transaction; the series that are left.
pub fn judge_values<'s>(
    tx: &WriteTx<'_>,
    queue: &Queue,
    series: &'s [SeriesId],
    now: Timestamp,
) -> Result<&'s [SeriesId], ConnectorsError> {
    let mut looked_at = 0;
    for (at, id) in series.iter().enumerate() {
        if looked_at >= SLICE {
            return Ok(&series[at..]);
        }
        for watch in sql::alerts::watches(tx, *id)? {
            looked_at += 1;
            if let Some(at) = judge(tx, queue, watch, Cause::Value, now)? {
                look(tx, queue, at)?;
            }
        }
    }
    Ok(&[])
}

/// A system or a merchant was disabled or enabled: what is on about it may be over.
pub(super) fn entry_changed(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    register: Register,
    id: i64,
    now: Timestamp,
) -> Result<(), ConnectorsError> {
    match register {
        Register::Systems => sql::alerts::look_at_system(tx, company, id, now.as_unix_seconds())?,
        Register::Merchants => sql::alerts::look_at_merchant(tx, company, id, now.as_unix_seconds())?,
    }
    look(tx, queue, now)
}

/// Looks at a slice of what is due at `now`; whether there is more.
pub fn slice(tx: &WriteTx<'_>, queue: &Queue, now: Timestamp) -> Result<bool, ConnectorsError> {
    let due = sql::alerts::due(tx, now.as_unix_seconds(), SLICE)?;
    let more = due.len() == SLICE;
    for watch in due {
        judge(tx, queue, watch, Cause::Clock, now)?;
    }
    Ok(more)
}

/// When to look again.
pub fn next_look(conn: &Conn) -> Result<Option<Timestamp>, ConnectorsError> {
    Ok(sql::alerts::next_due(conn)?.map(Timestamp::from_unix_seconds))
}

/// Brings a watch to where its rule has it now, with the event if that starts or ends an alert. When the clock has to look
/// next.
fn judge(
    tx: &WriteTx<'_>,
    queue: &Queue,
    watch: Watch,
    cause: Cause,
    now: Timestamp,
) -> Result<Option<Timestamp>, ConnectorsError> {
    let (Some(rule), Some(subject)) = (sql::alerts::get(tx, watch.rule)?, sql::alerts::subject(tx, watch.series)?)
    else {
        sql::alerts::unwatch(tx, &watch)?;
        return Ok(None);
    };
    let seconds = now.as_unix_seconds();
    let quiet = rule.deleted || !rule.terms.enabled || !subject.enabled;
    let on = !quiet && rule.terms.condition.is_on(watch.on.is_some(), subject.newest, seconds);
    let mut after = watch;
    match (watch.on, on) {
        (None, true) => {
            let alert = On { alert: Uuid::new_v4(), since: now };
            let data = event(tx, &rule, &subject, alert, None)?;
            webhooks::emit(tx, queue, rule.company, EventType::AlertStarted, &data, now)?;
            after.on = Some(alert);
        }
        (Some(alert), false) => {
            let why = match (rule.deleted, rule.terms.enabled, subject.enabled) {
                (true, ..) => "rule_deleted",
                (_, false, _) => "rule_disabled",
                (.., false) => "source_disabled",
                _ if cause == Cause::Clock => "rule_changed",
                _ => "value",
            };
            let data = event(tx, &rule, &subject, alert, Some((now, why)))?;
            webhooks::emit(tx, queue, rule.company, EventType::AlertEnded, &data, now)?;
            after.on = None;
        }
        _ => {}
    }
    if rule.deleted {
        if sql::alerts::unwatch(tx, &watch)? {
            sql::alerts::delete(tx, rule.id)?;
        }
        return Ok(None);
    }
    after.due = if quiet { None } else { rule.terms.condition.look_at(on, subject.newest) };
    // A value that puts a look off writes nothing: the clock will find out when it looks.
    let put_off = cause == Cause::Value && watch.due.is_some_and(|due| after.due.is_some_and(|next| due <= next));
    if after.on == watch.on && (put_off || after.due == watch.due) {
        return Ok(None);
    }
    sql::alerts::stand(tx, &after)?;
    Ok(after.due.map(Timestamp::from_unix_seconds))
}

/// What a webhook says of an alert.
fn event(
    conn: &Conn,
    rule: &AlertRule,
    subject: &Subject,
    alert: On,
    ended: Option<(Timestamp, &'static str)>,
) -> Result<Json, ConnectorsError> {
    let instant = |at: Timestamp| at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let named = |register: Register, id: i64| -> Result<Json, ConnectorsError> {
        let entry = sql::registry::get(conn, register, id)?;
        Ok(entry.map_or(Json::Null, |entry| json!({"id": entry.code, "name": entry.name})))
    };
    let mut about = Map::new();
    about.insert("id".into(), rule.guid.to_string().into());
    about.insert("name".into(), rule.terms.name.as_str().into());
    about.insert("condition".into(), rule.terms.condition.word().into());
    match rule.terms.condition {
        Condition::Above { threshold, clear } | Condition::Below { threshold, clear } => {
            about.insert("threshold".into(), threshold.into());
            about.insert("clear".into(), clear.into());
        }
        Condition::NoData { silence } => {
            about.insert("minutes".into(), (silence / 60).into());
        }
    }
    let mut data = json!({
        "alert_id": alert.alert.to_string(),
        "rule": about,
        "system": named(Register::Systems, subject.system)?,
        "merchant": named(Register::Merchants, subject.merchant)?,
        "key": subject.key,
        // As JSON text: a number keeps what a float would lose.
        "value": subject.value.json(),
        "at": instant(Timestamp::from_unix_seconds(subject.newest.at)),
        "started_at": instant(alert.since),
    });
    if let Some((at, why)) = ended {
        data["ended_at"] = instant(at).into();
        data["reason"] = why.into();
    }
    Ok(data)
}

/// A rule with the names of what it looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownRule {
    /// The rule.
    pub rule: AlertRule,
    /// The code of its system.
    pub system: Option<String>,
    /// The code of its merchant; empty: of none.
    pub merchant: Option<String>,
}

fn shown(conn: &Conn, rule: AlertRule) -> Result<ShownRule, ConnectorsError> {
    let code = |register, id| Ok::<_, ConnectorsError>(sql::registry::get(conn, register, id)?.map(|entry| entry.code));
    let system = rule.terms.system.map(|id| code(Register::Systems, id)).transpose()?.flatten();
    let merchant = match rule.terms.merchant {
        Whose::Any => None,
        Whose::None => Some(String::new()),
        Whose::One(id) => code(Register::Merchants, id)?,
    };
    Ok(ShownRule { rule, system, merchant })
}

/// A rule to be made, by the codes of what it looks at.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// What people call it.
    pub name: Name,
    /// The key it looks at.
    pub key: Key,
    /// Only this system.
    pub system: Option<String>,
    /// Only this merchant; empty: values of none.
    pub merchant: Option<String>,
    /// What starts and ends an alert.
    pub condition: Condition,
    /// Whether it is looked at.
    pub enabled: bool,
}

/// What changes about a rule; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct RuleChange {
    /// Its name.
    pub name: Option<Name>,
    /// Its condition.
    pub condition: Option<Condition>,
    /// Whether it is looked at.
    pub enabled: Option<bool>,
}

fn known(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<AlertRule, ConnectorsError> {
    sql::alerts::find(conn, company, guid)?.ok_or_else(|| ConnectorsError::not_found("alert rule", guid))
}

/// Makes a rule; whatever it is about is looked at in a moment.
pub fn create(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    new: &NewRule,
    now: Timestamp,
) -> Result<ShownRule, ConnectorsError> {
    if sql::alerts::count(tx, company)? >= MOST_RULES {
        return Err(ConnectorsError::Conflict(format!("there are {MOST_RULES} alert rules already: delete some")));
    }
    if sql::alerts::count_of_key(tx, company, new.key.as_str())? >= MOST_RULES_OF_A_KEY {
        return Err(ConnectorsError::Conflict(format!(
            "there are {MOST_RULES_OF_A_KEY} alert rules about this key already: delete some"
        )));
    }
    let system = match &new.system {
        Some(code) => Some(registry::find(tx, Register::Systems, company, code)?.id),
        None => None,
    };
    let merchant = match new.merchant.as_deref() {
        None => Whose::Any,
        Some("") => Whose::None,
        Some(code) => Whose::One(registry::find(tx, Register::Merchants, company, code)?.id),
    };
    let terms = Terms {
        name: new.name.clone(),
        key: new.key.clone(),
        system,
        merchant,
        condition: new.condition,
        enabled: new.enabled,
    };
    let guid = Uuid::new_v4();
    let id = sql::alerts::insert(tx, company, guid, &terms, now)?;
    sql::alerts::watch_all(tx, id, now.as_unix_seconds())?;
    look(tx, queue, now)?;
    shown(tx, known(tx, company, guid)?)
}

/// Changes a rule; whatever it is about is looked at in a moment.
pub fn change(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    guid: Uuid,
    to: &RuleChange,
    now: Timestamp,
) -> Result<ShownRule, ConnectorsError> {
    let AlertRule { id, mut terms, .. } = known(tx, company, guid)?;
    if let Some(name) = &to.name {
        terms.name = name.clone();
    }
    terms.condition = to.condition.unwrap_or(terms.condition);
    terms.enabled = to.enabled.unwrap_or(terms.enabled);
    sql::alerts::update(tx, id, &terms, now)?;
    sql::alerts::look_again(tx, id, now.as_unix_seconds())?;
    look(tx, queue, now)?;
    shown(tx, known(tx, company, guid)?)
}

/// Deletes a rule; its alerts end in a moment, and then it goes.
pub fn delete(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    guid: Uuid,
    now: Timestamp,
) -> Result<(), ConnectorsError> {
    let rule = known(tx, company, guid)?;
    if !sql::alerts::watches_anything(tx, rule.id)? {
        return Ok(sql::alerts::delete(tx, rule.id)?);
    }
    sql::alerts::mark_deleted(tx, rule.id)?;
    sql::alerts::look_again(tx, rule.id, now.as_unix_seconds())?;
    look(tx, queue, now)
}

/// An alert that is on.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownAlert {
    /// The alert.
    pub on: On,
    /// Where a page after it begins.
    pub place: (i64, i64, i64),
    /// The id and the name of its rule.
    pub rule: (Uuid, Name),
    /// The code of the system.
    pub system: String,
    /// The code of the merchant.
    pub merchant: Option<String>,
    /// The key.
    pub key: String,
    /// The newest value, and when it was so.
    pub newest: (i64, Value),
}

/// Up to `limit` rules of a company after row key `after`.
pub fn list(conn: &Conn, company: CompanyId, after: i64, limit: usize) -> Result<Vec<ShownRule>, ConnectorsError> {
    let rules = sql::alerts::list(conn, company, after, limit)?;
    rules.into_iter().map(|rule| shown(conn, rule)).collect()
}

impl ConnectorsService {
    /// Up to `limit` rules of a company after row key `after`.
    pub fn rules(&self, company: CompanyId, after: i64, limit: usize) -> Result<Vec<ShownRule>, ConnectorsError> {
        self.store.read(|conn| list(conn, company, after, limit))
    }

    /// One rule.
    pub fn rule(&self, company: CompanyId, guid: Uuid) -> Result<ShownRule, ConnectorsError> {
        self.store.read(|conn| shown(conn, known(conn, company, guid)?))
    }

    /// Makes a rule.
    pub async fn create_rule(&self, caller: SharedPrincipal, new: NewRule) -> Result<ShownRule, ConnectorsError> {
        let (company, now, queue) = (caller.company_id, self.clock.now(), self.queue.clone());
        self.auth.write_as(caller, move |tx| create(tx, &queue, company, &new, now)).await
    }

    /// Changes a rule.
    pub async fn change_rule(
        &self,
        caller: SharedPrincipal,
        guid: Uuid,
        to: RuleChange,
    ) -> Result<ShownRule, ConnectorsError> {
        let (company, now, queue) = (caller.company_id, self.clock.now(), self.queue.clone());
        self.auth.write_as(caller, move |tx| change(tx, &queue, company, guid, &to, now)).await
    }

    /// Deletes a rule.
    pub async fn delete_rule(&self, caller: SharedPrincipal, guid: Uuid) -> Result<(), ConnectorsError> {
        let (company, now, queue) = (caller.company_id, self.clock.now(), self.queue.clone());
        self.auth.write_as(caller, move |tx| delete(tx, &queue, company, guid, now)).await
    }

    /// Up to `limit` alerts of a company that are on, after a place.
    pub fn alerts(
        &self,
        company: CompanyId,
        after: (i64, i64, i64),
        limit: usize,
    ) -> Result<Vec<ShownAlert>, ConnectorsError> {
        self.store.read(|conn| {
            let mut alerts = Vec::new();
            for watch in sql::alerts::alerts(conn, company, after, limit)? {
                let (Some(on), Some(rule), Some(subject)) =
                    (watch.on, sql::alerts::get(conn, watch.rule)?, sql::alerts::subject(conn, watch.series)?)
                else {
                    continue;
                };
                let code = |register, id| sql::registry::get(conn, register, id).map(|entry| entry.map(|it| it.code));
                alerts.push(ShownAlert {
                    on,
                    place: (on.since.as_micros(), watch.series.0, watch.rule),
                    rule: (rule.guid, rule.terms.name),
                    system: code(Register::Systems, subject.system)?.unwrap_or_default(),
                    merchant: code(Register::Merchants, subject.merchant)?,
                    key: subject.key,
                    newest: (subject.newest.at, subject.value),
                });
            }
            Ok(alerts)
        })
    }
}
