//! The chain of events: what an event says, how it is bound to the one before it, and the digest by which it vouches for
//! an action.
//!
//! Must not know: the database, HTTP, the runtime, the system clock. Every field is hashed with its length before it, so
//! that no two different events are the same bytes. A change here breaks the chains that are there.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::audit::model::{ActionId, NewAction, NewRequest};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What stands before the first event.
pub const NOTHING: Hash = [0; 32];

/// Whose events: a company's, or the installation's, which has what belongs to no company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(pub i64);

impl Chain {
    /// The installation's.
    pub const INSTALLATION: Self = Self(0);

    /// The chain of a company, or the installation's.
    #[must_use]
    pub fn of(company: Option<CompanyId>) -> Self {
        company.map_or(Self::INSTALLATION, |company| Self(company.0))
    }

    /// The company, if it is one's.
    #[must_use]
    pub fn company(self) -> Option<CompanyId> {
        (self != Self::INSTALLATION).then_some(CompanyId(self.0))
    }
}

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It vouches for an action.
    Action,
    /// A change by the command line that belongs to no company.
    Command,
    /// A background task of the installation ended.
    Task,
    /// Refused sign-ins under a name that nobody has.
    Refusals,
    /// Events that waited in memory were lost: there was no room for them.
    Lost,
    /// Retention takes the oldest events, through the one that the detail names.
    Removed,
}

impl Kind {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Command => "command",
            Self::Task => "task",
            Self::Refusals => "refusals",
            Self::Lost => "lost",
            Self::Removed => "removed",
        }
    }
}

/// An event as it is stored, but for its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its chain.
    pub chain: Chain,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What kind it is, as a word: one of a future version is hashed like any other.
    pub kind: String,
    /// The action it vouches for, and that one's digest.
    pub action: Option<(ActionId, Hash)>,
    /// What else there is to know, as JSON.
    pub detail: String,
}

impl Event {
    /// Its hash after an event whose hash is `before`.
    #[must_use]
    pub fn hash_after(&self, before: &Hash) -> Hash {
        let mut fields = Fields::new("comptoir audit event 1");
        fields.bytes(before).number(self.chain.0).number(self.seq).number(self.at.as_micros()).text(&self.kind);
        match &self.action {
            Some((id, digest)) => fields.number(id.0).bytes(digest),
            None => &mut fields,
        };
        fields.text(&self.detail);
        fields.hash()
    }
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of its last event; 0: there is none yet.
    pub seq: i64,
    /// That event's hash.
    pub hash: Hash,
}

impl Head {
    /// Of a chain without an event.
    pub const NONE: Self = Self { seq: 0, hash: NOTHING };
}

/// What an event vouches for: every field of the action as it stands, and its request.
#[must_use]
pub fn digest(action: &NewAction, requests: &[NewRequest]) -> Hash {
    let mut fields = Fields::new("comptoir action 1");
    fields
        .number(action.company.0)
        .number(action.user.map_or(0, |user| user.0))
        .text(&action.username)
        .bytes(action.process.as_bytes())
        .number(action.service.code().into())
        .number(action.process_type.code().into())
        .text(&action.operation)
        .number(action.time.at.as_micros())
        .number(action.time.offset_minutes.into())
        .number(action.points.into());
    let outcome = &action.outcome;
    fields.number(outcome.status.code().into()).number(outcome.elements.into()).number(outcome.result_version.into());
    let timings = &outcome.timings;
    for part in
        [timings.preparing, timings.business_validation, timings.math_validation, timings.waiting, timings.calculation]
    {
        fields.number(i64::try_from(part.as_millis()).unwrap_or(i64::MAX));
    }
    for request in requests {
        fields
            .bytes(request.request.as_bytes())
            .text(&request.operation)
            .text(&request.env)
            .text(&request.pod)
            .number(request.time.at.as_micros())
            .number(request.time.offset_minutes.into());
    }
    fields.hash()
}

/// A hash in hexadecimal digits.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash that 64 hexadecimal digits name.
#[must_use]
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = NOTHING;
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

/// Fields on their way into a hash.
struct Fields(Sha256);

impl Fields {
    fn new(purpose: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.text(purpose);
        fields
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn number(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    fn hash(self) -> Hash {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            chain: Chain(1),
            seq: 1,
            at: Timestamp::from_unix_seconds(1),
            kind: "action".into(),
            action: Some((ActionId(7), [7; 32])),
            detail: "{}".into(),
        }
    }

    #[test]
    fn whatever_changes_in_an_event_changes_its_hash() {
        let whole = event().hash_after(&NOTHING);
        let changed = [
            Event { chain: Chain(2), ..event() },
            Event { seq: 2, ..event() },
            Event { at: Timestamp::from_micros(1_000_001), ..event() },
            Event { kind: "actio".into(), ..event() },
            Event { action: Some((ActionId(8), [7; 32])), ..event() },
            Event { action: Some((ActionId(7), [8; 32])), ..event() },
            Event { action: None, ..event() },
            Event { detail: "{ }".into(), ..event() },
        ];
        for event in changed {
            assert_ne!(event.hash_after(&NOTHING), whole, "{event:?}");
        }
        assert_ne!(event().hash_after(&[1; 32]), whole);
        // Chains that are there must stay verifiable.
        assert_eq!(hex(&whole), "81bb3d02e34efb70ab5bb8a167699c0623ca61ef9de208f4e3932a9f671c5d95");
    }
}
