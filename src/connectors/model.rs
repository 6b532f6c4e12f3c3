//! The names of this domain, parsed once at the edge.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/connectors.md.

use std::fmt;

pub use crate::auth::model::{Refused, Rule};
use crate::clock::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z, as the contract has them.
pub type UnixSeconds = i64;

/// The last second of the year 9999: the contract's instants are written with four digits of a year.
pub const LAST_SECOND: UnixSeconds = 253_402_300_799;

/// So many characters a key has at most.
pub const LONGEST_KEY: usize = 512;

/// So many characters a code has at most.
const LONGEST_CODE: usize = 128;

/// So many characters a name has at most.
const LONGEST_NAME: usize = 256;

/// What a company registers, each under codes of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Register {
    /// The systems that connectors report from.
    Systems,
    /// The merchants ('personal cabinets') they report of.
    Merchants,
}

impl Register {
    /// What one of them is called.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Systems => "external system",
            Self::Merchants => "merchant",
        }
    }
}

fn checked(text: &str, longest: usize) -> Result<(), Rule> {
    let length = text.chars().count();
    if !(1..=longest).contains(&length) {
        return Err(Rule(format!("must have 1 to {longest} characters (has {length})")));
    }
    if text.chars().any(char::is_control) {
        return Err(Rule("must not contain control characters".into()));
    }
    if text.trim() != text {
        return Err(Rule("must not begin or end with a space".into()));
    }
    Ok(())
}

/// `externalSystemId` or `merchantId`: 1 to 128 characters that can be seen and stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code(String);

impl Code {
    /// Checks a code that is to be registered.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        checked(text, LONGEST_CODE)?;
        if text.contains('/') || matches!(text, "." | "..") {
            return Err(Rule("must not contain a slash, and be neither . nor ..".into()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name for people: 1 to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        checked(text, LONGEST_NAME)?;
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The key of a series: 1 to 512 characters, none of them NUL, else as it was sent. Dots make it a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Checks a key.
    pub fn parse(text: impl Into<String>) -> Result<Self, Rule> {
        let text = text.into();
        // A byte is a character at most: most keys need not be counted.
        if text.len() > LONGEST_KEY {
            let length = text.chars().count();
            if length > LONGEST_KEY {
                return Err(Rule(format!("must have at most {LONGEST_KEY} characters (has {length})")));
            }
        }
        if text.is_empty() {
            return Err(Rule("must not be empty".into()));
        }
        if text.contains('\0') {
            return Err(Rule("must not contain the NUL character".into()));
        }
        Ok(Self(text))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A system or a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Row key.
    pub id: i64,
    /// What the contract calls it.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Whether the contract finds it.
    pub enabled: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

/// The number of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub i64);

/// A client's own text for a message: cut, and without characters that would spoil a line.
#[must_use]
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 128;
    let mut shown: String =
        text.chars().take(LONGEST).map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_whatever_can_be_read_back() {
        for good in ["Очереди.ОбработкаЗаказов.КоличествоОшибок", "a", "a..b", ".", "a b\tc\n", &"я".repeat(512)]
        {
            assert_eq!(Key::parse(good).map(|key| key.as_str().to_owned()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", "must not be empty"),
            ("a\0b", "NUL"),
            (&"я".repeat(513), "at most 512"),
            (&"a".repeat(513), "has 513"),
        ] {
            let rule = Key::parse(bad).expect_err(why).0;
            assert!(rule.contains(why), "{rule}");
        }
    }

    #[test]
    fn a_code_stands_in_a_path() {
        for good in ["29e86b162", "77624623f", "Склад №1", "a.b", &"x".repeat(128)] {
            assert!(Code::parse(good).is_ok(), "{good}");
        }
        for bad in ["", " a", "a ", "a/b", "..", ".", "a\nb", "a\0", &"x".repeat(129)] {
            assert!(Code::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_in_a_message_is_cut_and_stays_on_its_line() {
        assert_eq!(shown("a\nb\0"), "a\u{fffd}b\u{fffd}");
        assert_eq!(shown(&"я".repeat(128)), "я".repeat(128));
        assert_eq!(shown(&"я".repeat(129)), format!("{}…", "я".repeat(128)));
    }
}
