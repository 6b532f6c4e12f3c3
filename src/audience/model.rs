//! The values of the audience, parsed once at the edge so that inner code cannot hold a bad one.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Words and numbers are those of the audience
//! contract ('What makes the counters count something').

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::auth::model::{Refused, Rule, folded};
use crate::clock::Timestamp;

/// Makes an enum over the contract's words and our stored numbers.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $($(#[$vdoc:meta])* $variant:ident = $code:literal $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $code),+ }

        impl $name {
            /// Every one, by its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The contract's word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The stored number.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The one with this number.
            #[must_use]
            pub fn of_code(code: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| u64::from(one.code()) == code)
            }

            /// Reads the contract's word.
            pub fn parse(word: &str) -> Result<Self, Rule> {
                Self::ALL.iter().copied().find(|one| one.word() == word).ok_or_else(|| Rule($rule.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words!(
    /// What a subscription is delivered through. The numbers are ours.
    Channel,
    "must be one of email, sms, push, notify, viber, whatsapp, telegram_bot",
    /// E-mail.
    Email = 0 "email",
    /// Text messages.
    Sms = 1 "sms",
    /// Push messages of an app or a browser.
    Push = 2 "push",
    /// The Notify service.
    Notify = 3 "notify",
    /// Viber.
    Viber = 4 "viber",
    /// WhatsApp.
    Whatsapp = 5 "whatsapp",
    /// A Telegram bot.
    TelegramBot = 6 "telegram_bot",
);

words!(
    /// How a subscription stands, and a profile as a whole. The numbers are the contract's.
    Status,
    "must be one of subscribed, unsubscribed, complained, hardbounced, unconfirmed, suspended, invalid, or its number from 0 to 6",
    /// It wants to hear from us.
    Subscribed = 0 "subscribed",
    /// It wants so no longer.
    Unsubscribed = 1 "unsubscribed",
    /// It called a message spam.
    Complained = 2 "complained",
    /// The address does not exist.
    Hardbounced = 3 "hardbounced",
    /// It has not confirmed yet.
    Unconfirmed = 4 "unconfirmed",
    /// Nothing is sent for now.
    Suspended = 5 "suspended",
    /// The address cannot be one.
    Invalid = 6 "invalid",
);

/// A profile's id on the wire: 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProfileKey(pub [u8; 12]);

impl ProfileKey {
    /// A new one: seconds since the epoch, so that ids grow about as their rows do, and chance.
    #[must_use]
    pub fn new(now: Timestamp, chance: [u8; 8]) -> Self {
        let mut key = [0; 12];
        // Wraps in the year 2106, which harms nothing.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low 32 bits are wanted")]
        key[..4].copy_from_slice(&(now.as_unix_seconds() as u32).to_be_bytes());
        key[4..].copy_from_slice(&chance);
        Self(key)
    }

    /// Reads 24 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let rule = || Rule("must be a profile id of 24 hexadecimal digits".into());
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(rule());
        }
        let mut key = [0; 12];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| rule())?;
        }
        Ok(Self(key))
    }
}

impl fmt::Display for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A name for people: 1 to 256 characters, none of them a control character, not only spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Checks the rules and trims.
    pub fn parse(text: &str) -> Result<Self, Rule> {
        let text = text.trim();
        let count = text.chars().count();
        if !(1..=256).contains(&count) {
            return Err(Rule(format!("must have 1 to 256 characters (has {count})")));
        }
        if text.chars().any(char::is_control) {
            return Err(Rule("must not contain control characters".into()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressKind {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

impl AddressKind {
    /// The word, stored and on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Email, Self::Phone].into_iter().find(|kind| kind.word() == word)
    }
}

/// An e-mail address or a phone number, as given and as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Of what.
    pub kind: AddressKind,
    /// As it is compared: an e-mail address in lower case, a phone number's digits.
    pub value: String,
    /// As it was given, without the spaces around it.
    pub shown: String,
}

impl Address {
    /// An e-mail address: something on both sides of one `@`, 3 to 254 characters (RFC 5321, 4.5.3.1.3), no spaces.
    pub fn email(text: &str) -> Result<Self, Rule> {
        let shown = text.trim();
        let parts = shown.split_once('@');
        let good = parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && shown.chars().count() <= 254
        }) && !shown.chars().any(|c| c.is_whitespace() || c.is_control());
        if !good {
            return Err(Rule("must be an e-mail address such as name@example.com".into()));
        }
        Ok(Self { kind: AddressKind::Email, value: shown.to_lowercase(), shown: shown.to_owned() })
    }

    /// A phone number: 5 to 15 digits (ITU-T E.164), with a plus before and spaces, dots, dashes and brackets between.
    pub fn phone(text: &str) -> Result<Self, Rule> {
        let shown = text.trim();
        let rest = shown.strip_prefix('+').unwrap_or(shown);
        let value: String = rest.chars().filter(char::is_ascii_digit).collect();
        let good = (5..=15).contains(&value.len())
            && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')'));
        if !good {
            return Err(Rule("must be a phone number of 5 to 15 digits such as +380501234567".into()));
        }
        Ok(Self { kind: AddressKind::Phone, value, shown: shown.to_owned() })
    }

    /// Either: what has an `@` is an e-mail address.
    pub fn either(text: &str) -> Result<Self, Rule> {
        if text.contains('@') { Self::email(text) } else { Self::phone(text) }
    }
}

/// What a profile is found by, in the stored form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// `email`, `phone`, or `field:` and the field's name.
    pub kind: String,
    /// As it is compared.
    pub value: String,
}

impl From<&Address> for Identity {
    fn from(address: &Address) -> Self {
        Self { kind: address.kind.word().to_owned(), value: address.value.clone() }
    }
}

impl Identity {
    /// The value of a field of the company's own, if it is one a profile can be found by: text, a number or a truth
    /// value of 1 to 256 characters.
    #[must_use]
    pub fn field(name: &str, value: &Value) -> Option<Self> {
        let value = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return None,
        };
        let fits = (1..=256).contains(&value.chars().count());
        fits.then(|| Self { kind: format!("field:{name}"), value })
    }
}

/// Which profile of a list is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one with this id.
    Key(ProfileKey),
    /// The oldest that is found by this.
    Identity(Identity),
}

/// A change of a value: `None` leaves it, `Some(None)` clears it.
pub type Change<T> = Option<Option<T>>;

/// So many fields of its own a profile may have.
pub const MAX_FIELDS: usize = 64;

/// So many phones a profile may have.
pub const MAX_PHONES: usize = 16;

/// So many subscriptions an import may set on a profile: a row's share of the writer is bounded by them. A profile may
/// have more, of several imports.
pub const MAX_SUBSCRIPTIONS: usize = 256;

/// What an import says of a profile.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileChange {
    /// Its e-mail address.
    pub email: Change<Address>,
    /// All its phones.
    pub phones: Option<Vec<Address>>,
    /// Its first name.
    pub first_name: Change<String>,
    /// Its last name.
    pub last_name: Change<String>,
    /// How it stands as a whole: suspended, it is not sent to.
    pub status: Option<Status>,
    /// Fields of the company's own; null removes one.
    pub fields: Map<String, Value>,
    /// Subscriptions to set.
    pub subscriptions: Vec<SubscriptionChange>,
}

/// A subscription as it is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionChange {
    /// The resource's number.
    pub resource: i64,
    /// Through what.
    pub channel: Channel,
    /// How it stands; `None`: as before, and subscribed if it is new.
    pub status: Option<Status>,
    /// What goes with the channel; `None`: as before.
    pub details: Option<Value>,
}

/// A profile to make or to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Which one.
    pub target: Target,
    /// The id it gets if it is new.
    pub key: ProfileKey,
    /// What is said of it.
    pub change: ProfileChange,
}

impl ProfileChange {
    /// About how many rows it writes: the profile, what it is found by, its subscriptions.
    #[must_use]
    pub fn weight(&self) -> usize {
        2 + self.phones.as_ref().map_or(0, Vec::len) + self.fields.len() + self.subscriptions.len()
    }
}

/// What a refresh counts: the subscriptions to a resource in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refresh {
    /// The list's number.
    pub list: i64,
    /// The resource's number.
    pub resource: i64,
}

/// What a feedback is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedbackFormat {
    /// JSON.
    Json,
    /// XML.
    Xml,
}

impl FeedbackFormat {
    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    /// Reads the contract's word, in any case.
    pub fn parse(word: &str) -> Result<Self, Rule> {
        [Self::Json, Self::Xml]
            .into_iter()
            .find(|format| format.word().eq_ignore_ascii_case(word))
            .ok_or_else(|| Rule("must be JSON or XML".into()))
    }
}

/// Whom to tell when a count has ended, and in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// JSON or XML.
    pub format: FeedbackFormat,
    /// Where to POST.
    pub url: String,
}

/// A list or a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number within the company.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether the contract finds it.
    pub enabled: bool,
    /// How many profiles a list has; 0 for a resource.
    pub profiles: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

/// Lists or resources: the same use cases serve both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Lists of profiles, the contract's databases.
    Lists,
    /// What profiles subscribe to.
    Resources,
}

impl Shelf {
    /// One of them, in words.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Lists => "list",
            Self::Resources => "resource",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_name_the_same_status() {
        for (number, word) in
            ["subscribed", "unsubscribed", "complained", "hardbounced", "unconfirmed", "suspended", "invalid"]
                .into_iter()
                .enumerate()
        {
            assert_eq!(Status::of_code(number as u64), Status::parse(word).ok());
        }
        assert_eq!(Status::of_code(7), None);
        assert!(Status::parse("Subscribed").is_err());
        assert_eq!(Channel::parse("telegram_bot"), Ok(Channel::TelegramBot));
    }

    #[test]
    fn profile_ids_are_24_hexadecimal_digits() {
        let key = ProfileKey::new(Timestamp::from_unix_seconds(0x5f00_0001), [0xab; 8]);
        assert_eq!(key.to_string(), "5f000001abababababababab");
        assert_eq!(ProfileKey::parse(&key.to_string()), Ok(key));
        for bad in ["", "5f", "5f000001ababababababab", "zz000001abababababababab", "5f000001abababababababéb"] {
            assert!(ProfileKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_compared_without_what_people_write_differently() {
        assert_eq!(Address::email(" Ivan@Example.COM ").map(|a| a.value), Ok("ivan@example.com".to_owned()));
        assert_eq!(Address::phone("+38 (050) 123-45-67").map(|a| a.value), Ok("380501234567".to_owned()));
        for bad in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c"] {
            assert!(Address::email(bad).is_err(), "{bad}");
        }
        for bad in ["", "1234", "1234567890123456", "+7x9001234567", "++79001234567"] {
            assert!(Address::phone(bad).is_err(), "{bad}");
        }
        assert_eq!(Address::either("a@b").map(|a| a.kind), Ok(AddressKind::Email));
        assert_eq!(Address::either("12345").map(|a| a.kind), Ok(AddressKind::Phone));
    }
}
