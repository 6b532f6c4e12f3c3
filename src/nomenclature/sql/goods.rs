//! Statements on `nomenclature_goods` and `nomenclature_barcodes` that read, and those of a change by hand. A catalogue is
//! read at a version: what was made by then and not followed by then.

use rusqlite::{CachedStatement, OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::plans::row_id;
use super::{FOREVER, at_most, finding, guid, instant, unreadable};
use crate::auth::model::CompanyId;
use crate::nomenclature::barcodes;
use crate::nomenclature::model::{Good, Subject, Values, Vat};
use crate::nomenclature::money::Price;
use crate::nomenclature::text::fold;
use crate::store::{Conn, StoreError, WriteTx};

/// Of a good's row, the columns in the order of [`good`].
fn good(row: &Row<'_>) -> rusqlite::Result<Good> {
    Ok(Good {
        id: row.get(0)?,
        good: row.get(1)?,
        guid: guid(row, 2)?,
        since: row.get(3)?,
        values: Values {
            name: row.get(4)?,
            article: row.get(5)?,
            group: row.get(6)?,
            unit: row.get(7)?,
            price: row
                .get::<_, Option<i64>>(8)?
                .map(|minor| Price::of_minor(minor).map_err(|_| unreadable(8, "no price")))
                .transpose()?,
            vat: row
                .get::<_, Option<i64>>(9)?
                .map(|rate| Vat::of_number(rate).ok_or_else(|| unreadable(9, "no rate")))
                .transpose()?,
            ean13: row.get(10)?,
            local: row.get(11)?,
            subject: if row.get(12)? { Subject::Service } else { Subject::Product },
            archived: row.get(13)?,
        },
        created_at: instant(row, 14)?,
        changed_at: instant(row, 15)?,
    })
}

/// Looks up versions of goods by their rows, one after the other.
pub struct Versions<'c>(CachedStatement<'c>);

impl<'c> Versions<'c> {
    /// Ready to look.
    pub fn new(conn: &'c Conn) -> Result<Self, StoreError> {
        Ok(Self(conn.prepare_cached(
            "SELECT id, good, guid, since, name, article, group_path, unit, price, vat, ean13, local, subject, archived,
                    created_at, changed_at
             FROM nomenclature_goods WHERE id = ?1",
        )?))
    }

    /// The version of a good in a row.
    pub fn get(&mut self, id: i64) -> Result<Option<Good>, StoreError> {
        Ok(self.0.query_row([id], good).optional()?)
    }
}

/// A version of a good by its row.
pub fn version(conn: &Conn, id: i64) -> Result<Option<Good>, StoreError> {
    Versions::new(conn)?.get(id)
}

/// A good by its public id, as it is at a version of the catalogue.
pub fn find(conn: &Conn, company: CompanyId, id: Uuid, version: i64) -> Result<Option<Good>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT g.id, g.good, g.guid, g.since, g.name, g.article, g.group_path, g.unit, g.price, g.vat, g.ean13,
                g.local, g.subject, g.archived, g.created_at, g.changed_at
         FROM nomenclature_ids i JOIN nomenclature_goods g ON g.id = (
             SELECT id FROM nomenclature_goods
             WHERE company_id = i.company_id AND good = i.good AND since <= :version ORDER BY since DESC LIMIT 1)
         WHERE i.company_id = :company AND i.guid = :guid AND g.until > :version",
    )?;
    let found =
        statement.query_row(named_params! { ":company": company.0, ":guid": id.as_bytes(), ":version": version }, good);
    Ok(found.optional()?)
}

/// A good, as it is at a version of the catalogue.
pub fn at(conn: &Conn, company: CompanyId, number: i64, version: i64) -> Result<Option<Good>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, good, guid, since, name, article, group_path, unit, price, vat, ean13, local, subject, archived,
                created_at, changed_at
         FROM nomenclature_goods
         WHERE id = (SELECT id FROM nomenclature_goods
                     WHERE company_id = :company AND good = :good AND since <= :version ORDER BY since DESC LIMIT 1)
               AND until > :version",
    )?;
    let found =
        statement.query_row(named_params! { ":company": company.0, ":good": number, ":version": version }, good);
    Ok(found.optional()?)
}

/// Which goods to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Folded text that is in the name or the article, or a barcode as it is.
    pub search: Option<(String, String)>,
    /// A folded group, with its subgroups.
    pub group: Option<String>,
    /// In use or not.
    pub archived: Option<bool>,
}

/// The statement of [`list`] without search and group. Names come in their order, and to each the version of its good that
/// stands.
const LIST: &str = "
    SELECT g.id, g.good, g.guid, g.since, g.name, g.article, g.group_path, g.unit, g.price, g.vat, g.ean13, g.local,
           g.subject, g.archived, g.created_at, g.changed_at
    FROM nomenclature_names n CROSS JOIN nomenclature_goods g ON g.id = (
        SELECT id FROM nomenclature_goods
        WHERE company_id = n.company_id AND good = n.good AND since <= :version ORDER BY since DESC LIMIT 1)
    WHERE n.company_id = :company AND (n.name_folded, n.good) > (:name, :good)
          AND n.since <= :version AND n.until > :version AND g.until > :version
          AND g.archived IN (:archived, :or_archived)
    ORDER BY n.name_folded, n.good LIMIT :limit";

/// The statement of [`list`] with them.
const SEARCH: &str = "
    SELECT g.id, g.good, g.guid, g.since, g.name, g.article, g.group_path, g.unit, g.price, g.vat, g.ean13, g.local,
           g.subject, g.archived, g.created_at, g.changed_at
    FROM nomenclature_names n CROSS JOIN nomenclature_goods g ON g.id = (
        SELECT id FROM nomenclature_goods
        WHERE company_id = n.company_id AND good = n.good AND since <= :version ORDER BY since DESC LIMIT 1)
    WHERE n.company_id = :company AND (n.name_folded, n.good) > (:name, :good)
          AND n.since <= :version AND n.until > :version AND g.until > :version
          AND g.archived IN (:archived, :or_archived)
          AND (:group IS NULL OR g.group_folded = :group
               OR substr(g.group_folded, 1, length(:group) + 1) = :group || '/')
          AND (:search IS NULL OR instr(g.name_folded, :search) > 0 OR instr(g.article_folded, :search) > 0
               OR instr(',' || g.ean13 || ',', ',' || :code || ',') > 0
               OR instr(',' || g.local || ',', ',' || :code || ',') > 0)
    ORDER BY n.name_folded, n.good LIMIT :limit";

/// Up to `limit` goods of a catalogue by name, after the one with this folded name and number.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    version: i64,
    filter: &Filter,
    after: (&str, i64),
    limit: usize,
) -> Result<Vec<Good>, StoreError> {
    let (archived, or_archived) = filter.archived.map_or((0, 1), |archived| (i64::from(archived), i64::from(archived)));
    if filter.search.is_none() && filter.group.is_none() {
        let mut statement = conn.prepare_cached(LIST)?;
        let rows = statement.query_map(
            named_params! {
                ":company": company.0, ":version": version, ":name": after.0, ":good": after.1,
                ":archived": archived, ":or_archived": or_archived, ":limit": at_most(limit),
            },
            good,
        )?;
        return Ok(rows.collect::<Result<_, _>>()?);
    }
    let mut statement = conn.prepare_cached(SEARCH)?;
    let rows = statement.query_map(
        named_params! {
            ":company": company.0, ":version": version, ":name": after.0, ":good": after.1,
            ":archived": archived, ":or_archived": or_archived, ":limit": at_most(limit),
            ":group": filter.group, ":search": filter.search.as_ref().map(|(folded, _)| folded),
            ":code": filter.search.as_ref().map(|(_, code)| code),
        },
        good,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many goods of a catalogue pass a filter.
pub fn count(conn: &Conn, company: CompanyId, version: i64, filter: &Filter) -> Result<i64, StoreError> {
    let (archived, or_archived) = filter.archived.map_or((0, 1), |archived| (i64::from(archived), i64::from(archived)));
    let mut statement = conn.prepare_cached(
        "SELECT count(*) FROM nomenclature_goods
         WHERE company_id = :company AND since <= :version AND until > :version
               AND archived IN (:archived, :or_archived)
               AND (:group IS NULL OR group_folded = :group
                    OR substr(group_folded, 1, length(:group) + 1) = :group || '/')
               AND (:search IS NULL OR instr(name_folded, :search) > 0 OR instr(article_folded, :search) > 0
                    OR instr(',' || ean13 || ',', ',' || :code || ',') > 0
                    OR instr(',' || local || ',', ',' || :code || ',') > 0)",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":company": company.0, ":version": version, ":archived": archived, ":or_archived": or_archived,
            ":group": filter.group, ":search": filter.search.as_ref().map(|(folded, _)| folded),
            ":code": filter.search.as_ref().map(|(_, code)| code),
        },
        |row| row.get(0),
    )?)
}

/// The groups of a catalogue, and how many goods in use each has.
pub fn groups(conn: &Conn, company: CompanyId, version: i64, limit: usize) -> Result<Vec<(String, i64)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT min(group_path), count(*) FROM nomenclature_goods
         WHERE company_id = :company AND since <= :version AND until > :version AND archived = 0
               AND group_folded IS NOT NULL
         GROUP BY group_folded ORDER BY group_folded LIMIT :limit",
    )?;
    let rows = statement
        .query_map(named_params! { ":company": company.0, ":version": version, ":limit": at_most(limit) }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What of a good rows are matched by: its row, its number, whether it is archived, its folded name and its codes.
pub type Keys<'r> = (i64, i64, bool, &'r str, &'r str, &'r str);

/// Hands the keys of every good of a catalogue to `take`.
pub fn each_key(
    conn: &Conn,
    company: CompanyId,
    version: i64,
    mut take: impl FnMut(Keys<'_>),
) -> Result<(), StoreError> {
    // Goods stand in this index nearly in the order of their rows; by name they would be read in leaps. The latest version
    // of each is found in the index alone.
    let mut statement = conn.prepare_cached(
        "SELECT g.id, g.good, g.archived, g.name_folded, g.ean13, g.local
         FROM (SELECT id, max(since) FROM nomenclature_goods INDEXED BY nomenclature_goods_by_good
               WHERE company_id = :company AND since <= :version GROUP BY good) latest
         CROSS JOIN nomenclature_goods g ON g.id = latest.id
         WHERE g.until > :version",
    )?;
    let mut rows = statement.query(named_params! { ":company": company.0, ":version": version })?;
    while let Some(row) = rows.next()? {
        let text = |column| Ok::<_, StoreError>(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?);
        take((row.get(0)?, row.get(1)?, row.get(2)?, text(3)?, text(4)?, text(5)?));
    }
    Ok(())
}

/// A good in use, other than `but`, that has a barcode at a version of the catalogue.
pub fn holder(
    conn: &Conn,
    company: CompanyId,
    kind: CodeKind,
    code: &str,
    but: i64,
    version: i64,
) -> Result<Option<Good>, StoreError> {
    // Relies on the primary key of nomenclature_barcodes.
    let mut statement = conn.prepare_cached(
        "SELECT g.id, g.good, g.guid, g.since, g.name, g.article, g.group_path, g.unit, g.price, g.vat, g.ean13,
                g.local, g.subject, g.archived, g.created_at, g.changed_at
         FROM nomenclature_barcodes b JOIN nomenclature_goods g ON g.company_id = b.company_id AND g.good = b.good
         WHERE b.company_id = :company AND b.kind = :kind AND b.code = :code AND b.good <> :but
               AND b.since <= :version AND b.until > :version
               AND g.since <= :version AND g.until > :version AND g.archived = 0 LIMIT 1",
    )?;
    let found = statement.query_row(
        named_params! {
            ":company": company.0, ":kind": kind as i64, ":code": code, ":but": but, ":version": version,
        },
        good,
    );
    Ok(found.optional()?)
}

/// The kinds of barcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// EAN-13.
    Ean13 = 0,
    /// Local codes.
    Local = 1,
}

/// The codes of a good, each with its kind.
pub fn codes_of<'c>(ean13: &'c str, local: &'c str) -> impl Iterator<Item = (CodeKind, &'c str)> {
    let ean13 = barcodes::stored(ean13).map(|code| (CodeKind::Ean13, code));
    ean13.chain(barcodes::stored(local).map(|code| (CodeKind::Local, code)))
}

/// Has what follows a version of a good begin with a version of the catalogue.
pub fn end(tx: &WriteTx<'_>, id: i64, version: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE nomenclature_goods SET until = :version WHERE id = :id AND until = :forever")?
        .execute(named_params! { ":id": id, ":version": version, ":forever": FOREVER })?;
    Ok(())
}

/// Adds a version of a good, but for what it is found by.
pub fn insert(tx: &WriteTx<'_>, company: CompanyId, good: &Good) -> Result<(), StoreError> {
    let values = &good.values;
    tx.prepare_cached(
        "INSERT INTO nomenclature_goods (company_id, good, guid, since, name, name_folded, article, article_folded,
                                         group_path, group_folded, unit, price, vat, ean13, local, subject, archived,
                                         created_at, changed_at)
         VALUES (:company, :good, :guid, :since, :name, :name_folded, :article, :article_folded, :group_path,
                 :group_folded, :unit, :price, :vat, :ean13, :local, :subject, :archived, :created_at, :changed_at)",
    )?
    .execute(named_params! {
        ":company": company.0,
        ":good": good.good,
        ":guid": good.guid.as_bytes(),
        ":since": good.since,
        ":name": values.name,
        ":name_folded": fold(&values.name),
        ":article": values.article,
        ":article_folded": values.article.as_deref().map(fold),
        ":group_path": values.group,
        ":group_folded": values.group.as_deref().map(fold),
        ":unit": values.unit,
        ":price": values.price.map(Price::minor),
        ":vat": values.vat.map(Vat::number),
        ":ean13": values.ean13,
        ":local": values.local,
        ":subject": values.subject == Subject::Service,
        ":archived": values.archived,
        ":created_at": good.created_at.as_micros(),
        ":changed_at": good.changed_at.as_micros(),
    })?;
    Ok(())
}

/// Ends that a good has these codes.
pub fn end_codes(
    tx: &WriteTx<'_>,
    company: CompanyId,
    good: i64,
    codes: (&str, &str),
    version: i64,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE nomenclature_barcodes SET until = ?1
         WHERE company_id = ?2 AND kind = ?3 AND code = ?4 AND good = ?5 AND since < ?1 AND until = ?6",
    )?;
    for (kind, code) in codes_of(codes.0, codes.1) {
        statement.execute((version, company.0, kind as i64, code, good, FOREVER))?;
    }
    Ok(())
}

/// Has a good have these codes from a version on. Said twice, it is so once.
pub fn add_codes(
    tx: &WriteTx<'_>,
    company: CompanyId,
    good: i64,
    codes: (&str, &str),
    version: i64,
) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO nomenclature_barcodes (company_id, kind, code, good, since) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?;
    for (kind, code) in codes_of(codes.0, codes.1) {
        statement.execute((company.0, kind as i64, code, good, version))?;
    }
    Ok(())
}

/// A number for a good that no plan makes: below those of every plan's rows.
pub fn unplanned(conn: &Conn, company: CompanyId) -> Result<i64, StoreError> {
    // Relies on nomenclature_goods_by_good.
    Ok(conn
        .prepare_cached("SELECT ifnull(max(good), 0) + 1 FROM nomenclature_goods WHERE company_id = ?1 AND good < ?2")?
        .query_row((company.0, row_id(1, 0)), |row| row.get(0))?)
}

/// The highest row of a good there is.
pub fn last(conn: &Conn) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached("SELECT ifnull(max(id), 0) FROM nomenclature_goods")?.query_row([], |row| row.get(0))?)
}

/// Of the `limit` rows after `after`, removes the versions of a company's goods that were followed before `horizon`, with
/// what they were found by; the last of these rows.
pub fn forget_slice(
    tx: &WriteTx<'_>,
    company: CompanyId,
    horizon: i64,
    after: i64,
    limit: usize,
) -> Result<i64, StoreError> {
    let last: i64 = tx
        .prepare_cached(
            "SELECT ifnull(max(id), :after) FROM (SELECT id FROM nomenclature_goods WHERE id > :after
                                                  ORDER BY id LIMIT :limit)",
        )?
        .query_row(named_params! { ":after": after, ":limit": at_most(limit) }, |row| row.get(0))?;
    // The plus keeps the engine from looking through the whole company, slice after slice.
    let mut statement = tx.prepare_cached(
        "DELETE FROM nomenclature_goods
         WHERE id > :after AND id <= :last AND +company_id = :company AND until < :horizon
         RETURNING good, ean13, local, guid, name_folded",
    )?;
    let gone = statement
        .query_map(
            named_params! { ":after": after, ":last": last, ":company": company.0, ":horizon": horizon },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, guid(row, 3)?, row.get(4)?)),
        )?
        .collect::<Result<Vec<(i64, String, String, Uuid, String)>, _>>()?;
    let mut forget = tx.prepare_cached(
        "DELETE FROM nomenclature_barcodes
         WHERE company_id = ?1 AND kind = ?2 AND code = ?3 AND good = ?4 AND until < ?5",
    )?;
    for (good, ean13, local, guid, folded) in &gone {
        for (kind, code) in codes_of(ean13, local) {
            forget.execute((company.0, kind as i64, code, *good, horizon))?;
        }
        finding::forget(tx, company, *good, *guid, folded, horizon)?;
    }
    Ok(last)
}

/// What contradicts itself among the goods, one sentence each: counts that are wrong, codes that two goods in use have,
/// goods that nothing finds.
pub fn contradictions(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT c.company_id FROM nomenclature_catalogues c
         WHERE c.pending_plan IS NULL
           AND (c.live, c.archived) <>
               (SELECT ifnull(sum(g.archived = 0), 0), ifnull(sum(g.archived), 0) FROM nomenclature_goods g
                WHERE g.company_id = c.company_id AND g.since <= c.version AND g.until > c.version)",
    )?;
    let miscounted = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut statement = conn.prepare(
        "SELECT b.company_id, b.code FROM nomenclature_barcodes b
         JOIN nomenclature_catalogues c ON c.company_id = b.company_id
         JOIN nomenclature_goods g ON g.company_id = b.company_id AND g.good = b.good AND g.since <= c.version AND g.until > c.version
         WHERE b.since <= c.version AND b.until > c.version AND g.archived = 0
         GROUP BY b.company_id, b.kind, b.code HAVING count(*) > 1",
    )?;
    let shared = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut statement = conn.prepare(
        "SELECT g.company_id, count(*) FROM nomenclature_goods g
         JOIN nomenclature_catalogues c ON c.company_id = g.company_id AND g.since <= c.version AND g.until > c.version
         WHERE NOT EXISTS (SELECT 1 FROM nomenclature_names n
                           WHERE n.company_id = g.company_id AND n.name_folded = g.name_folded AND n.good = g.good
                                 AND n.since <= c.version AND n.until > c.version)
               OR NOT EXISTS (SELECT 1 FROM nomenclature_ids i
                              WHERE i.company_id = g.company_id AND i.guid = g.guid AND i.good = g.good)
         GROUP BY g.company_id",
    )?;
    let lost = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let lost = lost.into_iter().map(|(company, count)| {
        format!("nomenclature: {count} goods of company {company} are not found by their name or their id")
    });
    let mut statement = conn.prepare(
        "SELECT n.company_id, count(*) FROM nomenclature_names n
         JOIN nomenclature_catalogues c ON c.company_id = n.company_id AND n.since <= c.version AND n.until > c.version
         WHERE NOT EXISTS (SELECT 1 FROM nomenclature_goods g
                           WHERE g.company_id = n.company_id AND g.good = n.good AND g.name_folded = n.name_folded
                                 AND g.since <= c.version AND g.until > c.version)
         GROUP BY n.company_id",
    )?;
    let stale = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let stale = stale.into_iter().map(|(company, count)| {
        format!("nomenclature: {count} names of company {company} are of goods that have another")
    });
    let miscounted =
        miscounted.into_iter().map(|company| format!("nomenclature: the goods of company {company} are miscounted"));
    let shared = shared
        .into_iter()
        .map(|(company, code)| format!("nomenclature: two goods of company {company} have the barcode {code}"));
    Ok(miscounted.chain(shared).chain(lost).chain(stale).collect())
}
