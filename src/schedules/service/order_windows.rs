//! Whether an order may be sent, and why a day is as it is.

use chrono::NaiveDate;

use super::{Candidates, MOST_EXCEPTIONS, SchedulesError, SchedulesService, matters_from, today};
use crate::auth::AuthError;
use crate::auth::model::{Party, PartyRef, Principal, Side};
use crate::auth::parties;
use crate::i18n::Language;
use crate::schedules::civil::UnixSeconds;
use crate::schedules::explain::{Decision, Ground, explain, reason_word};
use crate::schedules::model::Schedule;
use crate::schedules::sql;
use crate::schedules::windows::Window;
use crate::store::Conn;

/// Whether an order may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// On what ground, and with it whether.
    pub ground: Ground,
    /// The schedule that decides, if one does.
    pub schedule: Option<Schedule>,
    /// The window that is open.
    pub window: Option<Window>,
    /// The window that opens next.
    pub next: Option<Window>,
}

/// Why a day is as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The schedule that decides, if one does.
    pub schedule: Option<Schedule>,
    /// What decided, as a word; `None`: no schedule does.
    pub reason: Option<&'static str>,
    /// When orders may be sent that day, if there is a window.
    pub window: Option<Window>,
    /// All of it in words.
    pub text: String,
}

/// The two parties of an order, if the caller may act for one of them.
fn pair(
    conn: &Conn,
    caller: &Principal,
    producer: &PartyRef,
    distributor: &PartyRef,
) -> Result<(Party, Party), AuthError> {
    let found = parties::find(conn, caller.company_id, producer, Side::Producer)?;
    let buyer = parties::find(conn, caller.company_id, distributor, Side::Distributor)?;
    if parties::may_act_for(conn, caller, found.id)? || parties::may_act_for(conn, caller, buyer.id)? {
        return Ok((found, buyer));
    }
    Err(AuthError::NotFound { what: Side::Producer.noun(), key: producer.to_string() })
}

impl SchedulesService {
    /// Whether `distributor` may send `producer` an order at `at`, now if nobody says.
    pub fn check(
        &self,
        caller: &Principal,
        producer: &PartyRef,
        distributor: &PartyRef,
        at: Option<UnixSeconds>,
    ) -> Result<Verdict, SchedulesError> {
        let at = at.unwrap_or_else(|| self.clock.now().as_unix_seconds());
        let company = caller.company_id;
        self.store.read(|conn| {
            let (producer, distributor) = pair(conn, caller, producer, distributor)?;
            let from = matters_from(producer.zone, at);
            let candidates = Candidates::of(conn, company, &producer, &distributor, from, from)?;
            let holidays = sql::exceptions::holidays(conn, company, from, MOST_EXCEPTIONS)?;
            let lineup = candidates.lineup(producer.zone, &holidays)?;
            if let Some(((schedule, _), window)) = lineup.open(at) {
                let next = lineup.nearest(window.closes_at + 1).map(|(_, window)| window);
                let schedule = Some((*schedule).clone());
                return Ok(Verdict { ground: Ground::Open, schedule, window: Some(window), next });
            }
            let deciding = lineup.deciding(today(producer.zone, at));
            let ground = match deciding {
                None => Ground::NoSchedule,
                Some((schedule, _)) if schedule.terms.block => Ground::Blocked,
                Some(_) => Ground::NotBlocking,
            };
            Ok(Verdict {
                ground,
                schedule: deciding.map(|(schedule, _)| (*schedule).clone()),
                window: None,
                next: lineup.nearest(at).map(|(_, window)| window),
            })
        })
    }

    /// Which schedule, rule and exception decide about a day, in words.
    pub fn explain(
        &self,
        caller: &Principal,
        producer: &PartyRef,
        distributor: &PartyRef,
        day: NaiveDate,
        language: Language,
    ) -> Result<Explanation, SchedulesError> {
        let company = caller.company_id;
        self.store.read(|conn| {
            let (producer, distributor) = pair(conn, caller, producer, distributor)?;
            let candidates = Candidates::of(conn, company, &producer, &distributor, day, day)?;
            let holidays = sql::exceptions::holidays(conn, company, day, MOST_EXCEPTIONS)?;
            let lineup = candidates.lineup(producer.zone, &holidays)?;
            let Some((schedule, plan)) = lineup.deciding(day) else {
                let text = Ground::NoSchedule.say(language);
                return Ok(Explanation { schedule: None, reason: None, window: None, text });
            };
            let decided = plan.on(day);
            let text = explain(&Decision { schedule: Some(schedule), reason: decided.reason }, day, language);
            let reason = Some(reason_word(&decided.reason));
            Ok(Explanation { schedule: Some((*schedule).clone()), reason, window: decided.window, text })
        })
    }
}
