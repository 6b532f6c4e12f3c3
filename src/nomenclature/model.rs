//! The values of the catalogue and of imports.
//!
//! Must not know: the database, HTTP, files.

use uuid::Uuid;

use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;
use crate::nomenclature::money::Price;
use crate::nomenclature::problems::Problem;

/// The most characters of a name; contracts/nomenclature.md.
pub const LONGEST_NAME: usize = 128;
/// The most characters of an article.
pub const LONGEST_ARTICLE: usize = 64;
/// The most characters of a group's whole path.
pub const LONGEST_GROUP: usize = 256;
/// The most characters of a unit.
pub const LONGEST_UNIT: usize = 32;

/// A rate of VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vat {
    /// The good is sold without VAT.
    Without,
    /// So many per cent: one of [`Vat::RATES`].
    Rate(u8),
}

impl Vat {
    /// The rates there are, in per cent.
    pub const RATES: [u8; 6] = [0, 5, 7, 10, 20, 22];

    /// The rate of so many per cent, if there is one.
    #[must_use]
    pub fn of_percent(percent: u8) -> Option<Self> {
        Self::RATES.contains(&percent).then_some(Self::Rate(percent))
    }

    /// As it is kept.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Without => -1,
            Self::Rate(percent) => percent.into(),
        }
    }

    /// As it was kept.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Without),
            number => u8::try_from(number).ok().and_then(Self::of_percent),
        }
    }
}

/// What is settled when a good is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A thing.
    Product,
    /// A service.
    Service,
}

/// What a good is. Texts are clean; codes are joined by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// Its name.
    pub name: String,
    /// The maker's or the company's own code.
    pub article: Option<String>,
    /// Where it belongs: `Drinks/Juices`.
    pub group: Option<String>,
    /// What it is counted in.
    pub unit: Option<String>,
    /// What one of it costs.
    pub price: Option<Price>,
    /// Its rate of VAT.
    pub vat: Option<Vat>,
    /// Its EAN-13.
    pub ean13: String,
    /// Its local codes.
    pub local: String,
    /// What is settled.
    pub subject: Subject,
    /// Whether it is out of use.
    pub archived: bool,
}

/// A good at some version of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// The row of this version of it.
    pub id: i64,
    /// The good, whatever its version.
    pub good: i64,
    /// Its public id.
    pub guid: Uuid,
    /// The version of the catalogue that made it what it is.
    pub since: i64,
    /// What it is.
    pub values: Values,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it became what it is.
    pub changed_at: Timestamp,
}

/// A catalogue as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// It moves with each change.
    pub version: i64,
    /// Goods in use.
    pub live: i64,
    /// Goods out of use.
    pub archived: i64,
    /// The plan that is being written into it.
    pub pending: Option<i64>,
    /// Versions below this one can no longer be read.
    pub forgotten: i64,
}

impl Catalogue {
    /// How many goods it has.
    #[must_use]
    pub fn goods(&self) -> usize {
        usize::try_from(self.live.saturating_add(self.archived)).unwrap_or(0)
    }
}

/// What an import does with goods that the file does not mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// They are archived.
    Full,
    /// They stay.
    Incremental,
}

/// By what rows find their goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// By name.
    pub name: bool,
    /// By EAN-13.
    pub ean13: bool,
    /// By local codes.
    pub local: bool,
}

impl Attributes {
    /// Whether rows find goods at all.
    #[must_use]
    pub fn any(self) -> bool {
        self.name || self.ean13 || self.local
    }
}

/// Where an import is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It waits for its turn.
    InQueue,
    /// It is read and matched, or applied.
    InProgress,
    /// A person has to look at what it would do.
    WaitingForFeedback,
    /// It is applied.
    Completed,
    /// It ended, and nothing was changed.
    Canceled,
}

impl Status {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::InQueue, Self::InProgress, Self::WaitingForFeedback, Self::Completed, Self::Canceled];

    /// As it is kept.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::InQueue => 0,
            Self::InProgress => 1,
            Self::WaitingForFeedback => 2,
            Self::Completed => 3,
            Self::Canceled => 4,
        }
    }

    /// As it was kept.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled)
    }
}

/// Whether a completed import was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Nobody asked.
    No,
    /// It is being undone.
    Running,
    /// It is undone.
    Done,
    /// That failed; it may be tried again.
    Failed,
}

impl Undo {
    /// As it is kept.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::No => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Failed => 3,
        }
    }

    /// As it was kept.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::No, Self::Running, Self::Done, Self::Failed].into_iter().find(|undo| undo.number() == number)
    }
}

/// What somebody asked to have imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImport {
    /// What happens to goods that are not mentioned.
    pub strategy: Strategy,
    /// By what rows find goods.
    pub attributes: Attributes,
    /// Whether a file that nothing is wrong with is applied without asking.
    pub auto_confirm: bool,
    /// What its owner says of it.
    pub meta: Option<String>,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Row key.
    pub id: i64,
    /// Public id.
    pub guid: Uuid,
    /// Its company.
    pub company: CompanyId,
    /// Who asked for it.
    pub user: UserId,
    /// The background task that does it.
    pub task: Uuid,
    /// The uploaded file: row key and public id.
    pub upload: (i64, Uuid),
    /// What was asked for.
    pub asked: NewImport,
    /// Whether what it would do was agreed to.
    pub is_confirmed: bool,
    /// Where it is in its life.
    pub status: Status,
    /// What it would do, or did.
    pub plan: Option<i64>,
    /// Whether goods had changed since an earlier plan was shown.
    pub replanned: bool,
    /// The version of the catalogue that it made.
    pub applied_version: Option<i64>,
    /// Why it ended without being applied.
    pub failure: Option<Problem>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// When its owner removed it.
    pub deleted_at: Option<Timestamp>,
    /// Whether it was undone.
    pub undo: Undo,
    /// The plan by which it was.
    pub undo_plan: Option<i64>,
    /// When it was.
    pub undone_at: Option<Timestamp>,
    /// Whether its file and its plan are still kept.
    pub kept: bool,
}

/// What a plan does with a row, or with a good that no row mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A new good.
    Create,
    /// New values for a good.
    Update,
    /// The good is that already.
    Unchanged,
    /// No row mentions the good: it goes out of use.
    Archive,
    /// Something is wrong with the row.
    Refuse,
    /// The good becomes what it was.
    Restore,
    /// The good is gone again.
    Remove,
}

impl Outcome {
    /// As it is kept.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Create => 0,
            Self::Update => 1,
            Self::Unchanged => 2,
            Self::Archive => 3,
            Self::Refuse => 4,
            Self::Restore => 5,
            Self::Remove => 6,
        }
    }

    /// As it was kept.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        [Self::Create, Self::Update, Self::Unchanged, Self::Archive, Self::Refuse, Self::Restore, Self::Remove]
            .into_iter()
            .find(|outcome| outcome.number() == number)
    }
}

/// How much of what a plan does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that were looked at.
    pub rows: i64,
    /// Goods made.
    pub created: i64,
    /// Goods changed.
    pub updated: i64,
    /// Goods that are so already.
    pub unchanged: i64,
    /// Goods that go out of use, because no row mentions them or because a row says so.
    pub archived: i64,
    /// Rows that are refused.
    pub refused: i64,
    /// Things that are worth knowing.
    pub infos: i64,
    /// Things to look at.
    pub warnings: i64,
    /// Things that are wrong.
    pub errors: i64,
    /// Goods in use before.
    pub live: i64,
    /// So many more are in use afterwards.
    pub more_live: i64,
    /// So many more are out of use afterwards.
    pub more_archived: i64,
}

/// Of every hundred goods, as many may be archived without being asked for twice.
const FEW_PERCENT: i64 = 20;

impl Counts {
    /// Whether it takes a second thought: no row is valid, or more than a fifth of the goods would be archived.
    #[must_use]
    pub fn is_drastic(&self) -> bool {
        let valid = self.created + self.updated + self.unchanged;
        valid == 0 || self.archived * 100 > self.live * FEW_PERCENT
    }
}

/// What an import, or undoing one, would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Row key.
    pub id: i64,
    /// The version of the catalogue it goes by.
    pub version: i64,
    /// The sheet that was read.
    pub sheet: String,
    /// How much of what.
    pub counts: Counts,
    /// Equal for plans that would do the same.
    pub digest: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_as_a_number_is_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::of_number(status.number()), Some(status));
        }
        for rate in [Vat::Without, Vat::Rate(0), Vat::Rate(22)] {
            assert_eq!(Vat::of_number(rate.number()), Some(rate));
        }
        assert_eq!((Vat::of_number(18), Status::of_number(5), Outcome::of_number(7)), (None, None, None));
        for number in 0..7 {
            assert_eq!(Outcome::of_number(number).map(Outcome::number), Some(number));
        }
    }

    #[test]
    fn a_fifth_of_the_goods_is_the_most_that_goes_without_saying() {
        let counts = |live, archived| Counts { live, archived, unchanged: 1, ..Counts::default() };
        assert!(!counts(100, 20).is_drastic());
        assert!(counts(100, 21).is_drastic());
        assert!(counts(1, 1).is_drastic());
        assert!(!counts(0, 0).is_drastic());
        assert!(Counts::default().is_drastic(), "no valid row");
    }
}
