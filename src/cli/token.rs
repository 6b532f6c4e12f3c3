//! `comptoir token`: API tokens, and the key of JWTs.

use clap::Subcommand;
use uuid::Uuid;

use super::output::{self, ShownOnce, Table};
use super::{CliError, Common, instant};
use crate::auth::model::{ApiToken, Grant, Refused, Scope, TokenName};
use crate::auth::tokens::{self, Actor, NewToken, Secret};
use crate::auth::{AuthError, companies, jwt, random, rotate_jwt_key, users};
use crate::clock::Timestamp;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make an API token and print it, this once.
    Add {
        /// Whom it belongs to.
        username: String,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What it may carry of its owner's rights: OWNER (all but the operator's), ADMIN, PARTNER, USER, BOT or
        /// OPERATOR.
        #[arg(long, default_value = "OWNER")]
        role: String,
        /// When it stops working, such as 2027-01-01T00:00:00Z [default: never by itself].
        #[arg(long, value_parser = instant)]
        expires_at: Option<Timestamp>,
    },
    /// List a company's API tokens, or one user's.
    List {
        /// The company's key.
        #[arg(long, required_unless_present = "username")]
        company: Option<String>,
        /// The user's name.
        #[arg(long)]
        username: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End an API token at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: Uuid,
    },
    /// Replace the key that signs JWTs: everybody signs in again; API tokens go on working.
    RotateJwtKey,
}

/// Runs the command.
pub fn run(common: &Common, command: TokenCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let now = common.clock().now();
    match command {
        TokenCommand::Add { username, name, role, expires_at } => {
            let refused = |field| move |rule| AuthError::from(Refused { field, rule });
            let new = NewToken {
                name: TokenName::parse(name).map_err(refused("name"))?,
                grant: Grant::parse(&role).map_err(refused("role"))?,
                expires_at,
            };
            let secret = Secret::generate()?;
            let shown = secret.clone();
            let of = |token: &ApiToken| Some(token.company_id);
            let token = common.change(&store, "create_token", of, move |tx| {
                tokens::create(tx, Actor::CommandLine, &username, &new, &secret, now)
            })?;
            let remedy = format!("comptoir token revoke {}", token.guid);
            ShownOnce { what: "secret", secret: shown.expose(), remedy }
                .say(&format!("token {} made for user {}", token.guid, token.username))
        }
        TokenCommand::List { company, username, json } => {
            let mut table =
                Table::new(&["id", "username", "name", "hint", "role", "created_at", "expires_at", "last_used_at"]);
            let (company, user) = store.read(|conn| {
                if let Some(username) = username {
                    let user = users::find(conn, Scope::Installation, &username)?;
                    return Ok::<_, AuthError>((user.company_id, Some(user.id)));
                }
                let key = company.unwrap_or_default();
                Ok((companies::find(conn, Scope::Installation, &key)?.id, None))
            })?;
            let mut after = 0;
            loop {
                let page = store.read(|conn| tokens::list(conn, company, user, after, 500))?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                for (_, token) in &page {
                    let at = |at: Option<Timestamp>| {
                        at.map(|at| at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).into()
                    };
                    table.row([
                        token.guid.to_string().into(),
                        token.username.as_str().into(),
                        token.name.as_str().into(),
                        token.hint.clone().into(),
                        token.grant.as_str().into(),
                        at(Some(token.created_at)),
                        at(token.expires_at),
                        at(token.last_used_at),
                    ]);
                }
            }
            table.print(json)
        }
        TokenCommand::Revoke { id } => {
            let of = |token: &ApiToken| Some(token.company_id);
            let token =
                common.change(&store, "revoke_token", of, move |tx| tokens::revoke(tx, Actor::CommandLine, id))?;
            output::say(&format!("token {} of user {} has ended", token.guid, token.username))
        }
        TokenCommand::RotateJwtKey => {
            let key = random::<{ jwt::KEY_BYTES }>()?;
            common.change(&store, "rotate_jwt_key", |()| None, move |tx| rotate_jwt_key(tx, &key, now))?;
            output::say("the key has changed; everybody signs in again")
        }
    }
}
