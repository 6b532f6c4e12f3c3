//! The first start: a company, an operator, a key for JWTs. There is no default password anywhere: it is given, or
//! random and told to the person who started the server.
//!
//! Must not know: HTTP, any domain.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::model::{CompanyKey, CompanyName, Password, Role, Roles, Timezone, Username};
use crate::auth::users::NewUser;
use crate::auth::{Auth, AuthError, companies, jwt, random, sql, users};
use crate::clock::Timestamp;
use crate::store::WriteTx;

/// Who the first operator is to be.
#[derive(Debug, Clone)]
pub struct FirstOperator {
    /// The operator's company.
    pub company: CompanyKey,
    /// Its name.
    pub username: Username,
    /// Its password; `None`: make one and hand it over as `handover` says.
    pub password: Option<Password>,
    /// How a password made here reaches its owner.
    pub handover: Handover,
}

/// How a made-up password reaches the person who started the server.
#[derive(Debug, Clone)]
pub enum Handover {
    /// Return it, to be printed once on a terminal.
    Return,
    /// Write it to this file, readable by its owner only, before the operator exists: a crash in between loses a file's
    /// worth of work, never the way in.
    File(PathBuf),
}

/// What the first start did.
#[derive(Debug)]
pub enum Bootstrapped {
    /// The installation already had its operator.
    AlreadyThere,
    /// The operator was made; the password to print, if it was made up and is to be printed.
    Created {
        /// The made-up password, if `Handover::Return` asked for it.
        password: Option<Password>,
    },
}

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Identity said no.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The made-up password could not be written down.
    #[error("cannot write the operator's password to {path}: {source}")]
    Handover {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes the first company, operator and JWT key unless they are there; sign-ins wait for it ([`Auth::ready`]).
pub async fn run(auth: &Auth, first: FirstOperator) -> Result<Bootstrapped, BootstrapError> {
    let is_there =
        auth.store().read(|conn| sql::keys::jwt_key(conn).map(|key| key.is_some())).map_err(AuthError::from)?;
    if is_there {
        auth.set_ready();
        return Ok(Bootstrapped::AlreadyThere);
    }
    let (password, made_up) = match &first.password {
        Some(password) => (password.clone(), false),
        None => (made_up_password()?, true),
    };
    if let (true, Handover::File(path)) = (made_up, &first.handover) {
        write_secret(path, password.expose())
            .map_err(|source| BootstrapError::Handover { path: path.clone(), source })?;
    }
    let hash = auth.hasher().hash(password.expose()).await.map_err(AuthError::from)?;
    let key = random::<{ jwt::KEY_BYTES }>()?;
    let now = auth.clock().now();
    let (company, username) = (first.company.clone(), first.username.clone());
    auth.store().write(move |tx| create(tx, &company, &username, &hash, &key, now)).await?;
    auth.set_ready();
    let to_print = made_up && matches!(first.handover, Handover::Return);
    Ok(Bootstrapped::Created { password: to_print.then_some(password) })
}

fn create(
    tx: &WriteTx<'_>,
    company: &CompanyKey,
    username: &Username,
    hash: &str,
    key: &[u8],
    now: Timestamp,
) -> Result<(), AuthError> {
    // The key is written last and read first: with it, the rest is there.
    let name = CompanyName::parse(company.as_str()).map_err(|rule| AuthError::Conflict(rule.0))?;
    let company = match sql::companies::find(tx, company.as_str())? {
        Some(company) => company,
        None => companies::create(tx, company, &name, now)?,
    };
    if sql::users::find(tx, username.as_str())?.is_none() {
        let operator = NewUser {
            username: username.clone(),
            roles: Roles::of(&[Role::Admin]),
            operator: true,
            timezone: Timezone::UTC,
            specification: None,
            email: None,
            phone: None,
        };
        users::create(tx, crate::auth::model::Scope::Installation, company.id, &operator, Some(hash), now)?;
    }
    sql::keys::insert_jwt_key(tx, key, now)?;
    Ok(())
}

/// 144 random bits as 24 characters.
pub fn made_up_password() -> Result<Password, AuthError> {
    let text = URL_SAFE_NO_PAD.encode(random::<18>()?);
    Ok(Password::parse(text).expect("24 characters are within the bounds"))
}

fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    // A file left by a first start that did not finish holds a password that was never valid.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}
