//! When two schedules of a producer overlap, and what is said of it.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/schedules.md, 'Rules'.

use chrono::NaiveDate;

/// The days of a schedule from the first to the last; without a last it is open-ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first day.
    pub start: NaiveDate,
    /// The last day; `None`: there is none.
    pub end: Option<NaiveDate>,
}

impl Span {
    /// Whether the two share a day. Both ends belong to a span.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let begins_in_time = |one: Self, other: Self| other.end.is_none_or(|end| one.start <= end);
        begins_in_time(self, other) && begins_in_time(other, self)
    }
}

/// Of the spans that begin no later than `new` ends, the one that begins last is the only one to compare with, if none
/// of them overlaps another: those before it end before it begins. So an index answers with one row.
#[must_use]
pub fn collides(latest: Option<Span>, new: Span) -> bool {
    latest.is_some_and(|latest| latest.overlaps(new))
}

/// The contract's words about a schedule that is in the way.
#[must_use]
pub fn refusal(name: &str) -> String {
    format!("Dates can't overlap with already existing schedule, name - [{name}]. Please edit your schedule.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(n: i32) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(730_000 + n).expect("a date")
    }

    fn span(start: i32, end: Option<i32>) -> Span {
        Span { start: day(start), end: end.map(day) }
    }

    #[test]
    fn spans_that_share_a_day_overlap() {
        for (one, other, expected) in [
            (span(1, Some(5)), span(6, Some(9)), false),
            (span(1, Some(5)), span(5, Some(9)), true),
            (span(1, None), span(9, Some(9)), true),
            (span(9, None), span(1, Some(8)), false),
            (span(9, None), span(1, None), true),
            (span(3, Some(3)), span(1, Some(5)), true),
        ] {
            assert_eq!(one.overlaps(other), expected, "{one:?} {other:?}");
            assert_eq!(other.overlaps(one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn the_words_are_the_vendors() {
        assert_eq!(
            refusal("Test2"),
            "Dates can't overlap with already existing schedule, name - [Test2]. Please edit your schedule."
        );
    }

    proptest! {
        #[test]
        fn comparing_with_one_span_finds_what_comparing_with_all_finds(
            gaps in prop::collection::vec((0..5_i32, 0..5_i32), 0..20), open in any::<bool>(),
            start in 0..120_i32, length in prop::option::of(0..40_i32),
        ) {
            let mut spans = Vec::new();
            let mut at = 0;
            for (index, (gap, length)) in gaps.iter().enumerate() {
                let end = if open && index + 1 == gaps.len() { None } else { Some(at + gap + length) };
                spans.push(span(at + gap, end));
                at += gap + length + 1;
            }
            let new = span(start, length.map(|length| start + length));
            let latest = spans.iter().rfind(|span| new.end.is_none_or(|end| span.start <= end)).copied();
            prop_assert_eq!(collides(latest, new), spans.iter().any(|span| span.overlaps(new)));
        }
    }
}
