//! Statements on what signs people and machines in, for a person who looks a restored database over.

use rusqlite::{Connection, named_params};

use crate::auth::revived::{PasswordRow, TokenRow};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// Every API token that has not expired, oldest first.
pub fn tokens(conn: &Connection, now: Timestamp) -> Result<Vec<TokenRow>, StoreError> {
    Ok(conn
        .prepare(
            "SELECT t.guid, t.name, t.hint, u.username, t.granted FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.expires_at IS NULL OR t.expires_at > :now ORDER BY t.id",
        )?
        .query_map(named_params! { ":now": now.as_micros() }, |row| {
            Ok(TokenRow {
                id: row.get(0)?,
                name: row.get(1)?,
                hint: row.get(2)?,
                username: row.get(3)?,
                granted: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Every enabled user who has a password, by name.
pub fn passwords(conn: &Connection) -> Result<Vec<PasswordRow>, StoreError> {
    Ok(conn
        .prepare(
            "SELECT u.guid, u.username, c.key, u.password_hash FROM users u JOIN companies c ON c.id = u.company_id
             WHERE u.password_hash IS NOT NULL AND u.enabled = 1 AND c.enabled = 1 ORDER BY u.username_folded",
        )?
        .query_map([], |row| {
            Ok(PasswordRow { id: row.get(0)?, username: row.get(1)?, company: row.get(2)?, hash: row.get(3)? })
        })?
        .collect::<Result<_, _>>()?)
}
