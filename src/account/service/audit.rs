//! The use case of reading the audit: the contract's defaults, who sees what, and a list that is read slice by slice.
//!
//! Must not know: HTTP, the wire types.

use crate::account::moment;
use crate::account::service::AccountService;
use crate::audit::list::{self, Counters, Cursor, Listed};
use crate::audit::model::{CalculationStatus, ProcessType, Service, Sort, Wanted};
use crate::auth::model::{Principal, Refused, Role};
use crate::clock::Timestamp;
use crate::store::{Store, StoreError};

/// How many actions are read at a time: a few milliseconds and a few hundred kilobytes.
const SLICE: usize = 500;

/// Why the audit was not read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A parameter breaks a rule.
    #[error("`{}` {}", .0.field, .0.rule)]
    Invalid(Refused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the audit is asked for with; `None` is the contract's default.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// How many actions are passed over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
    /// From when on, as it was written.
    pub from: Option<String>,
    /// Until when, that instant included, as it was written.
    pub to: Option<String>,
    /// Only of this service.
    pub service: Option<Service>,
    /// Only of this operation.
    pub operation: Option<String>,
    /// Only of this type.
    pub process_type: Option<ProcessType>,
    /// Only those that stand so.
    pub status: Option<CalculationStatus>,
    /// By what to sort, as it was written.
    pub sort_field: Option<String>,
    /// Whether the order is turned round.
    pub descending: bool,
}

impl AuditQuery {
    /// The query with the contract's defaults for `caller` at `now`: from the beginning of the caller's day until now.
    fn of(self, caller: &Principal, now: Timestamp) -> Result<list::Query, AuditError> {
        let offset = caller.timezone.offset();
        let instant = |field, text: Option<&str>| {
            text.map(|text| {
                moment::parse(text, offset).ok_or_else(|| AuditError::Invalid(Refused::new(field, moment::RULE)))
            })
            .transpose()
        };
        let (from, to) = (instant("from", self.from.as_deref())?, instant("to", self.to.as_deref())?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(AuditError::Invalid(Refused::new("from", "must not be after `to`")));
        }
        let sort = match self.sort_field.as_deref() {
            None => Sort::Time,
            Some(field) => Sort::parse(field).ok_or_else(|| {
                let known = Sort::ALL.map(Sort::as_str).join(", ");
                AuditError::Invalid(Refused::new("sort_field", format!("must be one of {known}")))
            })?,
        };
        let wanted = Wanted {
            company: caller.company_id,
            user: (!caller.roles.has(Role::Admin)).then_some(caller.user_id),
            from: from.unwrap_or_else(|| moment::day_begins(now, offset)),
            to: to.unwrap_or(now),
            service: self.service,
            process_type: self.process_type,
            operation: self.operation,
            status: self.status,
        };
        let (offset, limit) = (self.offset.into(), self.limit.into());
        Ok(list::Query { wanted, sort, descending: self.descending, offset, limit })
    }
}

/// Actions as they are asked for, slice by slice, and how many there are.
pub struct ActionList {
    store: Store,
    counters: Counters,
    first: Option<Vec<Listed>>,
    /// `None` while a slice is being read, and after a failure.
    cursor: Option<Cursor>,
}

impl ActionList {
    /// How many there are, whatever the page.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether nothing comes after the first slice.
    pub fn is_whole(&self) -> bool {
        self.cursor.as_ref().is_none_or(Cursor::is_done)
    }

    /// The first slice.
    #[must_use]
    pub fn into_first(self) -> Vec<Listed> {
        self.first.unwrap_or_default()
    }

    /// The next slice; empty when there is none.
    pub async fn slice(&mut self) -> Result<Vec<Listed>, AuditError> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        let Some(mut cursor) = self.cursor.take() else { return Ok(Vec::new()) };
        let read = self.store.read_long(move |conn| {
            let listed = list::next(conn, &mut cursor, SLICE)?;
            Ok::<_, StoreError>((listed, cursor))
        });
        let (listed, cursor) = read.await?;
        self.cursor = Some(cursor);
        Ok(listed)
    }
}

impl AccountService {
    /// What was done in a period: an ADMIN sees its company, others themselves. What waits to be recorded is recorded
    /// first, as far as the disk allows.
    pub async fn read_audit(&self, caller: &Principal, query: AuditQuery) -> Result<ActionList, AuditError> {
        let now = self.auth.clock().now();
        if let Err(error) = self.auth.journal().flush(&self.store, now, false).await {
            tracing::warn!(%error, "what waits to be recorded in the audit could not be written");
        }
        let query = query.of(caller, now)?;
        let begun = self.store.read_long(move |conn| {
            let (counters, mut cursor) = list::begin(conn, query)?;
            let first = list::next(conn, &mut cursor, SLICE)?;
            Ok::<_, StoreError>((counters, first, cursor))
        });
        let (counters, first, cursor) = begun.await?;
        Ok(ActionList { store: self.store.clone(), counters, first: Some(first), cursor: Some(cursor) })
    }
}
