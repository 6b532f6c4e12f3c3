//! `comptoir webhook`: a company's receivers of events.

use clap::Subcommand;
use uuid::Uuid;

use super::output::{self, ShownOnce, Table};
use super::{CliError, Common};
use crate::auth::model::{CompanyId, Refused, Scope};
use crate::auth::{AuthError, companies};
use crate::config::{DEFAULT_DATABASE, Database, Settings, WebhookSettings};
use crate::webhooks::guard::Guard;
use crate::webhooks::model::{Endpoint, EndpointId, EventType, Events, NewEndpoint};
use crate::webhooks::sign::Secret;
use crate::webhooks::{WebhookError, endpoints};

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Send events of a company to a URL, and print the secret that signs them, this once.
    Add {
        /// The company's key.
        company: String,
        /// Where to POST.
        url: String,
        /// What to tell: `task_ended`, `order_reminder`, `alert_started`, `alert_ended`; may be given several times
        /// [default: all of them].
        #[arg(long = "event", value_name = "EVENT", value_delimiter = ',', value_parser = event)]
        events: Vec<EventType>,
        /// An internal destination that the server's `webhooks.allow` lists, if this command does not read its
        /// configuration.
        #[arg(long, env = "COMPTOIR_WEBHOOKS_ALLOW", value_name = "DESTINATION", value_delimiter = ',')]
        webhooks_allow: Option<Vec<String>>,
    },
    /// List a company's webhooks.
    List {
        /// The company's key.
        company: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a webhook. What is on its way to it fails.
    Remove {
        /// The company's key.
        company: String,
        /// Its id, as `list` shows it.
        id: Uuid,
    },
}

/// Runs the command.
pub fn run(common: &Common, command: WebhookCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let now = common.clock().now();
    match command {
        WebhookCommand::Add { company, url, events, webhooks_allow } => {
            let events = if events.is_empty() { Ok(Events::all()) } else { Events::new(events) };
            let refused = |field| move |rule| WebhookError::from(Refused { field, rule });
            let url = guard(common, webhooks_allow)?.admit(&url).map_err(refused("url"))?;
            let new = NewEndpoint { url, events: events.map_err(refused("events"))?, enabled: true };
            let secret = Secret::generate()?;
            let shown = secret.expose();
            let owner = company.clone();
            let of = |(company, _): &(CompanyId, Endpoint)| Some(*company);
            let (_, endpoint) = common.change(&store, "create_webhook", of, move |tx| {
                let company = companies::find(tx, Scope::Installation, &company)?.id;
                Ok::<_, CliError>((company, endpoints::create(tx, company, &new, &secret, now)?))
            })?;
            let remedy = format!("comptoir webhook remove {owner} {}", endpoint.guid);
            ShownOnce { what: "secret", secret: &shown, remedy }
                .say(&format!("webhook {} made for {}", endpoint.guid, endpoint.url))
        }
        WebhookCommand::List { company, json } => {
            let rows = store.read(|conn| {
                let company = companies::find(conn, Scope::Installation, &company)?.id;
                // There are never more than this.
                Ok::<_, AuthError>(endpoints::list(conn, company, EndpointId(0), endpoints::MOST)?)
            })?;
            let mut table = Table::new(&["id", "url", "events", "enabled", "disabled_reason", "created_at"]);
            for endpoint in rows {
                table.row([
                    endpoint.guid.to_string().into(),
                    endpoint.url.into(),
                    endpoint.events.to_stored().into(),
                    endpoint.enabled.into(),
                    endpoint.disabled_reason.into(),
                    endpoint.created_at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
                ]);
            }
            table.print(json)
        }
        WebhookCommand::Remove { company, id } => {
            common.change(
                &store,
                "delete_webhook",
                |company: &CompanyId| Some(*company),
                move |tx| {
                    let company = companies::find(tx, Scope::Installation, &company)?.id;
                    endpoints::delete(tx, company, id, now)?;
                    Ok::<_, CliError>(company)
                },
            )?;
            output::say(&format!("webhook {id} deleted"))
        }
    }
}

/// The server's rules, as far as this command is started like the server.
pub(super) fn guard(common: &Common, allow: Option<Vec<String>>) -> Result<Guard, CliError> {
    let flags = Settings { webhooks: WebhookSettings { allow, ca: None }, ..Settings::default() };
    let settings = common.settings(flags)?;
    let database = Database::parse(settings.database.as_deref().unwrap_or(DEFAULT_DATABASE));
    Ok(Guard::new(settings.webhooks.resolve(&database)?.allow))
}

fn event(text: &str) -> Result<EventType, String> {
    EventType::parse(text).ok_or_else(|| {
        let words: Vec<_> = EventType::SUBSCRIBABLE.iter().map(|event| event.as_str()).collect();
        format!("must be one of {}", words.join(", "))
    })
}
