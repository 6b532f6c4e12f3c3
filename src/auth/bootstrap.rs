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
    /// Its password; `None`: make one up.
    pub password: Option<Password>,
    /// Where a made-up password is written, readable by its owner only, before the operator exists: whatever ends the
    /// process, the way in is not lost. Whoever has shown it to a person takes the file away ([`MadeUp::was_shown`]).
    pub password_file: PathBuf,
}

/// What the first start did.
#[derive(Debug)]
pub enum Bootstrapped {
    /// The installation already had its operator.
    AlreadyThere,
    /// The operator was made.
    Created {
        /// Its company.
        company: CompanyKey,
        /// Its name.
        username: Username,
        /// Its password, if none was given.
        made_up: Option<MadeUp>,
    },
}

/// A password that was made up, and where it stands.
#[derive(Debug)]
pub struct MadeUp {
    /// The password.
    pub password: Password,
    /// The file that holds it.
    pub file: PathBuf,
}

impl MadeUp {
    /// Removes the file, once its owner has seen the password.
    pub fn was_shown(&self) -> io::Result<()> {
        fs::remove_file(&self.file)
    }
}

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Identity said no.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The made-up password could not be written down.
    #[error("cannot write the operator's password to {path}: {source}")]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes the first company, operator and JWT key unless they are there; sign-ins wait for it ([`Auth::ready`]). Asks
/// `first` only if it has to make them.
pub async fn run<E: From<BootstrapError>>(
    auth: &Auth,
    first: impl FnOnce() -> Result<FirstOperator, E>,
) -> Result<Bootstrapped, E> {
    if is_over(auth)? {
        auth.set_ready();
        return Ok(Bootstrapped::AlreadyThere);
    }
    Ok(make(auth, first()?).await?)
}

fn is_over(auth: &Auth) -> Result<bool, BootstrapError> {
    let key = auth.store().read(|conn| sql::keys::jwt_key(conn)).map_err(AuthError::from)?;
    Ok(key.is_some())
}

async fn make(auth: &Auth, first: FirstOperator) -> Result<Bootstrapped, BootstrapError> {
    let FirstOperator { company, username, password: given, password_file } = first;
    let (password, made_up) = if let Some(password) = given {
        (password, None)
    } else {
        let password = made_up_password()?;
        write_secret(&password_file, password.expose())
            .map_err(|source| BootstrapError::PasswordFile { path: password_file.clone(), source })?;
        (password.clone(), Some(MadeUp { password, file: password_file }))
    };
    let hash = auth.hasher().hash(password.expose()).await.map_err(AuthError::from)?;
    let key = random::<{ jwt::KEY_BYTES }>()?;
    let now = auth.clock().now();
    let (in_company, named) = (company.clone(), username.clone());
    auth.store().write(move |tx| create(tx, &in_company, &named, &hash, &key, now)).await?;
    auth.set_ready();
    Ok(Bootstrapped::Created { company, username, made_up })
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
    if let Some(known) = sql::users::find(tx, username.as_str())? {
        // Seeded without a password: this is the way in that the first start promises.
        if !known.has_password {
            sql::users::update_password(tx, known.id, hash, now)?;
            sql::users::update_rights(tx, known.id, known.roles, true, true, known.timezone, now)?;
        }
    } else {
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

/// Ends the first start of an installation that was seeded with an operator who can sign in; whether it did. Without one
/// the first start of the server goes on to make its own.
pub fn conclude(tx: &WriteTx<'_>, key: &[u8; jwt::KEY_BYTES], now: Timestamp) -> Result<bool, AuthError> {
    if sql::keys::jwt_key(tx)?.is_some() || sql::checks::operators_with_password(tx)? == 0 {
        return Ok(false);
    }
    sql::keys::insert_jwt_key(tx, key, now)?;
    Ok(true)
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
    file.sync_all()?;
    // Its name too: without it the file may be whole and yet not be there after a power cut.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
