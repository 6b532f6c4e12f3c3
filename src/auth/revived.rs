//! What a restored database lets in again: API tokens and passwords as they were when the backup was taken, held against
//! those of the database that it replaces. Sessions and JWTs end.
//!
//! Must not know: files, HTTP, any domain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::sql;
use super::{AuthError, jwt, rotate_jwt_key};
use crate::clock::Timestamp;
use crate::store::{Conn, StoreError, WriteTx};

/// An API token that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret.
    pub hint: String,
    /// Its owner.
    pub username: String,
    /// What it may carry of its owner's rights.
    pub granted: String,
}

/// A user who signs in with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub username: String,
    /// Its company's key.
    pub company: String,
    /// What the password is held against.
    pub hash: String,
}

impl fmt::Debug for PasswordRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordRow").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Everything that lets somebody in for longer than a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// API tokens.
    pub tokens: Vec<TokenRow>,
    /// Users with passwords.
    pub passwords: Vec<PasswordRow>,
}

/// Something that works (again), and what was different in the database that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revived<T> {
    /// What it is.
    pub row: T,
    /// What was different; nothing if it was the same.
    pub since: Option<&'static str>,
}

/// What lets somebody in now.
pub fn standing(conn: &Conn, now: Timestamp) -> Result<Standing, StoreError> {
    Ok(Standing { tokens: sql::revived::tokens(conn, now)?, passwords: sql::revived::passwords(conn)? })
}

impl Standing {
    /// Each API token, and whether `before` did not have it.
    #[must_use]
    pub fn tokens_since(&self, before: &Self) -> Vec<Revived<TokenRow>> {
        let known: BTreeSet<_> = before.tokens.iter().map(|token| &token.id).collect();
        let since = |token: &TokenRow| (!known.contains(&token.id)).then_some("revoked or expired since");
        self.tokens.iter().map(|token| Revived { row: token.clone(), since: since(token) }).collect()
    }

    /// Each user with a password, and whether `before` let them in with another one or not at all.
    #[must_use]
    pub fn passwords_since(&self, before: &Self) -> Vec<Revived<PasswordRow>> {
        let known: BTreeMap<_, _> = before.passwords.iter().map(|row| (&row.id, &row.hash)).collect();
        let since = |row: &PasswordRow| match known.get(&row.id) {
            Some(hash) if **hash == row.hash => None,
            Some(_) => Some("changed since"),
            None => Some("disabled or removed since"),
        };
        self.passwords.iter().map(|row| Revived { row: row.clone(), since: since(row) }).collect()
    }
}

/// Ends every JWT and every SID.
pub fn end_sessions(tx: &WriteTx<'_>, key: &[u8; jwt::KEY_BYTES], now: Timestamp) -> Result<(), AuthError> {
    rotate_jwt_key(tx, key, now)?;
    Ok(sql::sids::delete_all(tx)?)
}
