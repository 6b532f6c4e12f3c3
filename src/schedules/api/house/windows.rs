//! Order windows on the wire: whether an order may be sent and why, exceptions, holidays, calendars.
//!
//! Must not know: SQL, other domains.

use chrono::NaiveDate;
use poem::http::HeaderMap;
use poem::http::header::ACCEPT_LANGUAGE;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::calendar::CalendarAnswer;
use super::wire::{
    CalendarFeed, CalendarFeedPage, CreatedCalendarFeed, Exception, ExceptionPage, Holiday, HolidayPage, Lang,
    NewCalendarFeed, NewException, NewHoliday, OrderCheck, OrderExplanation, instant,
};
use super::{Answer, HouseTags, row_key};
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{AnyCredential, Caller, Failure, idempotency};
use crate::i18n::Language;
use crate::schedules::SchedulesService;
use crate::schedules::api::party;
use crate::schedules::model::{Holiday as Kept, ScheduleId, calendar_day};
use crate::schedules::service::MOST_EXCEPTIONS;
use crate::schedules::service::exceptions::holiday_name;

/// The name page tokens of the list of feeds carry.
const FEEDS: &str = "calendar-feeds";

/// The language that is asked for, else the one the client prefers.
fn language(lang: Option<Lang>, headers: &HeaderMap) -> Language {
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    lang.map_or_else(|| Language::negotiate(header), Language::from)
}

/// A day to begin a list with.
fn from_day(text: Option<&str>) -> Result<NaiveDate, Failure> {
    Ok(text.map_or(Ok(NaiveDate::MIN), |text| calendar_day("from", text))?)
}

/// `/comptoir/v1/order-windows`, `/comptoir/v1/holidays`, `/comptoir/v1/calendars` and what belongs to them.
pub struct OrderWindowsApi(pub SchedulesService);

#[OpenApi(tag = "HouseTags::Windows")]
impl OrderWindowsApi {
    /// Check whether an order may be sent
    ///
    /// Whether the distributor may send the producer an order at an instant, why, and when the next window opens. The
    /// caller acts for one of the two.
    #[oai(path = "/comptoir/v1/order-windows/check", method = "get", operation_id = "check_order_window")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn check(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's number or GLN.
        producer: Query<String>,
        /// The distributor's number or GLN.
        distributor: Query<String>,
        /// When: Unix seconds or RFC 3339; absent: now.
        at: Query<Option<String>>,
        /// The language of the text; absent: what `Accept-Language` prefers.
        lang: Query<Option<Lang>>,
        headers: &HeaderMap,
    ) -> Answer<Json<OrderCheck>> {
        let (producer, distributor) = (party("producer", &producer.0)?, party("distributor", &distributor.0)?);
        let at = at.0.as_deref().map(|text| instant("at", text)).transpose()?;
        let verdict = self.0.check(&caller, &producer, &distributor, at)?;
        Ok(Json(OrderCheck::of(verdict, language(lang.0, headers))))
    }

    /// Explain a day
    ///
    /// Which schedule, which rule and which exception or holiday decide about it, in words.
    #[oai(path = "/comptoir/v1/order-windows/explain", method = "get", operation_id = "explain_order_window")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn explain(
        &self,
        caller: Caller<AnyCredential>,
        /// The producer's number or GLN.
        producer: Query<String>,
        /// The distributor's number or GLN.
        distributor: Query<String>,
        /// The day.
        date: Query<String>,
        /// The language of the text; absent: what `Accept-Language` prefers.
        lang: Query<Option<Lang>>,
        headers: &HeaderMap,
    ) -> Answer<Json<OrderExplanation>> {
        let (producer, distributor) = (party("producer", &producer.0)?, party("distributor", &distributor.0)?);
        let day = calendar_day("date", &date.0)?;
        let explained = self.0.explain(&caller, &producer, &distributor, day, language(lang.0, headers))?;
        Ok(Json(OrderExplanation::of(day, explained)))
    }

    /// List a schedule's exceptions
    #[oai(path = "/comptoir/v1/schedules/:id/exceptions", method = "get", operation_id = "list_schedule_exceptions")]
    async fn exceptions(
        &self,
        caller: Caller,
        /// The schedule's number.
        id: Path<i64>,
        /// Those on this day and later.
        from: Query<Option<String>>,
    ) -> Answer<Json<ExceptionPage>> {
        let from = from_day(from.0.as_deref())?;
        let items = self.0.exceptions(&caller, ScheduleId(id.0), from, MOST_EXCEPTIONS)?;
        Ok(Json(ExceptionPage { items: items.into_iter().map(|(day, kept)| Exception::of(day, kept)).collect() }))
    }

    /// Write an exception
    ///
    /// A day that is skipped, added, or has other hours; it replaces the one that is there for that day. It decides before
    /// holidays and before the rule, between the schedule's first and last day.
    #[oai(
        path = "/comptoir/v1/schedules/:id/exceptions/:date",
        method = "put",
        operation_id = "set_schedule_exception"
    )]
    async fn set_exception(
        &self,
        caller: Caller,
        /// The schedule's number.
        id: Path<i64>,
        /// The day.
        date: Path<String>,
        body: Strict<NewException>,
    ) -> Answer<Json<Exception>> {
        let day = calendar_day("date", &date.0)?;
        let kept = self.0.save_exception(caller.principal(), ScheduleId(id.0), day, body.0.parse()?).await?;
        Ok(Json(Exception::of(day, kept)))
    }

    /// Remove an exception
    #[oai(
        path = "/comptoir/v1/schedules/:id/exceptions/:date",
        method = "delete",
        operation_id = "delete_schedule_exception"
    )]
    async fn delete_exception(
        &self,
        caller: Caller,
        /// The schedule's number.
        id: Path<i64>,
        /// The day.
        date: Path<String>,
    ) -> Answer<()> {
        let day = calendar_day("date", &date.0)?;
        Ok(self.0.remove_exception(caller.principal(), ScheduleId(id.0), day).await?)
    }

    /// List the company's holidays
    #[oai(path = "/comptoir/v1/holidays", method = "get", operation_id = "list_holidays")]
    async fn holidays(
        &self,
        caller: Caller,
        /// Those on this day and later.
        from: Query<Option<String>>,
    ) -> Answer<Json<HolidayPage>> {
        let items = self.0.holidays(caller.company_id, from_day(from.0.as_deref())?, MOST_EXCEPTIONS)?;
        Ok(Json(HolidayPage { items: items.into_iter().map(Holiday::from).collect() }))
    }

    /// Write a holiday
    ///
    /// No schedule of the company has a window that day, unless an exception to it says so.
    #[oai(path = "/comptoir/v1/holidays/:date", method = "put", operation_id = "set_holiday")]
    async fn set_holiday(
        &self,
        caller: Caller,
        /// The day.
        date: Path<String>,
        body: Strict<NewHoliday>,
    ) -> Answer<Json<Holiday>> {
        let holiday = Kept { day: calendar_day("date", &date.0)?, name: holiday_name(&body.0.name)? };
        Ok(Json(self.0.save_holiday(caller.principal(), holiday).await?.into()))
    }

    /// Remove a holiday
    #[oai(path = "/comptoir/v1/holidays/:date", method = "delete", operation_id = "delete_holiday")]
    async fn delete_holiday(
        &self,
        caller: Caller,
        /// The day.
        date: Path<String>,
    ) -> Answer<()> {
        let day = calendar_day("date", &date.0)?;
        Ok(self.0.remove_holiday(caller.principal(), day).await?)
    }

    /// List calendar feeds
    ///
    /// The caller's own; an ADMIN sees the company's. Secrets are never shown again.
    #[oai(path = "/comptoir/v1/calendar-feeds", method = "get", operation_id = "list_calendar_feeds")]
    async fn feeds(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<CalendarFeedPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(FEEDS, page_token.0.as_deref())?;
        let rows = self.0.feeds(&caller, row_key(token.after())?, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(FEEDS, last.row.to_string()));
        Ok(Json(CalendarFeedPage { items: items.into_iter().map(CalendarFeed::from).collect(), next_page_token: next }))
    }

    /// Make a calendar feed
    ///
    /// An address to subscribe to, of one schedule or of all that decides for a distributor. The secret is in this answer
    /// and nowhere else; it works while whoever made it may act for the party.
    #[oai(path = "/comptoir/v1/calendar-feeds", method = "post", operation_id = "create_calendar_feed")]
    async fn create_feed(
        &self,
        caller: Caller,
        /// The same key again, within a day and from the same user, makes nothing more.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        body: Strict<NewCalendarFeed>,
    ) -> Answer<Json<CreatedCalendarFeed>> {
        let key = idempotency(&caller, "create_calendar_feed", headers, &body.0)?;
        let name = holiday_name(&body.0.name)?;
        let of = match (body.0.schedule_id, body.0.distributor) {
            (Some(id), None) => Ok(ScheduleId(id)),
            (None, Some(distributor)) => Err(party("distributor", &distributor)?),
            _ => return Err(Failure::invalid_field("schedule_id", "or distributor is required, not both").into()),
        };
        let (feed, secret) = self.0.create_feed(caller.principal(), of, name, key).await?;
        Ok(Json(CreatedCalendarFeed::of(feed, secret.as_ref())))
    }

    /// Revoke a calendar feed
    ///
    /// Its address stops working at once and for good.
    #[oai(path = "/comptoir/v1/calendar-feeds/:id", method = "delete", operation_id = "revoke_calendar_feed")]
    async fn revoke_feed(
        &self,
        caller: Caller,
        /// The feed's id.
        id: Path<Uuid>,
    ) -> Answer<()> {
        Ok(self.0.revoke_feed(caller.principal(), id.0).await?)
    }

    /// Read a calendar
    ///
    /// iCalendar (RFC 5545), for whoever knows the address; calendar programs subscribe to it.
    #[oai(path = "/comptoir/v1/calendars/:file", method = "get", operation_id = "read_calendar")]
    async fn calendar(
        &self,
        /// The secret of the feed and `.ics`.
        file: Path<String>,
        /// The language of titles; absent: what `Accept-Language` prefers.
        lang: Query<Option<Lang>>,
        headers: &HeaderMap,
    ) -> Answer<CalendarAnswer> {
        let secret = file.0.strip_suffix(".ics").unwrap_or_default();
        Ok(CalendarAnswer(self.0.calendar(secret, language(lang.0, headers)).await?))
    }
}
