//! What was used: the statistic of a user, and the report of a user or a whole company.

use std::collections::HashMap;
use std::fs::File;

use super::UsageService;
use super::error::UsageError;
use crate::account::model::{Day, KindFilter};
use crate::account::period::Period;
use crate::account::report::{Book, Head, Totals};
use crate::account::sql;
use crate::account::sql::usage::{Cell, Span};
use crate::account::usage::DayUsage;
use crate::auth::model::{CompanyId, Principal, Role, Scope, UserId};
use crate::auth::users;
use crate::i18n::Language;
use crate::store::{Conn, StoreError, WriteTx};

/// A period of at most so many days is read where it is asked for: some thousand rows.
const SHORT: i32 = 62;

/// Says what a user's day has, whatever was reported of it.
pub fn set_day(tx: &WriteTx<'_>, company: CompanyId, username: &str, of: &DayUsage) -> Result<(), UsageError> {
    let user = users::find(tx, Scope::Company(company), username)?.id;
    Ok(sql::usage::set(tx, Cell { company, user, day: of.day, kind: of.kind }, of.usage)?)
}

/// Hands every day that a company's users have to `take`, by day, user, service and type.
pub fn each_day(
    conn: &Conn,
    company: CompanyId,
    take: impl FnMut(UserId, DayUsage) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    let period = Period { from: Day::of_number(i32::MIN), to: Day::of_number(i32::MAX) };
    let span = Span { company, user: None, period, filter: KindFilter::default() };
    sql::usage::each_of_company(conn, &span, take)
}

impl UsageService {
    /// `generate_statistics`: the caller's usage by day, service and type, and what `convert` makes of it off the async
    /// workers.
    pub async fn statistics<T: Send + 'static>(
        &self,
        caller: &Principal,
        (from, to): (Option<Day>, Option<Day>),
        filter: KindFilter,
        convert: impl FnOnce(&[DayUsage]) -> T + Send + 'static,
    ) -> Result<T, UsageError> {
        let period = Period::of(from, to, self.today(caller))?;
        let user = caller.user_id;
        let span = Span { company: caller.company_id, user: Some(user), period, filter };
        let read = move |conn: &Conn| {
            let mut rows = Vec::new();
            sql::usage::each_of_user(conn, &span, user, |row| {
                rows.push(row);
                Ok::<_, StoreError>(())
            })?;
            Ok::<_, UsageError>(rows)
        };
        if period.days() <= SHORT {
            return Ok(convert(&self.store.read_one(|conn| read(conn))?));
        }
        self.store.read_long(move |conn| Ok(convert(&read(conn)?))).await
    }

    /// `generate_report`: the same as a workbook, in a file without a name that goes when it is closed. An ADMIN gets
    /// everybody in its company.
    pub async fn report(
        &self,
        caller: &Principal,
        (from, to): (Option<Day>, Option<Day>),
        filter: KindFilter,
        language: Language,
    ) -> Result<(File, Period), UsageError> {
        let period = Period::of(from, to, self.today(caller))?;
        let everybody = caller.roles.has(Role::Admin);
        let user = if everybody { None } else { Some(caller.user_id) };
        let span = Span { company: caller.company_id, user, period, filter };
        let head = Head {
            language,
            period,
            username: caller.username.to_string(),
            company: caller.company_key.to_string(),
            everybody,
            written_on: self.today(caller),
        };
        let file = self.store.read_long(move |conn| write(conn, &span, head)).await?;
        Ok((file, period))
    }

    /// The caller's own day.
    fn today(&self, caller: &Principal) -> Day {
        Day::of(self.clock.now(), caller.timezone)
    }
}

/// Reads twice in one snapshot, for the totals and for the days, so that neither has to be kept in memory.
fn write(conn: &Conn, span: &Span, head: Head) -> Result<File, UsageError> {
    let unwritten = |error: std::io::Error| UsageError::Unwritten(error.to_string());
    let mut totals = Totals::default();
    each(conn, span, |_, row| {
        totals.add(&row);
        Ok(())
    })?;
    let mut book = Book::begin(head, &totals)?;
    let mut names: HashMap<UserId, String> = HashMap::new();
    each(conn, span, |user, row| {
        let name = match (names.get(&user), span.user) {
            (_, Some(_)) => None,
            (Some(name), None) => Some(name.as_str()),
            (None, None) => {
                let name = users::get(conn, user)?.username.to_string();
                Some(names.entry(user).or_insert(name).as_str())
            }
        };
        Ok(book.day(name, &row)?)
    })?;
    let file = tempfile::tempfile().map_err(unwritten)?;
    book.finish(file.try_clone().map_err(unwritten)?)?;
    Ok(file)
}

fn each(
    conn: &Conn,
    span: &Span,
    mut take: impl FnMut(UserId, DayUsage) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    match span.user {
        Some(user) => sql::usage::each_of_user(conn, span, user, |row| take(user, row)),
        None => sql::usage::each_of_company(conn, span, take),
    }
}
