//! Which days a statistic or a report is about.
//!
//! Must not know: the database, HTTP, the system clock. Source: contracts/account.md, 'statistics', and the seed's
//! parameters `from` and `to`.

use crate::account::model::Day;
use crate::auth::model::Refused;

/// The most days that may be asked for at once: the contract's `dates` holds no more.
pub const MAX_DAYS: i32 = 3653;

/// A span of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Day,
    /// The last one.
    pub to: Day,
}

impl Period {
    /// The span that `from` and `to` name for a user whose day is `today`. Without `from` it begins with the month,
    /// without `to` it ends yesterday; where only that makes it end before it begins it has no day at all.
    pub fn of(from: Option<Day>, to: Option<Day>, today: Day) -> Result<Self, Refused> {
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Refused::new("from", format!("must not be later than `to` ({to})")));
        }
        let period =
            Self { from: from.unwrap_or_else(|| today.first_of_month()), to: to.unwrap_or_else(|| today.plus(-1)) };
        if period.days() > MAX_DAYS {
            let field = if from.is_some() { "from" } else { "to" };
            return Err(Refused::new(
                field,
                format!("must leave at most {MAX_DAYS} days; {} to {} are {}", period.from, period.to, period.days()),
            ));
        }
        Ok(period)
    }

    /// How many days it has.
    #[must_use]
    pub fn days(&self) -> i32 {
        self.to.number().saturating_sub(self.from.number()).saturating_add(1).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn of(from: &str, to: &str, today: &str) -> Result<String, String> {
        let read = |text: &str| if text.is_empty() { None } else { Some(day(text)) };
        match Period::of(read(from), read(to), day(today)) {
            Ok(period) if period.days() == 0 => Ok("none".to_owned()),
            Ok(period) => Ok(format!("{} to {}", period.from, period.to)),
            Err(refused) => Err(refused.field.to_owned()),
        }
    }

    #[test]
    fn what_is_left_out_is_this_month_until_yesterday() {
        for (from, to, today, expected) in [
            ("", "", "2024-11-22", "2024-11-01 to 2024-11-21"),
            ("", "", "2024-11-02", "2024-11-01 to 2024-11-01"),
            ("", "", "2024-11-01", "none"),
            ("", "", "2024-01-01", "none"),
            ("2024-11-20", "", "2024-11-22", "2024-11-20 to 2024-11-21"),
            ("2024-11-22", "", "2024-11-22", "none"),
            ("", "2024-11-22", "2024-11-22", "2024-11-01 to 2024-11-22"),
            ("", "2024-10-31", "2024-11-22", "none"),
            ("2024-11-22", "2024-11-22", "2024-11-30", "2024-11-22 to 2024-11-22"),
            ("2024-02-28", "2024-03-01", "2024-11-30", "2024-02-28 to 2024-03-01"),
            ("2024-12-01", "2024-12-31", "2024-11-30", "2024-12-01 to 2024-12-31"),
        ] {
            assert_eq!(of(from, to, today), Ok(expected.to_owned()), "{from}..{to} on {today}");
        }
    }

    #[test]
    fn a_span_the_wrong_way_round_or_too_long_is_refused_by_the_parameter() {
        for (from, to, today, expected) in [
            ("2024-11-23", "2024-11-22", "2024-11-30", Err("from")),
            ("2014-11-22", "2024-11-22", "2024-11-30", Err("from")),
            ("2014-11-23", "2024-11-22", "2024-11-30", Ok("2014-11-23 to 2024-11-22")),
            ("2014-11-23", "", "2024-11-30", Err("from")),
            ("", "2044-11-22", "2024-11-30", Err("to")),
            ("0001-01-01", "9999-12-31", "2024-11-30", Err("from")),
        ] {
            assert_eq!(of(from, to, today), expected.map(str::to_owned).map_err(str::to_owned), "{from}..{to}");
        }
    }
}
