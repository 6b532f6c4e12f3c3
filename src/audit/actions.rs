//! Recording what services did: a process, its requests, its end, its files. Each function runs in the transaction of
//! its caller; the counters per day that move with the rows gather in a [`Tally`], which the caller writes before it ends.
//!
//! Must not know: HTTP, any domain. Codes are unique within a company: recording the same code again tells the caller
//! what is there, who decides whether that is the same report twice or a conflict.

use std::collections::HashMap;

use uuid::Uuid;

use crate::audit::model::{
    Action, ActionId, Attached, CalculationStatus, Flow, NewAction, NewRequest, Opened, Outcome,
};
use crate::audit::sql;
use crate::audit::sql::days::Counter;
use crate::auth::model::CompanyId;
use crate::store::{Conn, StoreError, WriteTx};

/// The counters per day that a transaction has moved: gathered, since the many actions of a batch share few of them, and
/// written at its end. Until then the rows and the counters disagree.
#[derive(Debug, Default)]
pub struct Tally(HashMap<Counter, i32>);

impl Tally {
    fn count(&mut self, action: &NewAction, status: CalculationStatus, by: i32) {
        *self.0.entry(Counter::of(action, status)).or_default() += by;
    }

    /// Writes what was gathered.
    pub fn write(self, tx: &WriteTx<'_>) -> Result<(), StoreError> {
        for (counter, by) in &self.0 {
            match by.signum() {
                1 => sql::days::add(tx, counter, by.unsigned_abs())?,
                -1 => sql::days::remove(tx, counter, by.unsigned_abs())?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Records a process, unless the company has one of its code already. Counts beyond the model's bounds are refused by
/// the schema ([`StoreError::Constraint`]): check them before, with words for people.
pub fn open(tx: &WriteTx<'_>, new: &NewAction, tally: &mut Tally) -> Result<Opened, StoreError> {
    if let Some(id) = sql::actions::insert(tx, new, None)? {
        tally.count(new, new.outcome.status, 1);
        return Ok(Opened::New(id));
    }
    // It was there when the insert looked, in this very transaction.
    let known = find(tx, new.company, new.process)?.ok_or(StoreError::RolledBack)?;
    Ok(Opened::Known(Box::new(known)))
}

/// Records a request of a process that a service told of, unless the company has one of its code already.
pub fn attach(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: ActionId,
    new: &NewRequest,
) -> Result<Attached, StoreError> {
    if sql::requests::insert_reported(tx, company, action, new)? {
        return Ok(Attached::New);
    }
    let (of, known) = sql::requests::find_reported(tx, company, new.request)?.ok_or(StoreError::RolledBack)?;
    Ok(Attached::Known(of, known))
}

/// Notes how a process stands or ended, whatever it was before. `false`: there is no such process, or it is Comptoir's
/// own activity, which nobody may say more about.
pub fn conclude(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: ActionId,
    outcome: &Outcome,
    tally: &mut Tally,
) -> Result<bool, StoreError> {
    let Some(before) = sql::actions::get(tx, company, action)?.filter(|action| !action.own) else { return Ok(false) };
    sql::actions::update_outcome(tx, company, action, outcome)?;
    if before.recorded.outcome.status != outcome.status {
        tally.count(&before.recorded, before.recorded.outcome.status, -1);
        tally.count(&before.recorded, outcome.status, 1);
    }
    Ok(true)
}

/// Notes whether a file of a process is kept. An action with a file is never forgotten before its file is.
pub fn set_file(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: ActionId,
    flow: Flow,
    exists: bool,
) -> Result<(), StoreError> {
    match flow {
        Flow::Input => sql::actions::set_input(tx, company, action, exists),
        Flow::Output => sql::actions::set_output(tx, company, action, exists),
    }
}

/// The process of this code, if the company has one.
pub fn find(conn: &Conn, company: CompanyId, process: Uuid) -> Result<Option<Action>, StoreError> {
    sql::actions::find(conn, company, process)
}

/// The requests of a process, in the order they were told of.
pub fn requests(conn: &Conn, company: CompanyId, action: ActionId) -> Result<Vec<NewRequest>, StoreError> {
    sql::requests::of(conn, company, action)
}
