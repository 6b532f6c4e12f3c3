//! `comptoir schedule`: exceptions, holidays and calendar feeds of a company, beside a running server.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::output::{self, ShownOnce, Table};
use super::party::{company, party};
use super::{CliError, Common};
use crate::auth::model::{CompanyId, Refused, Rule, Side};
use crate::auth::parties;
use crate::schedules::SchedulesError;
use crate::schedules::civil::TimeOfDay;
use crate::schedules::model::{FeedOf, Holiday, ScheduleId, calendar_day};
use crate::schedules::service::calendars::{self, FeedSecret};
use crate::schedules::service::{MOST_EXCEPTIONS, exceptions};
use crate::schedules::windows::{Exception, Hours};
use crate::store::Store;
use crate::tasks::Queue;

/// Of which company.
#[derive(Debug, Args)]
pub struct Of {
    /// The company's key.
    #[arg(long)]
    company: String,
}

/// What can be done about order schedules.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// What is different on single days of a schedule.
    Exception {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        command: ExceptionCommand,
    },
    /// Days on which no schedule of the company has a window.
    Holiday {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        command: HolidayCommand,
    },
    /// Addresses of calendars to subscribe to.
    Feed {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        command: FeedCommand,
    },
}

/// What can be done with exceptions.
#[derive(Debug, Subcommand)]
pub enum ExceptionCommand {
    /// Write one; it replaces the one of that day.
    Set {
        /// The schedule's number.
        schedule: i64,
        /// The day, such as 2026-01-31.
        date: String,
        /// SKIP, EXTRA or MOVE.
        kind: String,
        /// From when orders may be sent that day, HH:MM:SS.
        #[arg(long, requires = "to")]
        from: Option<String>,
        /// Until when.
        #[arg(long, requires = "from")]
        to: Option<String>,
    },
    /// Remove one.
    Remove {
        /// The schedule's number.
        schedule: i64,
        /// The day.
        date: String,
    },
    /// Show all of a schedule.
    List {
        /// The schedule's number.
        schedule: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What can be done with holidays.
#[derive(Debug, Subcommand)]
pub enum HolidayCommand {
    /// Write one; it replaces the one of that day.
    Set {
        /// The day, such as 2026-08-24.
        date: String,
        /// What it is called.
        name: String,
    },
    /// Remove one.
    Remove {
        /// The day.
        date: String,
    },
    /// Show all of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What can be done with calendar feeds.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// Make one and print its path, this once.
    #[command(group(clap::ArgGroup::new("shows").required(true).args(["schedule", "distributor"])))]
    Add {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// The number of the schedule it shows.
        #[arg(long)]
        schedule: Option<i64>,
        /// The number or GLN of the distributor it shows all of.
        #[arg(long)]
        distributor: Option<String>,
    },
    /// Show all of them.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End one at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: Uuid,
    },
}

/// Runs the command.
pub fn run(common: &Common, command: ScheduleCommand) -> Result<(), CliError> {
    let store = common.open()?;
    match command {
        ScheduleCommand::Exception { of, command } => exception(common, &store, company(&store, &of.company)?, command),
        ScheduleCommand::Holiday { of, command } => holiday(common, &store, company(&store, &of.company)?, command),
        ScheduleCommand::Feed { of, command } => feed(common, &store, company(&store, &of.company)?, command),
    }
}

fn refused(field: &'static str) -> impl Fn(Rule) -> SchedulesError {
    move |rule| Refused { field, rule }.into()
}

fn day(text: &str) -> Result<NaiveDate, SchedulesError> {
    Ok(calendar_day("date", text)?)
}

fn exception(common: &Common, store: &Store, company: CompanyId, command: ExceptionCommand) -> Result<(), CliError> {
    let (now, queue) = (common.clock().now(), Queue::new(common.clock(), Vec::new()));
    match command {
        ExceptionCommand::Set { schedule, date, kind, from, to } => {
            let time =
                |text: Option<String>, field| text.as_deref().map(TimeOfDay::parse).transpose().map_err(refused(field));
            let hours = time(from, "from")?.zip(time(to, "to")?);
            let hours = hours.map(|(from, to)| Hours::new(from, to)).transpose().map_err(SchedulesError::from)?;
            let written = Exception::new(&kind.to_uppercase(), hours).map_err(SchedulesError::from)?;
            let on = day(&date)?;
            common.change(
                store,
                "set_schedule_exception",
                move |()| Some(company),
                move |tx| exceptions::save(tx, &queue, company, ScheduleId(schedule), on, written, now),
            )?;
            output::say(&format!("schedule {schedule} has an exception on {date}"))
        }
        ExceptionCommand::Remove { schedule, date } => {
            let on = day(&date)?;
            common.change(
                store,
                "delete_schedule_exception",
                move |()| Some(company),
                move |tx| exceptions::remove(tx, &queue, company, ScheduleId(schedule), on, now),
            )?;
            output::say(&format!("schedule {schedule} has no exception on {date} any more"))
        }
        ExceptionCommand::List { schedule, json } => {
            let id = ScheduleId(schedule);
            let rows = store.read(|conn| {
                exceptions::find(conn, company, id)?;
                exceptions::list(conn, company, id, NaiveDate::MIN, MOST_EXCEPTIONS)
            })?;
            let mut table = Table::new(&["date", "kind", "from", "to"]);
            for (day, exception) in rows {
                let hours = exception.hours();
                table.row([
                    day.to_string().into(),
                    exception.word().into(),
                    hours.map(|hours| hours.from().to_string()).into(),
                    hours.map(|hours| hours.to().to_string()).into(),
                ]);
            }
            table.print(json)
        }
    }
}

fn holiday(common: &Common, store: &Store, company: CompanyId, command: HolidayCommand) -> Result<(), CliError> {
    let (now, queue) = (common.clock().now(), Queue::new(common.clock(), Vec::new()));
    match command {
        HolidayCommand::Set { date, name } => {
            let name = exceptions::holiday_name(&name).map_err(SchedulesError::from)?;
            let holiday = Holiday { day: day(&date)?, name };
            common.change(
                store,
                "set_holiday",
                move |()| Some(company),
                move |tx| exceptions::save_holiday(tx, &queue, company, &holiday, now),
            )?;
            output::say(&format!("{date} is a holiday"))
        }
        HolidayCommand::Remove { date } => {
            let on = day(&date)?;
            common.change(
                store,
                "delete_holiday",
                move |()| Some(company),
                move |tx| exceptions::remove_holiday(tx, &queue, company, on, now),
            )?;
            output::say(&format!("{date} is no holiday any more"))
        }
        HolidayCommand::List { json } => {
            let rows = store.read(|conn| exceptions::list_holidays(conn, company, NaiveDate::MIN, MOST_EXCEPTIONS))?;
            let mut table = Table::new(&["date", "name"]);
            for holiday in rows {
                table.row([holiday.day.to_string().into(), holiday.name.into()]);
            }
            table.print(json)
        }
    }
}

fn feed(common: &Common, store: &Store, company: CompanyId, command: FeedCommand) -> Result<(), CliError> {
    let now = common.clock().now();
    match command {
        FeedCommand::Add { name, schedule, distributor } => {
            let name = exceptions::holiday_name(&name).map_err(SchedulesError::from)?;
            let of = match (schedule, distributor) {
                (Some(id), _) => FeedOf::Schedule(ScheduleId(id)),
                (None, distributor) => {
                    let named = party(&distributor.unwrap_or_default())?;
                    let found = store.read(|conn| parties::find(conn, company, &named, Side::Distributor))?;
                    FeedOf::Distributor(found.id)
                }
            };
            let secret = FeedSecret::generate()?;
            let path = format!("/comptoir/v1/calendars/{}.ics", secret.expose());
            let made = common.change(
                store,
                "create_calendar_feed",
                move |_| Some(company),
                move |tx| calendars::create(tx, company, None, of, &name, &secret, now),
            )?;
            let remedy = format!("comptoir schedule feed revoke {}", made.guid);
            ShownOnce { what: "path", secret: &path, remedy }.say(&format!("calendar feed {} made", made.guid))
        }
        FeedCommand::List { json } => {
            let mut table = Table::new(&["id", "name", "schedule", "distributor", "hint", "created_at"]);
            let mut after = 0;
            loop {
                let page = store.read(|conn| calendars::list(conn, company, None, after, MOST_EXCEPTIONS))?;
                let Some(last) = page.last() else { break };
                after = last.row;
                for feed in &page {
                    let (schedule, distributor) = match feed.of {
                        FeedOf::Schedule(id) => (Some(id.0), None),
                        FeedOf::Distributor(id) => (None, Some(id.0)),
                    };
                    table.row([
                        feed.guid.to_string().into(),
                        feed.name.as_str().into(),
                        schedule.into(),
                        distributor.into(),
                        feed.hint.as_str().into(),
                        feed.created_at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
                    ]);
                }
            }
            table.print(json)
        }
        FeedCommand::Revoke { id } => {
            common.change(
                store,
                "revoke_calendar_feed",
                move |()| Some(company),
                move |tx| calendars::revoke(tx, company, id),
            )?;
            output::say(&format!("calendar feed {id} has ended"))
        }
    }
}
