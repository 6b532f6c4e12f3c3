//! Statements on `nomenclature_names` and `nomenclature_ids`: what goods are found by, apart from their versions. Each may
//! be repeated.

use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::FOREVER;
use super::writing::Slice;
use crate::auth::model::CompanyId;
use crate::store::{Conn, StoreError, WriteTx};

/// Has the goods that a slice of a plan makes be found from a version on.
pub fn add_made(tx: &WriteTx<'_>, company: CompanyId, slice: Slice, version: i64) -> Result<(), StoreError> {
    let (after, last) = slice.bounds();
    tx.prepare_cached(
        "INSERT INTO nomenclature_names (company_id, name_folded, good, since)
         SELECT :company, name_folded, good, :version FROM nomenclature_plan_rows
         WHERE id > :after AND id <= :last AND outcome = 0
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! { ":company": company.0, ":version": version, ":after": after, ":last": last })?;
    tx.prepare_cached(
        "INSERT INTO nomenclature_ids (company_id, guid, good)
         SELECT :company, guid, good FROM nomenclature_plan_rows
         WHERE id > :after AND id <= :last AND outcome = 0
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! { ":company": company.0, ":after": after, ":last": last })?;
    Ok(())
}

/// Takes that back.
pub fn remove_made(tx: &WriteTx<'_>, company: CompanyId, slice: Slice, version: i64) -> Result<(), StoreError> {
    let (after, last) = slice.bounds();
    tx.prepare_cached(
        "DELETE FROM nomenclature_names
         WHERE (company_id, name_folded, good, since) IN (
             SELECT :company, name_folded, good, :version FROM nomenclature_plan_rows
             WHERE id > :after AND id <= :last AND outcome = 0)",
    )?
    .execute(named_params! { ":company": company.0, ":version": version, ":after": after, ":last": last })?;
    tx.prepare_cached(
        "DELETE FROM nomenclature_ids
         WHERE (company_id, guid) IN (
             SELECT :company, guid FROM nomenclature_plan_rows WHERE id > :after AND id <= :last AND outcome = 0)",
    )?
    .execute(named_params! { ":company": company.0, ":after": after, ":last": last })?;
    Ok(())
}

/// The number of the good that a public id names.
pub fn number(conn: &Conn, company: CompanyId, guid: Uuid) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT good FROM nomenclature_ids WHERE company_id = ?1 AND guid = ?2")?
        .query_row((company.0, guid.as_bytes()), |row| row.get(0))
        .optional()?)
}

/// Has a good be found by a public id.
pub fn add_id(tx: &WriteTx<'_>, company: CompanyId, guid: Uuid, good: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO nomenclature_ids (company_id, guid, good) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET good = excluded.good",
    )?
    .execute((company.0, guid.as_bytes(), good))?;
    Ok(())
}

/// Ends that a good has a name.
pub fn end_name(tx: &WriteTx<'_>, company: CompanyId, good: i64, folded: &str, version: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE nomenclature_names SET until = ?1
         WHERE company_id = ?2 AND name_folded = ?3 AND good = ?4 AND since < ?1 AND until = ?5",
    )?
    .execute((version, company.0, folded, good, FOREVER))?;
    Ok(())
}

/// Has a good have a name from a version on. Said twice, it is so once.
pub fn add_name(tx: &WriteTx<'_>, company: CompanyId, good: i64, folded: &str, version: i64) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO nomenclature_names (company_id, name_folded, good, since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?
    .execute((company.0, folded, good, version))?;
    Ok(())
}

/// Takes back that a good has one name and no longer another from a version on.
pub fn take_back_name(
    tx: &WriteTx<'_>,
    company: CompanyId,
    good: i64,
    (old, new): (Option<&str>, Option<&str>),
    version: i64,
) -> Result<(), StoreError> {
    if let Some(new) = new {
        tx.prepare_cached(
            "DELETE FROM nomenclature_names WHERE company_id = ?1 AND name_folded = ?2 AND good = ?3 AND since = ?4",
        )?
        .execute((company.0, new, good, version))?;
    }
    if let Some(old) = old {
        tx.prepare_cached(
            "UPDATE nomenclature_names SET until = ?5
             WHERE company_id = ?1 AND name_folded = ?2 AND good = ?3 AND until = ?4",
        )?
        .execute((company.0, old, good, version, FOREVER))?;
    }
    Ok(())
}

/// Forgets what a version of a good that is gone was found by, if nothing else is.
pub fn forget(
    tx: &WriteTx<'_>,
    company: CompanyId,
    good: i64,
    guid: Uuid,
    folded: &str,
    horizon: i64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "DELETE FROM nomenclature_names
         WHERE company_id = ?1 AND name_folded = ?2 AND good = ?3 AND until < ?4",
    )?
    .execute((company.0, folded, good, horizon))?;
    tx.prepare_cached(
        "DELETE FROM nomenclature_ids
         WHERE company_id = ?1 AND guid = ?2 AND good = ?3
               AND NOT EXISTS (SELECT 1 FROM nomenclature_goods WHERE company_id = ?1 AND good = ?3)",
    )?
    .execute((company.0, guid.as_bytes(), good))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::nomenclature::sql::goods::{self, Filter};
    use crate::store::MIGRATIONS;

    /// What a catalogue of the format before had, among it a good that was renamed and one that is gone.
    const BEFORE: &str = "
        INSERT INTO companies (id, guid, key, key_folded, name, created_at)
        VALUES (7, 'g', 'seven', 'seven', 'Seven', 0);
        INSERT INTO nomenclature_catalogues (company_id, version, live) VALUES (7, 3, 2);
        INSERT INTO nomenclature_goods (company_id, good, guid, since, until, name, name_folded, subject, archived,
                                        created_at, changed_at)
        VALUES (7, 1, x'00000000000000000000000000000001', 1, 2, 'Milk', 'milk', 0, 0, 0, 0),
               (7, 1, x'00000000000000000000000000000001', 2, 9223372036854775807, 'Bread', 'bread', 0, 0, 0, 1),
               (7, 2, x'00000000000000000000000000000002', 1, 3, 'Salt', 'salt', 0, 0, 0, 0),
               (7, 2, x'00000000000000000000000000000002', 3, 9223372036854775807, 'Salt', 'salt', 0, 0, 0, 1),
               (7, 3, x'00000000000000000000000000000003', 1, 3, 'Gone', 'gone', 0, 0, 0, 0);";

    #[test]
    fn goods_of_the_format_before_are_found_by_name_and_id_at_every_version() {
        let conn = Connection::open_in_memory().expect("a database");
        // As a migration is done.
        conn.pragma_update(None, "foreign_keys", false).expect("a setting");
        for migration in MIGRATIONS {
            if migration.number == 10 {
                conn.execute_batch(BEFORE).expect("goods");
            }
            conn.execute_batch(migration.sql).expect("the migration");
        }
        let company = CompanyId(7);
        let listed = |version| {
            let goods = goods::list(&conn, company, version, &Filter::default(), ("", 0), 10).expect("goods");
            goods.into_iter().map(|good| good.values.name).collect::<Vec<_>>()
        };
        assert_eq!(listed(3), ["Bread", "Salt"]);
        assert_eq!(listed(2), ["Bread", "Gone", "Salt"]);
        assert_eq!(listed(1), ["Gone", "Milk", "Salt"]);
        let found = |id: u128, version| {
            let good = goods::find(&conn, company, Uuid::from_u128(id), version).expect("a good");
            good.map(|good| good.values.name)
        };
        assert_eq!((found(1, 1), found(1, 3)), (Some("Milk".into()), Some("Bread".into())));
        assert_eq!((found(3, 2), found(3, 3)), (Some("Gone".into()), None));
        let mut keys = Vec::new();
        goods::each_key(&conn, company, 3, |key| keys.push(key.3.to_owned())).expect("keys");
        assert_eq!(keys, ["bread", "salt"]);
        assert_eq!(goods::contradictions(&conn).expect("a look"), Vec::<String>::new());
        conn.execute("DELETE FROM nomenclature_names WHERE name_folded = 'salt'", []).expect("a loss");
        assert_eq!(
            goods::contradictions(&conn).expect("a look"),
            ["nomenclature: 1 goods of company 7 are not found by their name or their id"]
        );
        conn.execute("INSERT INTO nomenclature_names VALUES (7, 'salt', 2, 3, ?1), (7, 'soap', 2, 3, ?1)", [FOREVER])
            .expect("a name too many");
        assert_eq!(
            goods::contradictions(&conn).expect("a look"),
            ["nomenclature: 1 names of company 7 are of goods that have another"]
        );
    }
}
