//! What is no longer kept: what was written of plans that were not carried out, uploads and plans of imports that ended long
//! ago, versions of goods that nothing can bring back. Everything goes in slices and may be cut off anywhere.

use std::time::Duration;

use super::{NomenclatureError, applying};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::nomenclature::sql;
use crate::store::{Store, StoreError, WriteTx};

/// A file that nobody has written to for so long is given up.
const STALLED: Duration = Duration::from_hours(1);

/// How long a list or an export is read, page by page, as the catalogue was when it was begun.
const READING: Duration = Duration::from_hours(1);

/// So many pieces of a file are removed in one transaction.
const PIECES: usize = 40;

/// So many rows are looked at in one transaction.
const ROWS: usize = 2_000;

/// So many applied imports of a company can be undone.
const UNDOABLE: usize = 10;

/// Removes all of it. What ended longer ago than `kept_for` is not kept.
pub async fn sweep(store: &Store, now: Timestamp, kept_for: Duration) -> Result<(), NomenclatureError> {
    for (company, plan, version) in store.read_one(|conn| sql::catalogues::stranded(conn))? {
        applying::take_back(store, company, plan, version).await?;
    }
    store.write(move |tx| sql::uploads::give_up_stalled(tx, now.minus(STALLED))).await?;
    while let Some(import) = store.read_one(|conn| sql::imports::to_forget(conn, now.minus(kept_for)))? {
        store.write(move |tx| forget(tx, import)).await?;
    }
    let companies = store.read_one(|conn| sql::catalogues::all(conn))?;
    for company in &companies {
        let company = *company;
        while let Some(import) = store.read_one(|conn| sql::imports::beyond_latest(conn, company, UNDOABLE))? {
            store.write(move |tx| forget(tx, import)).await?;
        }
    }
    while let Some(upload) = store.read_one(|conn| sql::uploads::given_up(conn))? {
        while !store.write(move |tx| sql::uploads::remove_slice(tx, upload, PIECES)).await? {}
    }
    while let Some(plan) = store.read_one(|conn| sql::plans::given_up(conn))? {
        while !store.write(move |tx| sql::plans::remove_slice(tx, plan, ROWS)).await? {}
    }
    for company in companies {
        forget_versions(store, company, now).await?;
    }
    Ok(())
}

/// From now on neither the file nor the plan of an import is kept.
fn forget(tx: &WriteTx<'_>, import: i64) -> Result<(), StoreError> {
    let Some(mut import) = sql::imports::get(tx, import)? else { return Ok(()) };
    sql::uploads::give_up(tx, import.upload.0)?;
    sql::plans::give_up_all_but(tx, import.id, [None, None])?;
    import.kept = false;
    // Nothing that a list shows has changed.
    sql::imports::save(tx, &import)
}

/// Removes the versions of goods that were followed before every import that can be undone, and before whatever somebody
/// may still be reading page by page. While an import is being made or carried out, or undone, nothing is: it may go by
/// them.
async fn forget_versions(store: &Store, company: CompanyId, now: Timestamp) -> Result<(), StoreError> {
    let found = store.read(|conn| {
        let catalogue = sql::catalogues::get(conn, company)?;
        if catalogue.pending.is_some() || sql::imports::any_going_on(conn, company)? {
            return Ok(None);
        }
        // Whoever began to read since then reads that version or a later one.
        let seen = match sql::catalogues::mark(conn, company)? {
            Some((_, at)) if at > now.minus(READING) => return Ok(None),
            Some((version, _)) => version,
            None => 0,
        };
        // The version that was followed by the earliest import is what undoing it brings back.
        let earliest = sql::imports::earliest_applied(conn, company)?.unwrap_or(i64::MAX);
        Ok::<_, StoreError>(Some((earliest.min(seen + 1), sql::goods::last(conn)?)))
    })?;
    let Some((horizon, end)) = found else { return Ok(()) };
    store.write(move |tx| sql::catalogues::set_mark(tx, company, horizon - 1, now)).await?;
    let mut after = 0;
    while after < end {
        let last = store.write(move |tx| sql::goods::forget_slice(tx, company, horizon, after, ROWS)).await?;
        if last == after {
            break;
        }
        after = last;
    }
    Ok(())
}
