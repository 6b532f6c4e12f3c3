//! Daily usage: how it adds up, and how days become a statistic.
//!
//! Must not know: the database, HTTP, the system clock. Source: contracts/account.md, 'Daily usage'.

use crate::account::model::{Day, Kind, MAX_COUNT};
use crate::auth::model::Refused;

/// What was used, of one kind of work or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processes begun.
    pub processes: i64,
    /// Points, repeated ones included.
    pub points: i64,
    /// Points that no other process of the day, user, service and type had.
    pub unique_points: i64,
    /// Elements of results.
    pub elements: i64,
}

impl Usage {
    /// The sum, however large: for totals.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            processes: self.processes.saturating_add(other.processes),
            points: self.points.saturating_add(other.points),
            unique_points: self.unique_points.saturating_add(other.unique_points),
            elements: self.elements.saturating_add(other.elements),
        }
    }

    /// This day with `other` added to it, unless that is more than the contract lets a day have: the field at fault
    /// then.
    pub fn with(self, other: Self, day: Day) -> Result<Self, Refused> {
        let sum = self.plus(other);
        let over = |field, sum: i64| {
            if sum <= MAX_COUNT {
                return Ok(());
            }
            Err(Refused::new(field, format!("would make {sum} on {day}; a day has at most {MAX_COUNT}")))
        };
        over("processes", sum.processes)?;
        over("points", sum.points)?;
        over("elements", sum.elements)?;
        Ok(sum)
    }
}

/// The usage of one day and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayUsage {
    /// The user's local day.
    pub day: Day,
    /// The kind of work.
    pub kind: Kind,
    /// What was used.
    pub usage: Usage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_may_reach_the_contracts_maximum_and_not_pass_it() {
        let day = Day::of_number(0);
        let points = |points| Usage { processes: 1, points, unique_points: points, elements: 0 };
        let full = points(MAX_COUNT - 1).with(points(1), day).expect("the maximum itself");
        assert_eq!((full.processes, full.points), (2, MAX_COUNT));
        assert_eq!(full.with(points(1), day).expect_err("one more").field, "points");
        assert!(full.with(points(0), day).is_ok());
        let elements = Usage { elements: MAX_COUNT + 1, ..Usage::default() };
        assert_eq!(Usage::default().with(elements, day).expect_err("elements").field, "elements");
        let processes = Usage { processes: MAX_COUNT, ..Usage::default() };
        assert_eq!(processes.with(points(0), day).expect_err("processes").field, "processes");
    }
}
