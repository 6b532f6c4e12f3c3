//! The values of identity, parsed once at the edge so that inner code cannot hold a bad one.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Bounds are those of the account contract
//! (`User`, `TokenRequest`) unless a comment says otherwise.

mod party;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

pub use self::party::{DEFAULT_ZONE, Gln, Party, PartyId, PartyKind, PartyName, PartyRef, Side, zone};
use crate::auth::permissions::Effect;
use crate::clock::Timestamp;

/// Why a value was refused: the rule it breaks, worded to follow the field's name ("`username` must …").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(pub String);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A refused field: its name and the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field's name on the wire.
    pub field: &'static str,
    /// The rule it breaks.
    pub rule: Rule,
}

impl Refused {
    /// `field` breaks `rule`.
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: Rule(rule.into()) }
    }
}

fn length(text: &str, min: usize, max: usize) -> Result<(), Rule> {
    let count = text.chars().count();
    if (min..=max).contains(&count) {
        Ok(())
    } else {
        Err(Rule(format!("must have {min} to {max} characters (has {count})")))
    }
}

fn word(text: &str) -> Result<(), Rule> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\w+$").expect("the pattern is constant"));
    // Joiners are part of `\w` and cannot be seen: two names must not differ by one alone.
    let joined = text.contains(['\u{200c}', '\u{200d}']);
    if WORD.is_match(text) && !joined {
        Ok(())
    } else {
        Err(Rule("must consist of letters, digits and underscores only".into()))
    }
}

fn printable(text: &str) -> Result<(), Rule> {
    if text.chars().any(char::is_control) {
        return Err(Rule("must not contain control characters".into()));
    }
    Ok(())
}

fn visible(text: &str) -> Result<(), Rule> {
    if text.trim().is_empty() {
        return Err(Rule("must not be blank".into()));
    }
    Ok(())
}

/// Makes a newtype over a checked string.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` against the rules of this type.
            pub fn parse(text: impl Into<String>) -> Result<Self, Rule> {
                let text = text.into();
                let check: fn(&str) -> Result<(), Rule> = $check;
                check(&text)?;
                Ok(Self(text))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// A user's name: 2 to 256 characters of `\w`, unique in the installation whatever its case.
    Username,
    |text| {
        length(text, 2, 256)?;
        word(text)
    }
);

text_type!(
    /// A company's key: 3 to 256 characters of `\w`, unique in the installation whatever its case.
    CompanyKey,
    |text| {
        length(text, 3, 256)?;
        word(text)
    }
);

text_type!(
    /// A company's name for people: 1 to 256 characters.
    CompanyName,
    |text| {
        length(text, 1, 256)?;
        visible(text)?;
        printable(text)
    }
);

text_type!(
    /// A description of a user: 2 to 256 characters.
    Specification,
    |text| length(text, 2, 256)
);

text_type!(
    /// An e-mail address: 5 to 256 characters, something on both sides of one `@`.
    Email,
    |text| {
        length(text, 5, 256)?;
        let well_formed = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.chars().any(char::is_whitespace)
        });
        if !well_formed {
            return Err(Rule("must be an e-mail address such as name@example.com".into()));
        }
        printable(text)
    }
);

text_type!(
    /// A phone number as people write it: 5 to 32 characters.
    Phone,
    |text| length(text, 5, 32)
);

text_type!(
    /// What an API token is for, in its owner's words: 1 to 128 characters.
    TokenName,
    |text| {
        length(text, 1, 128)?;
        visible(text)?;
        printable(text)
    }
);

/// The form in which names are compared, so that what looks the same is the same: `Ivan` and `ivan`, a composed and a
/// decomposed `й`, a final and a medial `σ` are one user. Upper case first, since that is where the forms of a letter
/// meet; compatibility composition (NFKC) before and after, since changing case can undo it.
#[must_use]
pub fn folded(name: &str) -> String {
    let composed: String = name.nfkc().collect();
    composed.to_uppercase().to_lowercase().nfkc().collect()
}

/// A password as it was typed: 10 to 256 characters. Never logged, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Checks the length rule. What is in a password is its owner's business, but for NUL, which some clients cut at.
    pub fn parse(text: impl Into<String>) -> Result<Self, Rule> {
        let text = text.into();
        length(&text, 10, 256)?;
        if text.contains('\0') {
            return Err(Rule("must not contain the NUL character".into()));
        }
        Ok(Self(text))
    }

    /// The secret itself, for the hasher.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A whole offset from UTC in hours, −12 to 12: where a user's billing day begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timezone(i8);

impl Timezone {
    /// Greenwich.
    pub const UTC: Self = Self(0);

    /// Checks the range.
    pub fn parse(hours: i64) -> Result<Self, Rule> {
        i8::try_from(hours)
            .ok()
            .filter(|hours| (-12..=12).contains(hours))
            .map(Self)
            .ok_or_else(|| Rule("must be a whole number of hours from -12 to 12".into()))
    }

    /// The offset in hours.
    #[must_use]
    pub const fn hours(self) -> i8 {
        self.0
    }

    /// The offset as chrono knows it.
    #[must_use]
    pub fn offset(self) -> chrono::FixedOffset {
        chrono::FixedOffset::east_opt(i32::from(self.0) * 3600).expect("twelve hours are within a day")
    }
}

/// What a user may do (`UserRole` of the account contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Role {
    /// Everything in its company.
    Admin = 1,
    /// Sees and changes only what belongs to the parties it is bound to.
    Partner = 2,
    /// Writes in the business contracts.
    User = 4,
    /// A machine: ingests and reports, exports nothing.
    Bot = 8,
}

impl Role {
    /// Every role, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Partner, Self::User, Self::Bot];

    /// The contract's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Partner => "PARTNER",
            Self::User => "USER",
            Self::Bot => "BOT",
        }
    }

    /// Reads the contract's word, in any case.
    pub fn parse(word: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| Rule("must be one of ADMIN, PARTNER, USER, BOT".into()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of roles. A user has at most two ([`Roles::of_user`]); a permission may name more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u8);

impl Roles {
    /// No role at all: such a user may see and change its own account only.
    pub const NONE: Self = Self(0);

    /// The set of exactly these roles.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < roles.len() {
            bits |= roles[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// The roles of a user: at most two, each once.
    pub fn of_user(roles: &[Role]) -> Result<Self, Rule> {
        let set = Self::of(roles);
        if roles.len() > 2 {
            return Err(Rule(format!("must have at most 2 items (has {})", roles.len())));
        }
        if set.iter().count() != roles.len() {
            return Err(Rule("must not name a role twice".into()));
        }
        Ok(set)
    }

    /// Whether `role` is in the set.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role as u8 != 0
    }

    /// Whether the two sets share a role.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The roles in both sets.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set with `role` added.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role as u8)
    }

    /// The roles in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// The stored form: the words joined by commas, in the contract's order.
    #[must_use]
    pub fn to_stored(self) -> String {
        self.iter().map(Role::as_str).collect::<Vec<_>>().join(",")
    }

    /// Reads the stored form; words of a future version are passed over.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        text.split(',').filter_map(|word| Role::parse(word).ok()).fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roles({})", self.to_stored())
    }
}

/// The key of a company's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompanyId(pub i64);

/// The key of a user's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(pub i64);

/// A company: the tenant of all five contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Row key.
    pub id: CompanyId,
    /// The organisation's id on the wire.
    pub guid: Uuid,
    /// Its key in the account contract.
    pub key: CompanyKey,
    /// Its name for people.
    pub name: CompanyName,
    /// A disabled company's users cannot sign in and its tokens do not work.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

/// A key and a value of service information about a user (`attributes` of the account contract).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attribute {
    /// 1 to 100 characters.
    pub key: String,
    /// 0 to 2000 characters.
    pub value: String,
}

/// The attributes of a user: at most 1000, no two the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Checks the count and each item.
    pub fn parse(items: Vec<Attribute>) -> Result<Self, Rule> {
        if items.len() > 1000 {
            return Err(Rule(format!("must have at most 1000 items (has {})", items.len())));
        }
        let mut seen = std::collections::HashSet::with_capacity(items.len());
        for item in &items {
            length(&item.key, 1, 100).map_err(|rule| Rule(format!("has an item whose key {rule}")))?;
            length(&item.value, 0, 2000).map_err(|rule| Rule(format!("has an item whose value {rule}")))?;
            if !seen.insert(item) {
                return Err(Rule("must not hold the same item twice".into()));
            }
        }
        Ok(Self(items))
    }

    /// The items in the order they were given.
    #[must_use]
    pub fn items(&self) -> &[Attribute] {
        &self.0
    }
}

/// A user as the account contract and the house API show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is true or false by itself")]
pub struct User {
    /// Row key.
    pub id: UserId,
    /// The `sub` of its tokens.
    pub guid: Uuid,
    /// The company it belongs to.
    pub company_id: CompanyId,
    /// That company's key.
    pub company_key: CompanyKey,
    /// Its name.
    pub username: Username,
    /// Its roles as granted; see [`Principal::roles`] for what they amount to.
    pub roles: Roles,
    /// Whether it administers the installation.
    pub operator: bool,
    /// A disabled user cannot sign in and its tokens do not work.
    pub enabled: bool,
    /// Whether it has a password; a user without one lives on API tokens.
    pub has_password: bool,
    /// Where its billing day begins.
    pub timezone: Timezone,
    /// A description.
    pub specification: Option<Specification>,
    /// An address.
    pub email: Option<Email>,
    /// Whether an ADMIN has confirmed that address: it signs the user in where the contract lets it.
    pub email_confirmed: bool,
    /// A number.
    pub phone: Option<Phone>,
    /// Service information.
    pub attributes: Attributes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub edited_at: Option<Timestamp>,
}

/// Which rows an administrator may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole installation: the operator and the command line.
    Installation,
    /// One company: its ADMINs.
    Company(CompanyId),
}

impl Scope {
    /// Whether a row of `company` is in reach; out of reach it is *not found*, never *forbidden*.
    #[must_use]
    pub fn reaches(self, company: CompanyId) -> bool {
        match self {
            Self::Installation => true,
            Self::Company(own) => own == company,
        }
    }
}

/// By what a caller proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A JWT: its id and expiry, so that signing out can revoke it.
    Jwt {
        /// The `jti` claim.
        jti: Uuid,
        /// The `exp` claim.
        expires_at: Timestamp,
        /// The credential generation it was made in.
        generation: i64,
    },
    /// An API token.
    ApiToken {
        /// The token's id on the wire.
        guid: Uuid,
        /// What it carries of its owner's rights.
        grant: Grant,
        /// When it stops working, if ever.
        expires_at: Option<Timestamp>,
    },
    /// A SID of the schedules contract.
    Sid {
        /// What the database knows it by.
        secret_hash: [u8; 32],
        /// The credential generation it was made in.
        generation: i64,
        /// The party it was signed in for.
        party: Option<PartyId>,
    },
    /// A name and a password.
    Basic {
        /// The credential generation they were right in.
        generation: i64,
    },
}

impl Credential {
    /// Whether it stands for the user as a whole: a JWT, or an API token that was not cut down to one role. Only such a
    /// credential may touch the user's own account, sessions and tokens.
    #[must_use]
    pub const fn is_personal(&self) -> bool {
        match self {
            Self::Jwt { .. } | Self::Sid { .. } | Self::Basic { .. } => true,
            Self::ApiToken { grant, .. } => matches!(grant, Grant::Owner | Grant::Operator),
        }
    }
}

/// Who is calling, however it proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Row key of the user.
    pub user_id: UserId,
    /// Row key of its company: every query names it.
    pub company_id: CompanyId,
    /// The user's name.
    pub username: Username,
    /// The company's key.
    pub company_key: CompanyKey,
    /// What it may do now: the user's roles, cut down to the API token's, ADMIN for the operator.
    pub roles: Roles,
    /// Whether it acts as the operator of the installation.
    pub operator: bool,
    /// Where its day begins.
    pub timezone: Timezone,
    /// How it signed in.
    pub credential: Credential,
    /// The identity epoch at which all of this was true.
    pub epoch: i64,
    /// What it is doing, if that is to be recorded with its effect.
    pub call: Option<Call>,
}

/// Which server does something: what `tracedata` says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The environment's name.
    pub env: Arc<str>,
    /// The installation's id.
    pub pod: Arc<str>,
}

impl Place {
    /// The place of these names.
    #[must_use]
    pub fn new(env: &str, pod: &str) -> Self {
        Self { env: env.into(), pod: pod.into() }
    }
}

/// A request in the name of a principal, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The `operationId`.
    pub operation: &'static str,
    /// What the operation does.
    pub effect: Effect,
    /// The request's id.
    pub request: Uuid,
    /// When it came in.
    pub at: Timestamp,
    /// The client's address.
    pub address: IpAddr,
    /// Which server it came to.
    pub place: Place,
}

impl Principal {
    /// The same, while it does something that is to be recorded with its effect.
    #[must_use]
    pub fn doing(&self, call: Call) -> Self {
        Self { call: Some(call), ..self.clone() }
    }

    /// The rows it may administer.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.operator { Scope::Installation } else { Scope::Company(self.company_id) }
    }
}

/// A principal shared by everything one request touches.
pub type SharedPrincipal = Arc<Principal>;

/// What an API token may carry of its owner's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grant {
    /// Whatever roles the owner has at the moment of the call, but never the operator's.
    Owner,
    /// Everything in the company.
    Admin,
    /// Its parties only.
    Partner,
    /// The business contracts.
    User,
    /// Ingest and reports.
    Bot,
    /// The installation: only an operator may make such a token, and only for itself.
    Operator,
}

impl Grant {
    /// Every grant.
    pub const ALL: [Self; 6] = [Self::Owner, Self::Admin, Self::Partner, Self::User, Self::Bot, Self::Operator];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Admin => "ADMIN",
            Self::Partner => "PARTNER",
            Self::User => "USER",
            Self::Bot => "BOT",
            Self::Operator => "OPERATOR",
        }
    }

    /// Whether a bearer of a token with this grant may hand out `other`.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Operator => true,
            Self::Owner | Self::Admin => other != Self::Operator,
            one => other == one,
        }
    }

    /// Reads the word, in any case.
    pub fn parse(word: &str) -> Result<Self, Rule> {
        Self::ALL
            .into_iter()
            .find(|grant| grant.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| Rule("must be one of OWNER, ADMIN, PARTNER, USER, BOT, OPERATOR".into()))
    }

    /// The rights a token with this grant has when its owner has `roles` and is the operator or not.
    #[must_use]
    pub fn applied_to(self, roles: Roles, operator: bool) -> (Roles, bool) {
        let all = if operator { roles.with(Role::Admin) } else { roles };
        match self {
            Self::Owner => (all, false),
            Self::Operator => (if operator { all } else { Roles::NONE }, operator),
            Self::Admin => (all.within(Roles::of(&[Role::Admin])), false),
            Self::Partner => (all.within(Roles::of(&[Role::Partner])), false),
            Self::User => (all.within(Roles::of(&[Role::User])), false),
            Self::Bot => (all.within(Roles::of(&[Role::Bot])), false),
        }
    }
}

/// An API token as it is shown after it was made: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id on the wire.
    pub guid: Uuid,
    /// Row key of its owner.
    pub user_id: UserId,
    /// The owner's name.
    pub username: Username,
    /// The owner's company.
    pub company_id: CompanyId,
    /// What it is for.
    pub name: TokenName,
    /// The first characters of the secret, to tell tokens apart.
    pub hint: String,
    /// What it may carry of its owner's rights.
    pub grant: Grant,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_contracts_bounds() {
        for (text, ok) in [
            ("ab", true),
            ("a", false),
            ("Иван_2", true),
            ("ivan petrov", false),
            ("ivan.petrov", false),
            ("", false),
            ("a\u{0}b", false),
            ("a\u{200d}b", false),
        ] {
            assert_eq!(Username::parse(text).is_ok(), ok, "{text:?}");
        }
        assert!(Username::parse("я".repeat(256)).is_ok());
        assert!(Username::parse("я".repeat(257)).is_err());
        assert!(CompanyKey::parse("ab").is_err());
        assert!(CompanyKey::parse("abc").is_ok());
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (a, b) in [
            ("Ivan", "iVAN"),
            ("Андрій", "АНДРІЙ"),
            ("Андрій", "Андріи\u{306}"),
            ("νικος", "ΝΙΚΟΣ"),
            ("οσ", "ος"),
            ("ﬁn", "FIN"),
            ("straße", "STRASSE"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        assert_ne!(folded("ivan"), folded("іvan"), "a Cyrillic і is another letter");
        // Folding what is folded changes nothing: page tokens and stored keys rely on it.
        for name in ["İstanbul", "Ω", "ΑΣ", "ǅ", "ﬃ"] {
            assert_eq!(folded(&folded(name)), folded(name), "{name}");
        }
    }

    #[test]
    fn contact_details_follow_the_contracts_bounds() {
        for (text, ok) in
            [("a@b.c", true), ("a@b", false), ("@b.cd", false), ("a@@b.c", false), ("a b@c.d", false), ("abcde", false)]
        {
            assert_eq!(Email::parse(text).is_ok(), ok, "{text:?}");
        }
        for (text, ok) in [("12345", true), ("1234", false), ("+71112223333", true), ("1".repeat(33).as_str(), false)] {
            assert_eq!(Phone::parse(text).is_ok(), ok, "{text:?}");
        }
        for (hours, ok) in [(-12, true), (12, true), (13, false), (-13, false), (i64::MAX, false)] {
            assert_eq!(Timezone::parse(hours).is_ok(), ok, "{hours}");
        }
    }

    #[test]
    fn a_password_never_shows_in_a_debug_print() {
        let password = Password::parse("correct horse").expect("long enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert!(Password::parse("123456789").is_err());
        assert!(Password::parse("1234567890\0").is_err());
    }

    #[test]
    fn a_user_has_at_most_two_roles_and_each_once() {
        assert!(Roles::of_user(&[]).is_ok());
        assert!(Roles::of_user(&[Role::Admin, Role::Bot]).is_ok());
        assert!(Roles::of_user(&[Role::Admin, Role::Admin]).is_err());
        assert!(Roles::of_user(&[Role::Admin, Role::Bot, Role::User]).is_err());
        let stored = Roles::of(&[Role::Bot, Role::Admin]).to_stored();
        assert_eq!(stored, "ADMIN,BOT");
        assert_eq!(Roles::from_stored(&stored), Roles::of(&[Role::Admin, Role::Bot]));
        assert_eq!(Roles::from_stored(""), Roles::NONE);
    }

    #[test]
    fn a_token_never_carries_more_than_its_owner() {
        let roles = Roles::of(&[Role::User]);
        assert_eq!(Grant::Owner.applied_to(roles, true), (Roles::of(&[Role::Admin, Role::User]), false));
        assert_eq!(Grant::Operator.applied_to(roles, true), (Roles::of(&[Role::Admin, Role::User]), true));
        assert_eq!(Grant::Operator.applied_to(roles, false), (Roles::NONE, false));
        assert_eq!(Grant::Admin.applied_to(roles, false), (Roles::NONE, false));
        assert_eq!(Grant::User.applied_to(roles, false), (roles, false));
        assert_eq!(Grant::Bot.applied_to(Roles::of(&[Role::Admin]), true), (Roles::NONE, false));
    }
}
