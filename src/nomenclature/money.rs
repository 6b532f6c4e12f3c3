//! Prices: read from what people and programs write into cells, kept as whole minor units.
//!
//! Must not know: the database, HTTP, files. No price is ever computed in floating point: a number cell is one, and is
//! taken for the price it shows.

use crate::nomenclature::text::is_blank;

/// A price in minor units: cents, kopecks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

/// The highest price in minor units: 999 999 999 999.99.
pub const HIGHEST: i64 = 99_999_999_999_999;

/// Why something is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPrice {
    /// It is no number at all.
    NotANumber,
    /// It is less than nothing.
    Negative,
    /// It has more than two decimals.
    Decimals,
    /// It is more than [`HIGHEST`].
    TooHigh,
}

impl Price {
    /// The price of so many minor units.
    pub fn of_minor(minor: i64) -> Result<Self, NoPrice> {
        match minor {
            ..0 => Err(NoPrice::Negative),
            0..=HIGHEST => Ok(Self(minor)),
            _ => Err(NoPrice::TooHigh),
        }
    }

    /// In minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.0
    }

    /// What a number cell says. What formulas leave in the last digits of a number (0.1 + 0.2) is not looked at.
    #[expect(clippy::cast_possible_truncation, reason = "whole and below the highest price")]
    #[expect(clippy::cast_precision_loss, reason = "the highest price is below 2^53")]
    pub fn of_number(number: f64) -> Result<Self, NoPrice> {
        if !number.is_finite() {
            return Err(NoPrice::NotANumber);
        }
        let minor = number * 100.0;
        if minor < -1e-6 {
            return Err(NoPrice::Negative);
        }
        if minor > HIGHEST as f64 {
            return Err(NoPrice::TooHigh);
        }
        let whole = minor.round();
        // Half a thousandth of a cent, or what a number of this size cannot hold.
        if (minor - whole).abs() > (whole * 1e-12).max(5e-4) {
            return Err(NoPrice::Decimals);
        }
        Self::of_minor(whole as i64)
    }

    /// What a text says: `1 234,50`, `1234.5`, `1,234.50`. Blanks of any width and apostrophes part thousands; of comma
    /// and point the last one parts decimals.
    pub fn parse(text: &str) -> Result<Self, NoPrice> {
        let bare: String = text.chars().filter(|character| !is_blank(*character) && *character != '\'').collect();
        let (negative, digits) = match bare.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, bare.as_str()),
        };
        let (whole, decimals) = match digits.rfind([',', '.']) {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, ""),
        };
        let whole = ungrouped(whole).ok_or(NoPrice::NotANumber)?;
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(&whole) || !all_digits(decimals) || whole.is_empty() && decimals.is_empty() {
            return Err(NoPrice::NotANumber);
        }
        if decimals.bytes().skip(2).any(|digit| digit != b'0') || decimals.len() == 3 && decimals != "000" {
            return Err(NoPrice::Decimals);
        }
        if decimals == "000" && !whole.is_empty() {
            // `1,000` may be a thousand as well as one.
            return Err(NoPrice::Decimals);
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 12 {
            return Err(NoPrice::TooHigh);
        }
        let minor = format!("{whole}{:0<2}", &decimals[..decimals.len().min(2)]);
        let minor: i64 = minor.parse().map_err(|_| NoPrice::NotANumber)?;
        if negative && minor > 0 {
            return Err(NoPrice::Negative);
        }
        Self::of_minor(minor)
    }

    /// As a cell holds it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the highest price is below 2^53")]
    pub fn to_number(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

/// The digits before the decimals, without what parts thousands, if it parts thousands.
fn ungrouped(whole: &str) -> Option<String> {
    let Some(mark) = whole.chars().find(|character| matches!(character, ',' | '.')) else {
        return Some(whole.to_owned());
    };
    let groups: Vec<&str> = whole.split(mark).collect();
    let first = groups.first().map_or(0, |group| group.len());
    let grouped = (1..=3).contains(&first) && groups.iter().skip(1).all(|group| group.len() == 3);
    grouped.then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_read_as_people_write_them() {
        for (text, minor) in [
            ("1 234,50", 123_450),
            ("1\u{a0}234,5", 123_450),
            ("1\u{202f}234.50", 123_450),
            ("1'234.50", 123_450),
            ("1,234.50", 123_450),
            ("1.234.567,89", 123_456_789),
            ("0", 0),
            ("0,00", 0),
            ("007", 700),
            (",5", 50),
            ("5,", 500),
            ("12.3400", 1_234),
            ("-0", 0),
            ("999999999999.99", HIGHEST),
        ] {
            assert_eq!(Price::parse(text).map(Price::minor), Ok(minor), "{text}");
        }
        for (text, why) in [
            ("", NoPrice::NotANumber),
            ("договорная", NoPrice::NotANumber),
            ("12 грн", NoPrice::NotANumber),
            ("1,2,3", NoPrice::NotANumber),
            ("1e5", NoPrice::NotANumber),
            (",", NoPrice::NotANumber),
            ("-1", NoPrice::Negative),
            ("−1,50", NoPrice::Negative),
            ("1,234", NoPrice::Decimals),
            ("1,000", NoPrice::Decimals),
            ("1.005", NoPrice::Decimals),
            ("1000000000000", NoPrice::TooHigh),
        ] {
            assert_eq!(Price::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_number_cell_is_the_price_it_shows() {
        for (number, minor) in
            [(1234.5, 123_450), (0.1 + 0.2, 30), (0.0, 0), (-0.0, 0), (19.99, 1_999), (1e11, 10_000_000_000_000)]
        {
            assert_eq!(Price::of_number(number).map(Price::minor), Ok(minor), "{number}");
        }
        for (number, why) in [
            (f64::NAN, NoPrice::NotANumber),
            (f64::INFINITY, NoPrice::NotANumber),
            (-0.01, NoPrice::Negative),
            (1.005, NoPrice::Decimals),
            (1e12, NoPrice::TooHigh),
        ] {
            assert_eq!(Price::of_number(number), Err(why), "{number}");
        }
    }

    proptest! {
        #[test]
        fn every_price_comes_back_from_a_cell_and_from_a_text(minor in 0..=HIGHEST) {
            let price = Price::of_minor(minor).expect("within bounds");
            prop_assert_eq!(Price::of_number(price.to_number()), Ok(price));
            prop_assert_eq!(Price::parse(&format!("{},{:02}", minor / 100, minor % 100)), Ok(price));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = Price::parse(&text);
        }
    }
}
