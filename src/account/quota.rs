//! Whether a start is within its user's limits.
//!
//! Must not know: the database, HTTP, the system clock. Source: contracts/account.md, 'quota'.

use crate::account::model::{MAX_COUNT, count};
use crate::auth::model::Refused;

/// The highest limit of points in one request.
pub const MAX_PER_REQUEST: i64 = 1_000_000;

/// The highest limit of processes at once.
pub const MAX_CONCURRENT: i64 = 1_000;

/// What a user may use of one kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Points in one start, 0 to 1 000 000.
    pub points_per_request: i64,
    /// Points of all starts of a local day, 0 to 100 000 000.
    pub points_per_day: i64,
    /// Processes whose end is still to come, 0 to 1000.
    pub max_concurrent_execution: i64,
}

impl Limits {
    /// As far as the contract can say: what a limit is that nobody has set.
    pub const WIDEST: Self = Self {
        points_per_request: MAX_PER_REQUEST,
        points_per_day: MAX_COUNT,
        max_concurrent_execution: MAX_CONCURRENT,
    };

    /// Limits within the contract's bounds; what is not given is as wide as they are.
    pub fn parse(
        points_per_request: Option<i64>,
        points_per_day: Option<i64>,
        max_concurrent_execution: Option<i64>,
    ) -> Result<Self, Refused> {
        let of = |field, value: Option<i64>, max| count(field, value.unwrap_or(max), max);
        Ok(Self {
            points_per_request: of("points_per_request", points_per_request, MAX_PER_REQUEST)?,
            points_per_day: of("points_per_day", points_per_day, MAX_COUNT)?,
            max_concurrent_execution: of("max_concurrent_execution", max_concurrent_execution, MAX_CONCURRENT)?,
        })
    }
}

/// What becomes of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Admitted,
    /// It asks for more points than are left: why.
    TooManyPoints(String),
    /// As many as may be run already.
    Busy(i64),
}

/// Holds a start of `points` points against `limits`, on a day that has `today` points so far, with `running` processes
/// of the kind under way.
#[must_use]
pub fn judge(limits: &Limits, points: i64, today: i64, running: i64) -> Verdict {
    if points > limits.points_per_request {
        return Verdict::TooManyPoints(format!(
            "{points} points are more than the quota of {} a request",
            limits.points_per_request
        ));
    }
    if points > 0 && today.saturating_add(points) > limits.points_per_day {
        return Verdict::TooManyPoints(format!(
            "{points} points are more than the {} left of the day's quota of {}",
            limits.points_per_day.saturating_sub(today).max(0),
            limits.points_per_day
        ));
    }
    if running >= limits.max_concurrent_execution {
        return Verdict::Busy(limits.max_concurrent_execution);
    }
    Verdict::Admitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_the_last_that_may_be_had() {
        let limits = Limits { points_per_request: 100, points_per_day: 250, max_concurrent_execution: 2 };
        let points = |points, today| matches!(judge(&limits, points, today, 0), Verdict::TooManyPoints(_));
        assert_eq!(judge(&limits, 100, 150, 1), Verdict::Admitted);
        assert!(points(101, 0), "over a request's");
        assert!(points(100, 151), "over the day's");
        assert!(points(1, 300), "lowered below what is used");
        assert_eq!(judge(&limits, 1, 0, 2), Verdict::Busy(2));
        assert_eq!(judge(&limits, 0, 300, 0), Verdict::Admitted, "no points are never too many");
        let none = Limits { points_per_request: 0, points_per_day: 0, max_concurrent_execution: 0 };
        assert!(matches!(judge(&none, 1, 0, 0), Verdict::TooManyPoints(_)));
        assert_eq!(judge(&none, 0, 0, 0), Verdict::Busy(0));
    }

    #[test]
    fn limits_beyond_the_contracts_bounds_are_refused_by_name() {
        assert_eq!(Limits::parse(None, None, None), Ok(Limits::WIDEST));
        for (limits, field) in [
            (Limits::parse(Some(1_000_001), None, None), "points_per_request"),
            (Limits::parse(None, Some(-1), None), "points_per_day"),
            (Limits::parse(None, None, Some(1_001)), "max_concurrent_execution"),
        ] {
            assert_eq!(limits.expect_err(field).field, field);
        }
    }
}
