//! Statements that look for rows which contradict each other.

use rusqlite::Connection;

use crate::store::StoreError;

/// The number of enabled operators in enabled companies.
pub fn operators(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(
        "SELECT count(*) FROM users u JOIN companies c ON c.id = u.company_id
         WHERE u.operator = 1 AND u.enabled = 1 AND c.enabled = 1",
        [],
        |row| row.get(0),
    )?)
}

/// The same who have a password.
pub fn operators_with_password(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.query_row(
        "SELECT count(*) FROM users u JOIN companies c ON c.id = u.company_id
         WHERE u.operator = 1 AND u.enabled = 1 AND c.enabled = 1 AND u.password_hash IS NOT NULL",
        [],
        |row| row.get(0),
    )?)
}

/// Names of users whose stored password is no Argon2id hash.
pub fn unreadable_passwords(conn: &Connection) -> Result<Vec<String>, StoreError> {
    Ok(conn
        .prepare(
            "SELECT username FROM users WHERE password_hash IS NOT NULL AND password_hash NOT GLOB '$argon2id$v=19$*'
             ORDER BY username_folded LIMIT 100",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Ids of API tokens whose company is not their owner's.
pub fn strayed_tokens(conn: &Connection) -> Result<Vec<String>, StoreError> {
    Ok(conn
        .prepare(
            "SELECT t.guid FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.company_id <> u.company_id
             ORDER BY t.id LIMIT 100",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}
