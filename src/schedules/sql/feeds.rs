//! Statements on `calendar_feeds`.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, named_params};
use uuid::Uuid;

use super::at_most;
use crate::auth::model::{CompanyId, PartyId, UserId};
use crate::clock::Timestamp;
use crate::schedules::model::{Feed, FeedOf, ScheduleId};
use crate::store::{Conn, StoreError, WriteTx};

fn feed(row: &Row<'_>) -> rusqlite::Result<Feed> {
    let guid: String = row.get(1)?;
    let unreadable = |why: String| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, why.into());
    let of = match (row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?) {
        (Some(schedule), _) => FeedOf::Schedule(ScheduleId(schedule)),
        (None, Some(distributor)) => FeedOf::Distributor(PartyId(distributor)),
        (None, None) => return Err(unreadable("a feed shows something".to_owned())),
    };
    Ok(Feed {
        row: row.get(0)?,
        guid: Uuid::parse_str(&guid).map_err(|error| unreadable(error.to_string()))?,
        of,
        name: row.get(4)?,
        hint: row.get(5)?,
        user: row.get::<_, Option<i64>>(6)?.map(UserId),
        created_at: Timestamp::from_micros(row.get(7)?),
    })
}

/// Adds a feed by the hash of its secret.
pub fn insert(tx: &WriteTx<'_>, company: CompanyId, feed: &Feed, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
    let (schedule, distributor) = match feed.of {
        FeedOf::Schedule(id) => (Some(id.0), None),
        FeedOf::Distributor(id) => (None, Some(id.0)),
    };
    tx.prepare_cached(
        "INSERT INTO calendar_feeds (guid, company_id, user_id, schedule_id, distributor_id, name, hint, secret_hash,
                                     created_at)
         VALUES (:guid, :company, :user, :schedule, :distributor, :name, :hint, :secret_hash, :now)",
    )?
    .execute(named_params! {
        ":guid": feed.guid.to_string(),
        ":company": company.0,
        ":user": feed.user.map(|user| user.0),
        ":schedule": schedule,
        ":distributor": distributor,
        ":name": feed.name,
        ":hint": feed.hint,
        ":secret_hash": secret_hash.as_slice(),
        ":now": feed.created_at.as_micros(),
    })?;
    Ok(())
}

/// One feed of a company.
pub fn find(conn: &Conn, company: CompanyId, id: Uuid) -> Result<Option<Feed>, StoreError> {
    // Relies on the unique index on guid.
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, schedule_id, distributor_id, name, hint, user_id, created_at FROM calendar_feeds
             WHERE guid = :guid AND company_id = :company",
        )?
        .query_row(named_params! { ":guid": id.to_string(), ":company": company.0 }, feed)
        .optional()?)
}

/// The feed with this secret and its company, if that is enabled.
pub fn find_by_secret(conn: &Conn, secret_hash: &[u8; 32]) -> Result<Option<(CompanyId, Feed)>, StoreError> {
    // Relies on the unique index on secret_hash.
    Ok(conn
        .prepare_cached(
            "SELECT f.id, f.guid, f.schedule_id, f.distributor_id, f.name, f.hint, f.user_id, f.created_at, f.company_id
             FROM calendar_feeds f JOIN companies c ON c.id = f.company_id
             WHERE f.secret_hash = :secret_hash AND c.enabled = 1",
        )?
        .query_row(named_params! { ":secret_hash": secret_hash.as_slice() }, |row| {
            Ok((CompanyId(row.get(8)?), feed(row)?))
        })
        .optional()?)
}

/// Up to `limit` feeds of a company after row key `after`, oldest first; of one user only, if given.
pub fn list(
    conn: &Conn,
    company: CompanyId,
    user: Option<UserId>,
    after: i64,
    limit: usize,
) -> Result<Vec<Feed>, StoreError> {
    // Relies on calendar_feeds_by_company.
    Ok(conn
        .prepare_cached(
            "SELECT id, guid, schedule_id, distributor_id, name, hint, user_id, created_at FROM calendar_feeds
             WHERE company_id = :company AND id > :after AND (:user IS NULL OR user_id = :user)
             ORDER BY id LIMIT :limit",
        )?
        .query_map(
            named_params! {
                ":company": company.0, ":after": after, ":user": user.map(|user| user.0), ":limit": at_most(limit),
            },
            feed,
        )?
        .collect::<Result<_, _>>()?)
}

/// How many feeds a company has.
pub fn count(conn: &Conn, company: CompanyId) -> Result<i64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM calendar_feeds WHERE company_id = :company")?
        .query_row(named_params! { ":company": company.0 }, |row| row.get(0))?)
}

/// Removes a feed: its address no longer leads anywhere.
pub fn delete(tx: &WriteTx<'_>, company: CompanyId, id: Uuid) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM calendar_feeds WHERE guid = :guid AND company_id = :company")?
        .execute(named_params! { ":guid": id.to_string(), ":company": company.0 })?;
    Ok(())
}
