//! `comptoir user`: the people and machines of a company.

use std::io::Read;

use clap::{ArgGroup, Args, Subcommand};

use super::output::{self, ShownOnce, Table};
use super::{CliError, Common};
use crate::auth::bootstrap::made_up_password;
use crate::auth::model::{
    CompanyId, Email, Password, Phone, Refused, Role, Roles, Rule, Scope, Specification, Timezone, User, Username,
    folded,
};
use crate::auth::password::Hasher;
use crate::auth::users::{self, NewUser, ProfileChange, RightsChange};
use crate::auth::{AuthError, companies};
use crate::store::Store;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user. Without a word on its password, one is made up and printed once.
    Add(AddArgs),
    /// List a company's users.
    List {
        /// The company's key.
        #[arg(long)]
        company: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give a user other roles: none, one or two of ADMIN, PARTNER, USER, BOT.
    Roles {
        /// Its name.
        username: String,
        /// The roles from now on.
        roles: Vec<String>,
    },
    /// Change what describes a user; an empty text clears it.
    Describe {
        /// Its name.
        username: String,
        /// A description.
        #[arg(long)]
        specification: Option<String>,
        /// An e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// Vouch for its e-mail address, which can then stand for its name where the schedules contract signs in.
        #[arg(long)]
        confirm_email: bool,
        /// A phone number.
        #[arg(long)]
        phone: Option<String>,
    },
    /// Let a user sign in again.
    Enable {
        /// Its name.
        username: String,
    },
    /// Keep a user out at once and end its JWTs and API tokens for good.
    Disable {
        /// Its name.
        username: String,
    },
    /// Make a user an operator of the installation, or with `--revoke` no longer one.
    Operator {
        /// Its name.
        username: String,
        /// Take the right away.
        #[arg(long)]
        revoke: bool,
    },
    /// Set the offset from UTC, in hours, that a user's billing day goes by.
    Timezone {
        /// Its name.
        username: String,
        /// From -12 to 12.
        #[arg(allow_negative_numbers = true)]
        hours: i64,
    },
    /// Give a user a new password and end its JWTs. Without a word on it, one is made up and printed once.
    ResetPassword {
        /// Its name.
        username: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// End every JWT of a user at once; its API tokens go on working.
    SignOut {
        /// Its name.
        username: String,
    },
}

/// A user to be made.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("secret").args(["password_stdin", "no_password"])))]
pub struct AddArgs {
    /// Its name: letters, digits and underscores.
    username: String,
    /// The key of its company.
    #[arg(long)]
    company: String,
    /// A role: ADMIN, PARTNER, USER or BOT; may be given twice.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Let it administer the installation.
    #[arg(long)]
    operator: bool,
    /// Read its password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Give it no password: it will live on API tokens.
    #[arg(long)]
    no_password: bool,
    /// Offset from UTC in hours that its billing day goes by.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    timezone: i64,
    /// A description.
    #[arg(long)]
    specification: Option<String>,
    /// An e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// A phone number.
    #[arg(long)]
    phone: Option<String>,
}

/// Runs the command.
pub fn run(common: &Common, command: UserCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let now = common.clock().now();
    let change = |username: String, rights: RightsChange, done: &str| -> Result<(), CliError> {
        let profile = ProfileChange::default();
        let user = common.change(&store, "change_user", company_of, move |tx| {
            users::change(tx, Scope::Installation, &username, &profile, &rights, now)
        })?;
        output::say(&format!("user {} {done}", user.username))
    };
    match command {
        UserCommand::Add(args) => add(&store, common, args),
        UserCommand::List { company, json } => list(&store, &company, json),
        UserCommand::Roles { username, roles } => {
            let roles = parse_roles(&roles)?;
            let done =
                format!("now has the roles: {}", if roles == Roles::NONE { "none".into() } else { roles.to_stored() });
            change(username, RightsChange { roles: Some(roles), ..RightsChange::default() }, &done)
        }
        UserCommand::Describe { username, specification, email, confirm_email, phone } => {
            let profile = ProfileChange {
                specification: described("specification", specification, Specification::parse)?,
                email: described("email", email, Email::parse)?,
                phone: described("phone", phone, Phone::parse)?,
                attributes: None,
            };
            let rights = RightsChange { email_confirmed: confirm_email.then_some(true), ..RightsChange::default() };
            let user = common.change(&store, "change_user", company_of, move |tx| {
                users::change(tx, Scope::Installation, &username, &profile, &rights, now)
            })?;
            output::say(&format!("user {} changed", user.username))
        }
        UserCommand::Enable { username } => {
            change(username, RightsChange { enabled: Some(true), ..RightsChange::default() }, "enabled")
        }
        UserCommand::Disable { username } => {
            let rights = RightsChange { enabled: Some(false), ..RightsChange::default() };
            change(username, rights, "disabled; its JWTs and API tokens have ended for good")
        }
        UserCommand::Operator { username, revoke } => {
            let rights = RightsChange { operator: Some(!revoke), ..RightsChange::default() };
            change(username, rights, if revoke { "is no longer an operator" } else { "is an operator" })
        }
        UserCommand::Timezone { username, hours } => {
            let timezone = Timezone::parse(hours).map_err(refused("timezone"))?;
            let rights = RightsChange { timezone: Some(timezone), ..RightsChange::default() };
            change(username, rights, "has a new time zone; what was recorded before stays on its day")
        }
        UserCommand::ResetPassword { username, password_stdin } => {
            let (password, made_up) =
                if password_stdin { (read_password()?, false) } else { (made_up_password()?, true) };
            let hash = Hasher::hash_blocking(password.expose()).map_err(AuthError::from)?;
            let user = common.change(&store, "reset_password", company_of, move |tx| {
                users::reset_password(tx, Scope::Installation, &username, &hash, now)
            })?;
            let done = format!("user {} has a new password; its JWTs have ended", user.username);
            say(&done, user.username.as_str(), made_up.then_some(&password))
        }
        UserCommand::SignOut { username } => {
            let name = username.clone();
            common.change(&store, "sign_out_user", company_of, move |tx| {
                users::sign_out(tx, Scope::Installation, &name)?;
                users::find(tx, Scope::Installation, &name)
            })?;
            output::say(&format!("user {username} is signed out everywhere"))
        }
    }
}

/// Whom a change of a user is recorded under.
#[expect(clippy::unnecessary_wraps, reason = "other changes belong to no company")]
fn company_of(user: &User) -> Option<CompanyId> {
    Some(user.company_id)
}

fn add(store: &Store, common: &Common, args: AddArgs) -> Result<(), CliError> {
    let new = NewUser {
        username: Username::parse(args.username).map_err(refused("username"))?,
        roles: parse_roles(&args.roles)?,
        operator: args.operator,
        timezone: Timezone::parse(args.timezone).map_err(refused("timezone"))?,
        specification: args.specification.map(Specification::parse).transpose().map_err(refused("specification"))?,
        email: args.email.map(Email::parse).transpose().map_err(refused("email"))?,
        phone: args.phone.map(Phone::parse).transpose().map_err(refused("phone"))?,
    };
    let (password, made_up) = match (args.no_password, args.password_stdin) {
        (true, _) => (None, false),
        (_, true) => (Some(read_password()?), false),
        _ => (Some(made_up_password()?), true),
    };
    let hash = match &password {
        Some(password) => Some(Hasher::hash_blocking(password.expose()).map_err(AuthError::from)?),
        None => None,
    };
    let now = common.clock().now();
    let user = common.change(store, "create_user", company_of, move |tx| {
        let company = companies::find(tx, Scope::Installation, &args.company)?;
        users::create(tx, Scope::Installation, company.id, &new, hash.as_deref(), now)
    })?;
    let done = format!("user {} made in company {}", user.username, user.company_key);
    say(&done, user.username.as_str(), password.as_ref().filter(|_| made_up))
}

/// Says what was done, and shows the password if it was made up.
fn say(done: &str, username: &str, made_up: Option<&Password>) -> Result<(), CliError> {
    match made_up {
        Some(password) => {
            let remedy = format!("comptoir user reset-password {username}");
            ShownOnce { what: "password", secret: password.expose(), remedy }.say(done)
        }
        None => output::say(done),
    }
}

fn list(store: &Store, company: &str, json: bool) -> Result<(), CliError> {
    let columns = &["username", "roles", "operator", "enabled", "has_password", "timezone", "email"];
    let mut table = Table::new(columns);
    let company = store.read(|conn| companies::find(conn, Scope::Installation, company))?;
    let mut after = String::new();
    loop {
        let page = store.read(|conn| users::list(conn, company.id, &after, 500))?;
        let Some(last) = page.last() else { break };
        after = folded(last.username.as_str());
        for user in &page {
            table.row([
                user.username.as_str().into(),
                user.roles.to_stored().into(),
                user.operator.into(),
                user.enabled.into(),
                user.has_password.into(),
                user.timezone.hours().into(),
                user.email.as_ref().map(Email::as_str).into(),
            ]);
        }
    }
    table.print(json)
}

fn parse_roles(words: &[String]) -> Result<Roles, AuthError> {
    let roles = words.iter().map(|word| Role::parse(word)).collect::<Result<Vec<_>, _>>().map_err(refused("role"))?;
    Roles::of_user(&roles).map_err(refused("role"))
}

/// A text as a change: absent stays, empty clears.
fn described<T>(
    field: &'static str,
    text: Option<String>,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> Result<Option<Option<T>>, AuthError> {
    match text {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(Some(None)),
        Some(text) => parse(text).map(|value| Some(Some(value))).map_err(refused(field)),
    }
}

fn read_password() -> Result<Password, CliError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(CliError::io("cannot read the password"))?;
    Ok(Password::parse(text.trim_end_matches(['\r', '\n'])).map_err(refused("password"))?)
}

fn refused(field: &'static str) -> impl Fn(Rule) -> AuthError {
    move |rule| Refused { field, rule }.into()
}
