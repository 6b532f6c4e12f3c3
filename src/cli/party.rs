//! `comptoir party`: producers and distributors of a company, and who may act for them, beside a running server.

use clap::Subcommand;

use super::output::{self, Table};
use super::{CliError, Common};
use crate::auth::model::{CompanyId, Gln, PartyId, PartyKind, PartyName, PartyRef, Refused, Rule, Scope, zone};
use crate::auth::parties::{self, NewParty, PartyChange};
use crate::auth::{AuthError, companies, users};
use crate::schedules::service::parties as rules;
use crate::store::Store;
use crate::tasks::Queue;

/// So many rows are read at a time.
const PAGE: usize = 500;

/// What can be done with parties.
#[derive(Debug, Subcommand)]
pub enum PartyCommand {
    /// Make one.
    Add {
        /// Its GLN: 13 digits.
        gln: String,
        /// The company's key.
        #[arg(long)]
        company: String,
        /// Its name.
        #[arg(long)]
        name: String,
        /// PRODUCER, DISTRIBUTOR or BOTH.
        #[arg(long)]
        kind: String,
        /// Its number [default: the one after the highest].
        #[arg(long)]
        id: Option<i64>,
        /// Its own IANA time zone [default: the company's].
        #[arg(long)]
        zone: Option<String>,
    },
    /// Show all of them.
    List {
        /// The company's key.
        #[arg(long)]
        company: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change one.
    Change {
        /// Its number or its GLN.
        party: String,
        /// The company's key.
        #[arg(long)]
        company: String,
        /// Its new name.
        #[arg(long)]
        name: Option<String>,
        /// PRODUCER, DISTRIBUTOR or BOTH.
        #[arg(long)]
        kind: Option<String>,
        /// Its own IANA time zone; an empty text: the company's.
        #[arg(long)]
        zone: Option<String>,
    },
    /// Let the contract find one again.
    Enable {
        /// Its number or its GLN.
        party: String,
        /// The company's key.
        #[arg(long)]
        company: String,
    },
    /// Hide one from the contract; nothing of it is lost.
    Disable {
        /// Its number or its GLN.
        party: String,
        /// The company's key.
        #[arg(long)]
        company: String,
    },
    /// Bind a user to exactly these parties; without any, to none.
    Bind {
        /// The user's name.
        username: String,
        /// Numbers or GLNs.
        parties: Vec<String>,
    },
    /// Show, or with a name set, the time zone of the parties that have none of their own.
    Zone {
        /// The company's key.
        #[arg(long)]
        company: String,
        /// An IANA name, such as Europe/Kyiv.
        zone: Option<String>,
    },
}

fn refused(field: &'static str) -> impl Fn(Rule) -> AuthError {
    move |rule| Refused { field, rule }.into()
}

pub(super) fn company(store: &Store, key: &str) -> Result<CompanyId, CliError> {
    Ok(store.read(|conn| companies::find(conn, Scope::Installation, key))?.id)
}

pub(super) fn party(text: &str) -> Result<PartyRef, CliError> {
    Ok(PartyRef::parse(text).map_err(refused("party"))?)
}

/// Runs the command.
pub fn run(common: &Common, command: PartyCommand) -> Result<(), CliError> {
    let store = common.open()?;
    let now = common.clock().now();
    match command {
        PartyCommand::Add { gln, company: key, name, kind, id, zone: own } => {
            let company = company(&store, &key)?;
            let new = NewParty {
                id: id.map(PartyId::parse).transpose().map_err(refused("id"))?,
                gln: Gln::parse(gln).map_err(refused("gln"))?,
                name: PartyName::parse(name).map_err(refused("name"))?,
                kind: PartyKind::parse(&kind).map_err(refused("kind"))?,
                zone: own.as_deref().map(zone).transpose().map_err(refused("zone"))?,
            };
            let made = common.change(
                &store,
                "create_party",
                move |_| Some(company),
                move |tx| parties::create(tx, company, &new, now),
            )?;
            output::say(&format!("party {} made, GLN {}", made.id, made.gln))
        }
        PartyCommand::List { company: key, json } => list(&store, company(&store, &key)?, json),
        PartyCommand::Change { party: named, company, name, kind, zone: own } => {
            let own = match own.as_deref() {
                None => None,
                Some("") => Some(None),
                Some(name) => Some(Some(zone(name).map_err(refused("zone"))?)),
            };
            let to = PartyChange {
                name: name.map(PartyName::parse).transpose().map_err(refused("name"))?,
                kind: kind.as_deref().map(PartyKind::parse).transpose().map_err(refused("kind"))?,
                zone: own,
                enabled: None,
            };
            change(common, &store, &company, &named, to, "changed")
        }
        PartyCommand::Enable { party, company } => {
            let to = PartyChange { enabled: Some(true), ..PartyChange::default() };
            change(common, &store, &company, &party, to, "enabled")
        }
        PartyCommand::Disable { party, company } => {
            let to = PartyChange { enabled: Some(false), ..PartyChange::default() };
            change(common, &store, &company, &party, to, "disabled")
        }
        PartyCommand::Bind { username, parties: named } => {
            let named = named.iter().map(|text| party(text)).collect::<Result<Vec<_>, _>>()?;
            let name = username.clone();
            let company = store.read(|conn| users::find(conn, Scope::Installation, &name))?.company_id;
            let bound = common.change(
                &store,
                "set_user_parties",
                move |_| Some(company),
                move |tx| parties::bind(tx, Scope::Installation, &name, &named),
            )?;
            output::say(&format!("user {username} is bound to {} parties", bound.len()))
        }
        PartyCommand::Zone { company: key, zone: None } => {
            let company = company(&store, &key)?;
            let known = store.read(|conn| parties::company_zone(conn, company))?;
            output::say(known.name())
        }
        PartyCommand::Zone { company: key, zone: Some(name) } => {
            let company = company(&store, &key)?;
            let to = zone(&name).map_err(refused("zone"))?;
            let queue = Queue::new(common.clock(), Vec::new());
            common.change(
                &store,
                "set_company_zone",
                move |()| Some(company),
                move |tx| rules::set_company_zone(tx, &queue, company, to, now),
            )?;
            output::say(&format!("the zone of company {key} is {name}; schedules stay on their civil days"))
        }
    }
}

fn change(common: &Common, store: &Store, key: &str, named: &str, to: PartyChange, done: &str) -> Result<(), CliError> {
    let (company, named, now) = (company(store, key)?, party(named)?, common.clock().now());
    let queue = Queue::new(common.clock(), Vec::new());
    let changed = common.change(
        store,
        "change_party",
        move |_| Some(company),
        move |tx| rules::change(tx, &queue, company, &named, &to, now),
    )?;
    output::say(&format!("party {} {done}", changed.id))
}

fn list(store: &Store, company: CompanyId, json: bool) -> Result<(), CliError> {
    let mut table = Table::new(&["id", "gln", "name", "kind", "zone", "enabled"]);
    let mut after = 0;
    loop {
        let page = store.read(|conn| parties::list_all(conn, company, after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = last.id.0;
        for party in &page {
            table.row([
                party.id.0.into(),
                party.gln.as_str().into(),
                party.name.as_str().into(),
                party.kind.as_str().into(),
                party.zone.name().into(),
                party.enabled.into(),
            ]);
        }
    }
    table.print(json)
}
