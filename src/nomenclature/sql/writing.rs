//! The statements that carry a plan out, slice by slice, and those that take it back. Each may be repeated: what is there
//! already stays as it is. What they write is of the version after the catalogue's own, which nobody reads yet.

use rusqlite::{Row, named_params};

use super::plans::row_id;
use super::{FOREVER, at_most, finding, goods};
use crate::auth::model::CompanyId;
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// Ends the versions that a slice follows. The plus keeps the engine from looking through the whole company for them, slice
/// after slice.
const END_OLD: &str = "UPDATE nomenclature_goods SET until = :version
     WHERE id IN (SELECT old_id FROM nomenclature_plan_rows
                  WHERE id > :after AND id <= :last AND outcome IN (1, 3, 5, 6))
       AND +company_id = :company";

/// Takes that back.
const REVIVE_OLD: &str = "UPDATE nomenclature_goods SET until = :forever
     WHERE id IN (SELECT old_id FROM nomenclature_plan_rows WHERE id > :after AND id <= :last)
       AND +company_id = :company AND until = :version";

/// A part of a plan: the rows after one and up to another, by their numbers in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    after: i64,
    last: i64,
}

impl Slice {
    /// The number of its last row within the plan.
    #[must_use]
    pub fn last(self, plan: i64) -> i64 {
        self.last - row_id(plan, 0)
    }

    /// After which row it begins, and its last one.
    pub(super) fn bounds(self) -> (i64, i64) {
        (self.after, self.last)
    }
}

/// The next rows of a plan after row `after`, `limit` at most; `None` at its end.
pub fn slice(conn: &Conn, plan: i64, after: i64, limit: usize) -> Result<Option<Slice>, StoreError> {
    let after = row_id(plan, after);
    let mut statement = conn.prepare_cached(
        "SELECT max(id) FROM (SELECT id FROM nomenclature_plan_rows WHERE id > :after AND id < :end
                              ORDER BY id LIMIT :limit)",
    )?;
    let last: Option<i64> = statement
        .query_row(named_params! { ":after": after, ":end": row_id(plan + 1, 0), ":limit": at_most(limit) }, |row| {
            row.get(0)
        })?;
    Ok(last.map(|last| Slice { after, last }))
}

/// Writes the new versions of a slice's goods and ends the old ones.
pub fn write(
    tx: &WriteTx<'_>,
    company: CompanyId,
    slice: Slice,
    version: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Made or changed: the values stand in the plan.
    tx.prepare_cached(
        "INSERT INTO nomenclature_goods (company_id, good, guid, since, name, name_folded, article, article_folded,
                                         group_path, group_folded, unit, price, vat, ean13, local, subject, archived,
                                         created_at, changed_at)
         SELECT :company, good, guid, :version, name, name_folded, article, article_folded, group_path, group_folded,
                unit, price, vat, ean13, local, subject, archived, ifnull(created_at, :now), :now
         FROM nomenclature_plan_rows WHERE id > :after AND id <= :last AND outcome IN (0, 1)
         ON CONFLICT (company_id, good, since) DO NOTHING",
    )?
    .execute(named_params! {
        ":company": company.0, ":version": version, ":now": now.as_micros(), ":after": slice.after, ":last": slice.last,
    })?;
    // Out of use, or as it was: the values are those of a version that is there.
    tx.prepare_cached(
        "INSERT INTO nomenclature_goods (company_id, good, guid, since, name, name_folded, article, article_folded,
                                         group_path, group_folded, unit, price, vat, ean13, local, subject, archived,
                                         created_at, changed_at)
         SELECT g.company_id, g.good, g.guid, :version, g.name, g.name_folded, g.article, g.article_folded, g.group_path,
                g.group_folded, g.unit, g.price, g.vat, g.ean13, g.local, g.subject,
                iif(p.outcome = 3, 1, g.archived), g.created_at, :now
         FROM nomenclature_plan_rows p JOIN nomenclature_goods g ON g.id = ifnull(p.from_id, p.old_id)
         WHERE p.id > :after AND p.id <= :last AND p.outcome IN (3, 5) AND g.company_id = :company
         ON CONFLICT (company_id, good, since) DO NOTHING",
    )?
    .execute(named_params! {
        ":company": company.0, ":version": version, ":now": now.as_micros(), ":after": slice.after, ":last": slice.last,
    })?;
    tx.prepare_cached(END_OLD)?.execute(named_params! {
        ":company": company.0, ":version": version, ":after": slice.after, ":last": slice.last,
    })?;
    finding::add_made(tx, company, slice, version)?;
    for Changed { good, old, new } in changed(tx, slice)? {
        let renamed = old.as_ref().map(|old| &old.name) != new.as_ref().map(|new| &new.name);
        if let Some(old) = &old {
            goods::end_codes(tx, company, good, (&old.ean13, &old.local), version)?;
            if renamed {
                finding::end_name(tx, company, good, &old.name, version)?;
            }
        }
        if let Some(new) = &new {
            goods::add_codes(tx, company, good, (&new.ean13, &new.local), version)?;
            if renamed {
                finding::add_name(tx, company, good, &new.name, version)?;
            }
        }
    }
    Ok(())
}

/// What a good is found by.
struct Found {
    name: String,
    ean13: String,
    local: String,
}

/// A good that is found by something else than before; no `old`: it is new, no `new`: it is gone.
struct Changed {
    good: i64,
    old: Option<Found>,
    new: Option<Found>,
}

/// The goods of a slice that are found by something else than before.
fn changed(conn: &Conn, slice: Slice) -> Result<Vec<Changed>, StoreError> {
    // The names of new goods are written all at once: they are here for their codes.
    let mut statement = conn.prepare_cached(
        "SELECT p.good, o.name_folded, o.ean13, o.local, ifnull(p.name_folded, f.name_folded),
                ifnull(p.ean13, f.ean13), ifnull(p.local, f.local)
         FROM nomenclature_plan_rows p
         LEFT JOIN nomenclature_goods o ON o.id = p.old_id
         LEFT JOIN nomenclature_goods f ON f.id = p.from_id
         WHERE p.id > :after AND p.id <= :last
               AND (p.codes_changed = 1 AND p.outcome IN (0, 1, 5, 6) OR p.name_changed = 1 AND p.outcome IN (1, 5, 6))",
    )?;
    let found = |row: &Row<'_>, first: usize| {
        let columns: (Option<String>, Option<String>, Option<String>) =
            (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
        let (Some(name), Some(ean13), Some(local)) = columns else { return Ok(None) };
        Ok::<_, rusqlite::Error>(Some(Found { name, ean13, local }))
    };
    let rows = statement.query_map(named_params! { ":after": slice.after, ":last": slice.last }, |row| {
        Ok(Changed { good: row.get(0)?, old: found(row, 1)?, new: found(row, 4)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes back what was written of a slice as a version that nobody ever read.
pub fn take_back(tx: &WriteTx<'_>, company: CompanyId, slice: Slice, version: i64) -> Result<(), StoreError> {
    for Changed { good, old, new } in changed(tx, slice)? {
        let (mut removed, mut kept) = (
            tx.prepare_cached(
                "DELETE FROM nomenclature_barcodes
                 WHERE company_id = ?1 AND kind = ?2 AND code = ?3 AND good = ?4 AND since = ?5",
            )?,
            tx.prepare_cached(
                "UPDATE nomenclature_barcodes SET until = ?6
                 WHERE company_id = ?1 AND kind = ?2 AND code = ?3 AND good = ?4 AND until = ?5",
            )?,
        );
        if let Some(new) = &new {
            for (kind, code) in goods::codes_of(&new.ean13, &new.local) {
                removed.execute((company.0, kind as i64, code, good, version))?;
            }
        }
        if let Some(old) = &old {
            for (kind, code) in goods::codes_of(&old.ean13, &old.local) {
                kept.execute((company.0, kind as i64, code, good, version, FOREVER))?;
            }
        }
        let names = (old.as_ref().map(|old| old.name.as_str()), new.as_ref().map(|new| new.name.as_str()));
        finding::take_back_name(tx, company, good, names, version)?;
    }
    finding::remove_made(tx, company, slice, version)?;
    tx.prepare_cached(
        "DELETE FROM nomenclature_goods
         WHERE company_id = :company AND since = :version
           AND good IN (SELECT good FROM nomenclature_plan_rows WHERE id > :after AND id <= :last)",
    )?
    .execute(named_params! {
        ":company": company.0, ":version": version, ":after": slice.after, ":last": slice.last,
    })?;
    tx.prepare_cached(REVIVE_OLD)?.execute(named_params! {
        ":company": company.0, ":version": version, ":forever": FOREVER, ":after": slice.after, ":last": slice.last,
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{END_OLD, REVIVE_OLD};
    use crate::store::MIGRATIONS;

    #[test]
    fn a_slice_finds_the_versions_it_follows_by_their_rows() {
        let conn = Connection::open_in_memory().expect("a database");
        for migration in MIGRATIONS {
            conn.execute_batch(migration.sql).expect("the migration");
        }
        for statement in [END_OLD, REVIVE_OLD] {
            let mut explain = conn.prepare(&["EXPLAIN QUERY PLAN ", statement].concat()).expect("a statement");
            // Parameters stay NULL: the plan does not depend on them.
            let (mut steps, mut plan) = (explain.raw_query(), String::new());
            while let Some(step) = steps.next().expect("a plan") {
                plan += &step.get::<_, String>(3).expect("a step");
                plan.push('\n');
            }
            assert!(plan.contains("SEARCH nomenclature_goods USING INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
            assert!(!plan.contains("SCAN"), "{plan}");
        }
    }
}
