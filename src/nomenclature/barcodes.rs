//! Barcodes: EAN-13 with its check digit, and local codes, as they stand in cells.
//!
//! Must not know: the database, HTTP, files. Source of the check digit: GS1 General Specifications, section 7.9.

use crate::nomenclature::text::is_blank;

/// An EAN-13 whose check digit is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ean13(u64);

/// Why something is no EAN-13.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoEan {
    /// It has something beside digits.
    NotDigits,
    /// It has so many digits, not 13.
    Length(usize),
    /// Its last digit ought to be another one.
    CheckDigit(u8),
    /// It is right with the zeros in front that somebody lost: as it was.
    LostZeros(Ean13),
    /// It is written as a power of ten: most of its digits are lost.
    Scientific,
}

/// The most codes of a kind that a good has.
pub const MOST_CODES: usize = 50;

/// The most characters of a local code.
pub const LONGEST_LOCAL: usize = 64;

/// The digit that makes the first twelve digits of `number` an EAN-13.
fn check_digit(number: u64) -> u8 {
    let (mut rest, mut sum) = (number / 10, 0);
    for place in 0..12 {
        let digit = rest % 10;
        sum += if place % 2 == 0 { digit * 3 } else { digit };
        rest /= 10;
    }
    u8::try_from((10 - sum % 10) % 10).expect("one digit")
}

impl Ean13 {
    /// The code of this number, zeros in front included.
    pub fn of_number(number: u64) -> Result<Self, NoEan> {
        if number > 9_999_999_999_999 {
            return Err(NoEan::Length(number.to_string().len()));
        }
        let wanted = check_digit(number);
        if number % 10 == u64::from(wanted) && number > 0 { Ok(Self(number)) } else { Err(NoEan::CheckDigit(wanted)) }
    }

    /// Reads a text of 13 digits; blanks and hyphens between them are passed over.
    pub fn parse(text: &str) -> Result<Self, NoEan> {
        let bare: String = text.chars().filter(|character| !is_blank(*character) && *character != '-').collect();
        let bare = bare.strip_prefix('\'').unwrap_or(&bare);
        if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(if is_scientific(bare) { NoEan::Scientific } else { NoEan::NotDigits });
        }
        if bare.len() > 13 {
            return Err(NoEan::Length(bare.len()));
        }
        let number = bare.parse().map_err(|_| NoEan::Length(bare.len()))?;
        match (bare.len(), Self::of_number(number)) {
            (13, code) => code,
            (11 | 12, Ok(code)) => Err(NoEan::LostZeros(code)),
            (length, _) => Err(NoEan::Length(length)),
        }
    }

    /// What a number cell says: its full value, however Excel shows it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, positive and below 2^53")]
    pub fn of_cell(number: f64) -> Result<Self, NoEan> {
        if !(number.is_finite() && number >= 1.0 && number.fract() == 0.0) {
            return Err(NoEan::NotDigits);
        }
        if number >= 1e15 {
            return Err(NoEan::Scientific);
        }
        Self::parse(&(number as u64).to_string())
    }

    /// As a number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for Ean13 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:013}", self.0)
    }
}

/// `4.82002E+12`, with a comma or a point.
#[must_use]
pub fn is_scientific(text: &str) -> bool {
    let Some((digits, power)) = text.split_once(['E', 'e', 'Е', 'е']) else { return false };
    let digit_or_mark = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',');
    !digits.is_empty()
        && digits.bytes().all(digit_or_mark)
        && power.strip_prefix('+').unwrap_or(power).bytes().all(|byte| byte.is_ascii_digit())
        && power.len() > 1
}

/// The codes of a cell, which commas and semicolons part.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '\n']).map(|code| code.trim_matches(is_blank)).filter(|code| !code.is_empty())
}

/// The codes that are kept joined.
pub fn stored(joined: &str) -> impl Iterator<Item = &str> {
    joined.split(',').filter(|code| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_from_text_and_from_numbers() {
        let code = Ean13::parse("4820024700016").expect("a right one");
        assert_eq!(code.to_string(), "4820024700016");
        assert_eq!(Ean13::of_cell(4_820_024_700_016.0), Ok(code));
        assert_eq!(Ean13::parse(" 482-0024-700016\u{a0}"), Ok(code));
        assert_eq!(Ean13::parse("'4820024700016"), Ok(code));
        assert_eq!(Ean13::parse("4820024700017"), Err(NoEan::CheckDigit(6)));
        assert_eq!(Ean13::parse("4.82002E+12"), Err(NoEan::Scientific));
        assert_eq!(Ean13::parse("4,82002E+12"), Err(NoEan::Scientific));
        assert_eq!(Ean13::of_cell(1e15), Err(NoEan::Scientific));
        assert_eq!(Ean13::parse("48200247000161"), Err(NoEan::Length(14)));
        assert_eq!(Ean13::parse("96385074"), Err(NoEan::Length(8)));
        assert_eq!(Ean13::parse("482002470001X"), Err(NoEan::NotDigits));
        assert_eq!(Ean13::of_cell(-1.0), Err(NoEan::NotDigits));
        assert_eq!(Ean13::of_cell(4_820_024_700_016.5), Err(NoEan::NotDigits));
        assert_eq!(Ean13::parse("0000000000000"), Err(NoEan::CheckDigit(0)));
    }

    #[test]
    fn lost_zeros_are_told_from_a_wrong_number() {
        let whole = Ean13::parse("0012345678905").expect("a right one");
        assert_eq!(Ean13::of_cell(12_345_678_905.0), Err(NoEan::LostZeros(whole)));
        assert_eq!(Ean13::parse("012345678905"), Err(NoEan::LostZeros(whole)));
        assert_eq!(Ean13::of_cell(12_345_678_906.0), Err(NoEan::Length(11)));
    }

    #[test]
    fn a_cell_holds_several_codes() {
        assert_eq!(split(" a, b;;c \n d").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(stored("").count(), 0);
    }

    proptest! {
        #[test]
        fn any_twelve_digits_have_one_check_digit(twelve in 1..=999_999_999_999_u64) {
            let right: Vec<_> = (0..10).filter(|digit| Ean13::of_number(twelve * 10 + digit).is_ok()).collect();
            prop_assert_eq!(right.len(), 1);
            let code = Ean13::of_number(twelve * 10 + right[0]).expect("the right one");
            prop_assert_eq!(Ean13::parse(&code.to_string()), Ok(code));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = Ean13::parse(&text);
        }
    }
}
