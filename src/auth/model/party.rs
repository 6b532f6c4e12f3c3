//! Parties: the producers and distributors a company trades with, and how they are named.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Sources: contracts/schedules.md; GS1 General
//! Specifications, section 7.9, for the check digit.

use std::fmt;

use chrono_tz::Tz;

use super::{Rule, length, printable, visible};
use crate::clock::Timestamp;

/// The zone of a company that has not said otherwise.
pub const DEFAULT_ZONE: Tz = Tz::Europe__Kyiv;

/// Reads the name of an IANA time zone, such as `Europe/Kyiv`.
pub fn zone(name: &str) -> Result<Tz, Rule> {
    name.parse().map_err(|_| Rule("must be the name of an IANA time zone, such as Europe/Kyiv".into()))
}

/// A Global Location Number: 13 digits, the last of which checks the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gln(String);

impl Gln {
    /// Checks the length, the digits and the check digit.
    pub fn parse(text: impl Into<String>) -> Result<Self, Rule> {
        let text = text.into();
        if text.len() != 13 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Rule("must be a GLN: 13 digits".into()));
        }
        let weighed = |(at, byte): (usize, u8)| u32::from(byte - b'0') * if at % 2 == 0 { 1 } else { 3 };
        let sum: u32 = text.bytes().enumerate().map(weighed).sum();
        if !sum.is_multiple_of(10) {
            return Err(Rule("must be a GLN, and its check digit is wrong".into()));
        }
        Ok(Self(text))
    }

    /// The GLN of these twelve digits and their check digit: for made-up data.
    #[must_use]
    pub fn of_twelve(digits: u64) -> Option<Self> {
        (0..10).find_map(|check| Self::parse(format!("{digits:012}{check}")).ok())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Gln {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A party's number in its company: less than 13 digits, so that none could be a GLN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyId(pub i64);

impl PartyId {
    /// The highest number a party may have.
    pub const MAX: i64 = 999_999_999_999;

    /// Checks the range.
    pub fn parse(number: i64) -> Result<Self, Rule> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Rule(format!("must be a number from 1 to {}", Self::MAX)))
        }
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a caller names a party.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PartyRef {
    /// By its number.
    Id(PartyId),
    /// By its GLN.
    Gln(Gln),
}

impl PartyRef {
    /// Reads 13 digits as a GLN and fewer as a number.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let rule = || Rule("must be a party's number, or a GLN of 13 digits".into());
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(rule());
        }
        match text.len() {
            13 => Gln::parse(text).map(Self::Gln),
            _ => PartyId::parse(text.parse().map_err(|_| rule())?).map(Self::Id).map_err(|_| rule()),
        }
    }
}

impl fmt::Display for PartyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Gln(gln) => gln.fmt(f),
        }
    }
}

/// The side of trade a party is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartyKind {
    /// It sells, and publishes when orders may be sent.
    Producer,
    /// It buys, and sends orders.
    Distributor,
    /// It does both.
    Both,
}

impl PartyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Distributor, Self::Both];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "PRODUCER",
            Self::Distributor => "DISTRIBUTOR",
            Self::Both => "BOTH",
        }
    }

    /// Reads the word, in any case.
    pub fn parse(word: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| Rule("must be one of PRODUCER, DISTRIBUTOR, BOTH".into()))
    }

    /// Whether a party of this kind is on `side`.
    #[must_use]
    pub fn is_on(self, side: Side) -> bool {
        match side {
            Side::Producer => self != Self::Distributor,
            Side::Distributor => self != Self::Producer,
            Side::Either => true,
        }
    }
}

/// What a party is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// As one that sells.
    Producer,
    /// As one that buys.
    Distributor,
    /// As what it is.
    Either,
}

impl Side {
    /// The word for messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Distributor => "distributor",
            Self::Either => "party",
        }
    }
}

/// A party's name: 1 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartyName(String);

impl PartyName {
    /// Checks `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, Rule> {
        let text = text.into();
        length(&text, 1, 256)?;
        visible(&text)?;
        printable(&text)?;
        Ok(Self(text))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A party of a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its number in the company.
    pub id: PartyId,
    /// Its GLN, unique in the company.
    pub gln: Gln,
    /// Its name.
    pub name: PartyName,
    /// Which side it is on.
    pub kind: PartyKind,
    /// Its own zone, if it has one.
    pub own_zone: Option<Tz>,
    /// The zone its days go by: its own, else its company's.
    pub zone: Tz,
    /// A disabled one is not found by the contract.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gln_has_thirteen_digits_and_the_last_one_checks_the_others() {
        for (text, ok) in [
            ("4820000000017", true),
            ("4006381333931", true),
            ("0000000000000", true),
            ("4820000000018", false),
            ("482000000001", false),
            ("48200000000171", false),
            ("482000000001x", false),
            ("٤٨٢٠٠٠٠٠٠٠٠١٧", false),
            ("", false),
        ] {
            assert_eq!(Gln::parse(text).is_ok(), ok, "{text:?}");
        }
        // Any single digit that is mistyped is noticed.
        for at in 0..13 {
            let mut digits = *b"4820000000017";
            digits[at] = if digits[at] == b'9' { b'0' } else { digits[at] + 1 };
            assert!(Gln::parse(String::from_utf8_lossy(&digits)).is_err(), "digit {at}");
        }
        assert_eq!(Gln::of_twelve(482_000_000_001).map(|gln| gln.to_string()).as_deref(), Some("4820000000017"));
        assert_eq!(Gln::of_twelve(10_u64.pow(12)), None);
    }

    #[test]
    fn thirteen_digits_are_a_gln_and_fewer_a_number() {
        let gln = Gln::parse("4820000000017").expect("a GLN");
        assert_eq!(PartyRef::parse("4820000000017"), Ok(PartyRef::Gln(gln)));
        assert_eq!(PartyRef::parse("13200791"), Ok(PartyRef::Id(PartyId(13_200_791))));
        for refused in ["", "0", "-1", "1.5", "abc", "48200000000171", "4820000000018"] {
            assert!(PartyRef::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_zone_is_known_by_its_iana_name() {
        assert_eq!(zone("Europe/Kyiv"), Ok(DEFAULT_ZONE));
        assert_eq!(zone("Europe/Kiev").map(Tz::name), Ok("Europe/Kiev"));
        for refused in ["", "Kyiv", "Europe/Atlantis", "+02:00", "europe/kyiv "] {
            assert!(zone(refused).is_err(), "{refused}");
        }
    }
}
