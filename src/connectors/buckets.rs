//! A series by minute, hour or day of a time zone: where buckets begin, and what the numbers in one come to.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. A change of clocks begins a new minute or hour,
//! so that an hour that comes twice is two buckets; a day is a civil day, of 23 or 25 hours too.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::connectors::model::UnixSeconds;
use crate::connectors::value::Figure;

/// So many buckets are shown at most: more than a month of minutes.
pub const MOST_BUCKETS: usize = 50_000;

/// Further than any zone was ever away from UTC.
const WIDEST_OFFSET: i64 = 26 * 3_600;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A civil day.
    Day,
}

/// How far the clocks of `zone` are ahead of UTC, in seconds.
#[must_use]
pub fn offset_at(zone: Tz, at: UnixSeconds) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap_or(DateTime::UNIX_EPOCH).naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into()
}

/// The first instant after `from`, and not after `to`, at which the clocks differ from what they were at `from`.
fn change(zone: Tz, from: UnixSeconds, to: UnixSeconds) -> Option<UnixSeconds> {
    let offset = offset_at(zone, from);
    if offset_at(zone, to) == offset {
        return None;
    }
    let (mut before, mut after) = (from, to);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset_at(zone, middle) == offset {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}

fn civil_day(zone: Tz, at: UnixSeconds) -> NaiveDate {
    DateTime::from_timestamp(at, 0).unwrap_or(DateTime::UNIX_EPOCH).with_timezone(&zone).date_naive()
}

/// The first instant at which the civil day is `day` or a later one.
fn start_of_day(zone: Tz, day: NaiveDate) -> UnixSeconds {
    let shown = day.and_time(NaiveTime::MIN).and_utc().timestamp();
    let (mut before, mut after) = (shown - WIDEST_OFFSET, shown + WIDEST_OFFSET);
    if civil_day(zone, before) >= day {
        return before;
    }
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if civil_day(zone, middle) >= day {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

impl Step {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Where the bucket with `at` in it begins.
    #[must_use]
    pub fn floor(self, zone: Tz, at: UnixSeconds) -> UnixSeconds {
        let length = match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => return start_of_day(zone, civil_day(zone, at)),
        };
        let local = at + offset_at(zone, at);
        let start = at - local.rem_euclid(length);
        // Had the clocks changed since, it would have begun with that.
        let mut begins = start;
        while let Some(changed) = change(zone, begins, at) {
            begins = changed;
        }
        begins
    }

    /// Where the bucket after the one that begins at `start` does.
    #[must_use]
    pub fn next(self, zone: Tz, start: UnixSeconds) -> UnixSeconds {
        let length = match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => {
                let day = civil_day(zone, start).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
                return start_of_day(zone, day).max(start + 1);
            }
        };
        let local = start + offset_at(zone, start);
        let end = start + length - local.rem_euclid(length);
        change(zone, start, end).unwrap_or(end)
    }

    /// Where the buckets begin that share an instant with `from..to`, and where the last one ends; `None`: more than
    /// [`MOST_BUCKETS`].
    #[must_use]
    pub fn edges(self, zone: Tz, from: UnixSeconds, to: UnixSeconds) -> Option<Vec<UnixSeconds>> {
        let mut edges = vec![self.floor(zone, from)];
        let mut last = edges[0];
        while last < to {
            if edges.len() > MOST_BUCKETS {
                return None;
            }
            last = self.next(zone, last);
            edges.push(last);
        }
        Some(edges)
    }
}

/// A number of a series, its text where it has one of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading<'a> {
    /// To calculate with.
    pub figure: Figure,
    /// As it was written, if that differs.
    pub exact: Option<&'a str>,
}

impl Reading<'_> {
    /// As it was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.exact.map_or_else(|| self.figure.text(), str::to_owned)
    }
}

/// A number that was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// To calculate with.
    pub figure: Figure,
    exact: Option<Box<str>>,
}

impl Kept {
    fn of(reading: Reading<'_>) -> Self {
        Self { figure: reading.figure, exact: reading.exact.map(Box::from) }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> String {
        self.exact.as_deref().map_or_else(|| self.figure.text(), str::to_owned)
    }
}

/// The sum of numbers: exact as long as all of them are integers of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sum {
    Whole(i128),
    Real(f64),
}

impl Sum {
    #[expect(clippy::cast_precision_loss, reason = "a float is what is wanted")]
    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    fn plus(self, figure: Figure) -> Self {
        match (self, figure) {
            // At most 2^63 values of 2^63 each.
            (Self::Whole(sum), Figure::Int(one)) => Self::Whole(sum + i128::from(one)),
            (sum, one) => Self::Real(sum.as_f64() + one.as_f64()),
        }
    }
}

/// What the numbers of a bucket come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The least.
    pub min: Kept,
    /// The greatest.
    pub max: Kept,
    /// The newest.
    pub last: Kept,
    sum: Sum,
    count: u64,
}

impl Numbers {
    fn first(reading: Reading<'_>) -> Self {
        let kept = Kept::of(reading);
        let sum = Sum::Whole(0).plus(reading.figure);
        Self { min: kept.clone(), max: kept.clone(), last: kept, sum, count: 1 }
    }

    fn add(&mut self, reading: Reading<'_>) {
        let number = reading.figure.as_f64();
        if number < self.min.figure.as_f64() {
            self.min = Kept::of(reading);
        }
        if number > self.max.figure.as_f64() {
            self.max = Kept::of(reading);
        }
        self.last = Kept::of(reading);
        self.sum = self.sum.plus(reading.figure);
        self.count += 1;
    }

    /// Their sum as JSON writes it; `None`: no float holds it.
    #[must_use]
    pub fn sum(&self) -> Option<String> {
        match self.sum {
            Sum::Whole(whole) => Some(whole.to_string()),
            Sum::Real(real) => real.is_finite().then(|| Figure::Real(real).text()),
        }
    }

    /// Their mean; `None`: their sum is beyond what a float holds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
    pub fn mean(&self) -> Option<f64> {
        let mean = self.sum.as_f64() / self.count as f64;
        mean.is_finite().then_some(mean)
    }
}

/// What is in a bucket.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket {
    /// How many values, of whatever kind.
    pub count: u64,
    /// Its numbers, if there are any.
    pub numbers: Option<Numbers>,
}

/// Buckets that are being filled by values in the order of their instants.
#[derive(Debug)]
pub struct Filler {
    edges: Vec<UnixSeconds>,
    buckets: Vec<Bucket>,
    at: usize,
}

impl Filler {
    /// Empty buckets between `edges`, of which there is one at least.
    #[must_use]
    pub fn new(edges: Vec<UnixSeconds>) -> Self {
        let buckets = vec![Bucket::default(); edges.len().saturating_sub(1)];
        Self { edges, buckets, at: 0 }
    }

    /// Puts a value into its bucket; `None`: it is no number. One that is in none is left out.
    pub fn add(&mut self, at: UnixSeconds, reading: Option<Reading<'_>>) {
        while self.edges.get(self.at + 1).is_some_and(|end| at >= *end) {
            self.at += 1;
        }
        if at < self.edges[0] {
            return;
        }
        let Some(bucket) = self.buckets.get_mut(self.at) else { return };
        bucket.count += 1;
        let Some(reading) = reading else { return };
        match &mut bucket.numbers {
            Some(numbers) => numbers.add(reading),
            none => *none = Some(Numbers::first(reading)),
        }
    }

    /// The buckets, each with where it begins and ends.
    pub fn finish(self) -> impl Iterator<Item = (UnixSeconds, UnixSeconds, Bucket)> {
        let ends = self.edges.clone().into_iter().skip(1);
        self.edges.into_iter().zip(ends).zip(self.buckets).map(|((start, end), bucket)| (start, end, bucket))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Australia, Europe, Pacific};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UnixSeconds {
        DateTime::parse_from_rfc3339(text).expect("an instant").timestamp()
    }

    fn lengths(step: Step, zone: Tz, from: &str, to: &str) -> Vec<i64> {
        let edges = step.edges(zone, at(from), at(to)).expect("few");
        edges.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn days_of_changes_of_clocks_have_their_own_lengths() {
        let days = |zone, from, to| lengths(Step::Day, zone, from, to);
        let kyiv = Europe::Kyiv;
        assert_eq!(days(kyiv, "2026-03-28T10:00:00Z", "2026-03-30T10:00:00Z"), [86_400, 82_800, 86_400]);
        assert_eq!(days(kyiv, "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z"), [90_000]);
        // Midnight itself is skipped.
        assert_eq!(days(America::Sao_Paulo, "2018-11-04T12:00:00Z", "2018-11-04T13:00:00Z"), [82_800]);
        assert_eq!(Step::Day.floor(America::Sao_Paulo, at("2018-11-04T12:00:00Z")), at("2018-11-04T01:00:00-02:00"));
        // A day that was not there.
        assert_eq!(days(Pacific::Apia, "2011-12-29T20:00:00-10:00", "2011-12-31T10:00:00+14:00"), [86_400, 86_400]);
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_and_one_that_is_skipped_is_none() {
        let hours = |from, to| lengths(Step::Hour, Europe::Kyiv, from, to);
        assert_eq!(hours("2026-10-25T00:00:00+03:00", "2026-10-26T00:00:00+02:00").len(), 25);
        assert_eq!(hours("2026-03-29T00:00:00+02:00", "2026-03-30T00:00:00+03:00").len(), 23);
        // Half an hour of summer time: 01:30 to 02:00 comes twice.
        let halves =
            lengths(Step::Hour, Australia::Lord_Howe, "2026-04-05T01:00:00+11:00", "2026-04-05T03:00:00+10:30");
        assert_eq!(halves, [3_600, 1_800, 3_600]);
        assert_eq!(
            lengths(Step::Hour, Asia::Kathmandu, "2026-04-05T01:20:00+05:45", "2026-04-05T01:30:00+05:45"),
            [3_600]
        );
        assert_eq!(Step::Hour.floor(Asia::Kathmandu, at("2026-04-05T01:20:00+05:45")), at("2026-04-05T01:00:00+05:45"));
    }

    #[test]
    fn an_instant_between_two_is_in_the_later_and_an_empty_span_has_no_bucket() {
        let edges = Step::Minute.edges(Europe::Kyiv, 60, 120).expect("few");
        assert_eq!(edges, [60, 120]);
        assert_eq!(Step::Minute.edges(Europe::Kyiv, 60, 60), Some(vec![60]));
        assert_eq!(Step::Minute.edges(Europe::Kyiv, 0, 60 * 50_001), None);
        assert!(Step::Minute.edges(Europe::Kyiv, 0, 60 * 50_000).is_some());
        let mut filler = Filler::new(vec![0, 60, 120]);
        for at in [-1, 0, 59, 60, 119, 120] {
            filler.add(at, Some(Reading { figure: Figure::Int(at), exact: None }));
        }
        let counts: Vec<_> = filler.finish().map(|(start, end, bucket)| (start, end, bucket.count)).collect();
        assert_eq!(counts, [(0, 60, 2), (60, 120, 2)]);
    }

    #[test]
    fn figures_of_a_bucket_are_those_of_its_numbers_and_keep_their_texts() {
        let mut filler = Filler::new(vec![0, 60, 120, 180]);
        for (at, figure, exact) in [
            (1, Figure::Real(10.0), Some("10.00")),
            (2, Figure::Int(-3), None),
            (3, Figure::Real(1e20), Some("100000000000000000001")),
            (130, Figure::Int(i64::MAX), None),
            (131, Figure::Int(i64::MAX), None),
        ] {
            filler.add(at, Some(Reading { figure, exact }));
        }
        let mut buckets = filler.finish().map(|(.., bucket)| bucket);
        let first = buckets.next().and_then(|bucket| bucket.numbers).expect("numbers");
        assert_eq!((first.min.text(), first.max.text()), ("-3".to_owned(), "100000000000000000001".to_owned()));
        assert_eq!((first.last.text(), first.sum()), ("100000000000000000001".to_owned(), Some("1e20".to_owned())));
        assert_eq!(buckets.next(), Some(Bucket::default()));
        let third = buckets.next().and_then(|bucket| bucket.numbers).expect("numbers");
        assert_eq!(
            (third.sum(), third.mean()),
            (Some("18446744073709551614".to_owned()), Some(9_223_372_036_854_775_808.0))
        );
        let mut filler = Filler::new(vec![0, 60]);
        filler.add(1, None);
        for at in [2, 3] {
            filler.add(at, Some(Reading { figure: Figure::Real(1e308), exact: None }));
        }
        let (.., bucket) = filler.finish().next().expect("a bucket");
        let numbers = bucket.numbers.expect("numbers");
        assert_eq!((bucket.count, numbers.sum(), numbers.mean()), (3, None, None));
    }

    proptest! {
        #[test]
        fn buckets_follow_each_other_and_every_instant_is_in_one(
            from in 0_i64..4_000_000_000, length in 1_i64..400_000, which in 0_usize..600, step in 0_u8..3
        ) {
            let zone = chrono_tz::TZ_VARIANTS[which % chrono_tz::TZ_VARIANTS.len()];
            let step = [Step::Minute, Step::Hour, Step::Day][usize::from(step)];
            let edges = step.edges(zone, from, from + length).expect("few");
            prop_assert!(edges[0] <= from && edges[edges.len() - 1] >= from + length);
            for pair in edges.windows(2) {
                prop_assert!(pair[0] < pair[1]);
                prop_assert_eq!(step.floor(zone, pair[0]), pair[0]);
                prop_assert_eq!(step.floor(zone, pair[1] - 1), pair[0]);
            }
        }
    }
}
