//! What is known of a process: the contract's words, an action, its requests, its outcome.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock, any domain. Source of names and bounds: the
//! account contract.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::auth::model::{CompanyId, UserId};
use crate::clock::Timestamp;

/// An enumeration of the account contract: its words in the contract's order, which is also the order of sorting and the
/// number in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant),+
        }

        impl $name {
            /// Every one, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The contract's word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Its place in the contract's enumeration, from 0: the number in the database.
            #[must_use]
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The one with this number.
            #[must_use]
            pub fn of_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }

            /// Reads the contract's word, as the contract writes it.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// Which service worked (`Service`).
    Service {
        /// Several kinds of work.
        Universal = "UNIVERSAL",
        /// Routes.
        Routing = "ROUTING",
        /// Accounts; Comptoir's own activity is recorded under it.
        Account = "ACCOUNT",
        /// Administration.
        Admin = "ADMIN",
        /// The planner's desk.
        Studio = "STUDIO",
        /// Following what was planned.
        Monitor = "MONITOR",
        /// Packing.
        Packer = "PACKER",
        /// Fields and harvests.
        Agro = "AGRO",
    }
);

words!(
    /// What kind of process it was (`ProcessType`).
    ProcessType {
        /// A single request that leaves nothing running.
        Notrace = "NOTRACE",
        /// A process that is followed; a background task of Comptoir is one.
        Trace = "TRACE",
        /// Planning.
        Plan = "PLAN",
        /// Bringing a plan up to date.
        Actualize = "ACTUALIZE",
        /// Converting.
        Convert = "CONVERT",
        /// Validating.
        Validate = "VALIDATE",
        /// Building a route.
        Route = "ROUTE",
        /// A matrix of distances.
        Matrix = "MATRIX",
    }
);

words!(
    /// How a process stands (`CalculationStatus`).
    CalculationStatus {
        /// It has not begun.
        Waiting = "WAITING",
        /// It runs.
        InProgress = "IN_PROGRESS",
        /// It is done, in the time it was given.
        FinishedInTime = "FINISHED_IN_TIME",
        /// It is done, and took longer than it was given.
        FinishedOutOfTime = "FINISHED_OUT_OF_TIME",
        /// Somebody canceled it.
        Canceled = "CANCELED",
        /// It took too long, or was abandoned.
        CanceledByTimeout = "CANCELED_BY_TIMEOUT",
        /// A quota did not allow it.
        CanceledByQuota = "CANCELED_BY_QUOTA",
        /// It failed.
        Failed = "FAILED",
    }
);

impl CalculationStatus {
    /// Whether the process takes one of its user's places (`max_concurrent_execution`): it waits or runs.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::InProgress)
    }
}

words!(
    /// Which way data went (`FlowType`).
    Flow {
        /// Into the process.
        Input = "INPUT",
        /// Out of it.
        Output = "OUTPUT",
    }
);

/// The largest count of points or elements of one process (account contract, as the client holds it).
pub const MAX_COUNT: u32 = 100_000_000;

/// The largest version of a result (account contract, as the client holds it).
pub const MAX_RESULT_VERSION: u32 = 1_000_000;

/// The longest duration that is kept, a good thirty years: in ISO 8601 it still has the contract's 16 characters.
pub const MAX_DURATION: Duration = Duration::from_millis(999_999_999_999);

/// The key of an action's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub i64);

/// What the parts of a process took, each kept to the millisecond and at most [`MAX_DURATION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// `preparing_time`.
    pub preparing: Duration,
    /// `business_validation_time`.
    pub business_validation: Duration,
    /// `math_validation_time`.
    pub math_validation: Duration,
    /// `waiting_time`.
    pub waiting: Duration,
    /// `calculation_time`.
    pub calculation: Duration,
}

/// How a process stands or ended, and what it brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How it stands.
    pub status: CalculationStatus,
    /// How many elements it produced: at most [`MAX_COUNT`].
    pub elements: u32,
    /// The version of its result: at most [`MAX_RESULT_VERSION`].
    pub result_version: u32,
    /// What its parts took.
    pub timings: Timings,
}

impl Outcome {
    /// Nothing more than a status.
    #[must_use]
    pub fn of(status: CalculationStatus) -> Self {
        Self { status, elements: 0, result_version: 0, timings: Timings::default() }
    }
}

/// An instant as it was told: when, and at which offset from UTC, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The instant.
    pub at: Timestamp,
    /// The offset it was told at, in minutes east of Greenwich.
    pub offset_minutes: i16,
}

/// A process to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// Whose it is.
    pub company: CompanyId,
    /// Who is answerable for it; `None`: the server itself.
    pub user: Option<UserId>,
    /// That user's name.
    pub username: String,
    /// `process_code`: unique within the company.
    pub process: Uuid,
    /// Which service works.
    pub service: Service,
    /// What kind of process it is.
    pub process_type: ProcessType,
    /// The operation of its first request: 3 to 256 characters.
    pub operation: String,
    /// When it began.
    pub time: Told,
    /// How many points were asked for: at most [`MAX_COUNT`].
    pub points: u32,
    /// How it stands: a process that is told of when it is over has its end here already.
    pub outcome: Outcome,
}

/// A process as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Row key.
    pub id: ActionId,
    /// What was recorded; the outcome as it stands now.
    pub recorded: NewAction,
    /// Whether it is Comptoir's own activity, which nobody may say more about.
    pub own: bool,
    /// Whether its input is kept.
    pub input_file_exists: bool,
    /// Whether its output is kept.
    pub output_file_exists: bool,
}

/// A request made for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// `request_code`: unique within the company.
    pub request: Uuid,
    /// Which operation: 3 to 256 characters.
    pub operation: String,
    /// Name of the environment: 2 to 256 characters.
    pub env: String,
    /// Id of the instance: 2 to 256 characters.
    pub pod: String,
    /// When.
    pub time: Told,
}

/// A request of a process with all that its `tracedata` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// `process_code`.
    pub process: Uuid,
    /// Who is answerable for the process.
    pub username: String,
    /// That user's company: its key.
    pub company: String,
    /// The service of the process.
    pub service: Service,
    /// The request itself.
    pub request: NewRequest,
}

/// Which actions of a company are wanted. `None` is any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub company: CompanyId,
    /// Only this user's: whoever asks sees no others. It is no filter: to such a caller the others do not exist.
    pub user: Option<UserId>,
    /// Begun at this instant or later.
    pub from: Timestamp,
    /// Begun at this instant or earlier.
    pub to: Timestamp,
    /// Of this service.
    pub service: Option<Service>,
    /// Of this type.
    pub process_type: Option<ProcessType>,
    /// Whose first request was of this operation.
    pub operation: Option<String>,
    /// That stand so.
    pub status: Option<CalculationStatus>,
}

impl Wanted {
    /// Whether anything is filtered out.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.service.is_some() || self.process_type.is_some() || self.operation.is_some() || self.status.is_some()
    }
}

/// By what a list of actions may be sorted; ties by `process_code`. Each has an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// When they began.
    Time,
    /// The user's name.
    Username,
    /// The service, in the contract's order.
    Service,
    /// The type, in the contract's order.
    ProcessType,
    /// The operation of the first request.
    Operation,
    /// How they stand, in the contract's order.
    Status,
    /// How many points were asked for.
    Points,
}

impl Sort {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Time, Self::Username, Self::Service, Self::ProcessType, Self::Operation, Self::Status, Self::Points];

    /// The field's path on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Username => "username",
            Self::Service => "service",
            Self::ProcessType => "process_type",
            Self::Operation => "operation",
            Self::Status => "statistics.calculation_info.status",
            Self::Points => "statistics.request_points_count",
        }
    }

    /// The one with this path.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == path)
    }
}

/// What came of recording a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is recorded now.
    New(ActionId),
    /// The company has a process of this code: compare it with what you have.
    Known(Box<Action>),
}

/// What came of recording a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// It is recorded now.
    New,
    /// The company has a request of this code, of the process with this key: compare it with what you have.
    Known(ActionId, NewRequest),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_contracts_order_and_are_read_as_it_writes_them() {
        assert_eq!(Service::ALL.iter().map(|one| one.code()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        for one in CalculationStatus::ALL {
            assert_eq!(CalculationStatus::of_code(one.code()), Some(*one));
            assert_eq!(CalculationStatus::parse(one.as_str()), Some(*one));
        }
        assert_eq!(ProcessType::parse("plan"), None);
        assert_eq!(ProcessType::of_code(8), None);
        assert_eq!(Flow::parse("OUTPUT"), Some(Flow::Output));
    }
}
