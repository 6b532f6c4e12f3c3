//! Recording what services did: a process, its requests, its end, its files. Each function runs in the transaction of
//! its caller and keeps the counters per day with the rows.
//!
//! Must not know: HTTP, any domain. Codes are unique within a company: recording the same code again tells the caller
//! what is there, who decides whether that is the same report twice or a conflict.

use uuid::Uuid;

use crate::audit::model::{Action, ActionId, Attached, Flow, NewAction, NewRequest, Opened, Outcome};
use crate::audit::sql;
use crate::auth::model::CompanyId;
use crate::store::{Conn, StoreError, WriteTx};

/// Records a process, unless the company has one of its code already. Counts beyond the model's bounds are refused by
/// the schema ([`StoreError::Constraint`]): check them before, with words for people.
pub fn open(tx: &WriteTx<'_>, new: &NewAction) -> Result<Opened, StoreError> {
    if let Some(known) = find(tx, new.company, new.process)? {
        return Ok(Opened::Known(Box::new(known)));
    }
    // There is none of this code: it was looked for in this very transaction.
    let id = sql::actions::insert(tx, new, None)?.ok_or(StoreError::RolledBack)?;
    sql::days::add(tx, new, new.outcome.status)?;
    Ok(Opened::New(id))
}

/// Records a request of a process that a service told of, unless the company has one of its code already.
pub fn attach(
    tx: &WriteTx<'_>,
    company: CompanyId,
    action: ActionId,
    new: &NewRequest,
) -> Result<Attached, StoreError> {
    if let Some((of, known)) = sql::requests::find_reported(tx, company, new.request)? {
        return Ok(Attached::Known(of, known));
    }
    sql::requests::insert(tx, company, action, new, true)?;
    Ok(Attached::New)
}

/// Notes how a process stands or ended, whatever it was before. `false`: there is no such process, or it is Comptoir's
/// own activity, which nobody may say more about.
pub fn conclude(tx: &WriteTx<'_>, company: CompanyId, action: ActionId, outcome: &Outcome) -> Result<bool, StoreError> {
    let Some(before) = sql::actions::get(tx, company, action)?.filter(|action| !action.own) else { return Ok(false) };
    sql::actions::update_outcome(tx, company, action, outcome)?;
    if before.recorded.outcome.status != outcome.status {
        sql::days::remove(tx, &before.recorded, before.recorded.outcome.status)?;
        sql::days::add(tx, &before.recorded, outcome.status)?;
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
