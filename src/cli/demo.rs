//! `comptoir demo`: a temporary database with believable data, and what to try with it.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::serve::{Running, serve};
use super::{CliError, Common, logging, stock};
use crate::account::UsageService;
use crate::account::model::{
    CalculationStatus, Kind, Made, Outcome, PointKey, Points, ProcessType, Report, Service, Start, Timings, Told,
};
use crate::account::service::recording::Here;
use crate::auth::bootstrap::made_up_password;
use crate::auth::model::{
    CompanyKey, CompanyName, Email, Gln, Grant, PartyId, PartyKind, PartyName, PartyRef, Password, Phone, Role, Roles,
    Scope, Specification, Timezone, TokenName, Username,
};
use crate::auth::parties::{self, NewParty};
use crate::auth::tokens::{self, Actor, NewToken, Secret};
use crate::auth::users::{self, NewUser};
use crate::auth::{AuthError, companies};
use crate::clock::{Clock, Timestamp};
use crate::config::{OperatorPassword, ProcessSettings, Settings, TEMPORARY};
use crate::connectors::ConnectorsError;
use crate::connectors::alerting::Condition;
use crate::connectors::model::{Code, Key, Name, Register};
use crate::connectors::service::alerts::{self, NewRule};
use crate::connectors::service::{ingest, registry};
use crate::connectors::submission::{Item, Submission};
use crate::connectors::value::{Figure, Number, Value};
use crate::schedules::model::{Draft, DraftRule};
use crate::schedules::recurrence::Frequency;
use crate::schedules::service::contract;
use crate::store::WriteTx;
use crate::tasks::Queue;

/// How to serve the demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to listen on; port 0 takes any free one [default: 127.0.0.1:8080].
    #[arg(long, short, env = "COMPTOIR_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// Print one JSON line with the address, the users, their password and the API token instead of a text for people.
    #[arg(long)]
    json: bool,
}

/// A person or machine of the demo.
struct Character {
    username: &'static str,
    company: &'static str,
    roles: &'static [Role],
    timezone: i64,
    about: &'static str,
}

const COMPANIES: &[(&str, &str)] = &[("north_star", "North Star Trading"), ("lakeside", "Lakeside Foods")];

const CAST: &[Character] = &[
    Character {
        username: "olena",
        company: "north_star",
        roles: &[Role::Admin],
        timezone: 2,
        about: "Olena Kovalenko, runs North Star",
    },
    Character {
        username: "ivan",
        company: "north_star",
        roles: &[Role::User],
        timezone: 2,
        about: "Ivan Shevchenko, purchasing",
    },
    Character {
        username: "shop_connector",
        company: "north_star",
        roles: &[Role::Bot],
        timezone: 0,
        about: "the connector of the web shop",
    },
    Character {
        username: "petro",
        company: "north_star",
        roles: &[Role::Partner],
        timezone: 2,
        about: "Petro Bondar, buys for Dnipro Retail",
    },
    Character {
        username: "dana",
        company: "lakeside",
        roles: &[Role::Admin, Role::User],
        timezone: 1,
        about: "Dana Novak, runs Lakeside",
    },
];

/// Runs the demo until a signal ends it.
pub fn run(common: &Common, args: DemoArgs) -> Result<(), CliError> {
    let json = args.json;
    // One password for everybody, new at each run: a demo has no default password either.
    let password = made_up_password()?;
    let flags = Settings {
        database: Some(TEMPORARY.to_owned()),
        listen: args.listen,
        environment: Some("demo".to_owned()),
        log_requests: Some(true),
        operator_password: Some(OperatorPassword::Given(password.expose().into())),
        ..Settings::default()
    };
    let config = common.settings(flags)?.resolve()?;
    logging::start(&config.log_filter, config.log_format)?;
    serve(config, common.clock(), async move |server: &Running| {
        let secret = populate(server, &password).await?;
        let text =
            if json { machine_readable(server, &password, &secret) } else { for_people(server, &password, &secret) };
        server.tell(&text);
        Ok(())
    })
}

/// Fills the database and returns the connector's API token.
async fn populate(server: &Running, password: &Password) -> Result<Secret, CliError> {
    let auth = &server.auth;
    let mut hashes = Vec::with_capacity(CAST.len());
    for _ in CAST {
        hashes.push(auth.hasher().hash(password.expose()).await.map_err(AuthError::from)?);
    }
    let secret = Secret::generate()?;
    let shown = secret.clone();
    let now = auth.clock().now();
    auth.store().write(move |tx| write(tx, &hashes, &secret, now)).await?;
    use_services(server, shown.expose()).await?;
    report_statistics(server).await?;
    stock::fill(server, "olena", password).await?;
    Ok(shown)
}

/// The system that the connectors contract's own example names, and its merchants.
const SYSTEM: (&str, &str) = ("29e86b162", "1C, North Star Trading");
const MERCHANTS: &[(&str, &str)] = &[("77624623f", "Rozetka, North Star"), ("c51d08a7e", "Prom, North Star")];

/// So many days of figures there are, one an hour, and of the last day one in five minutes.
const STATISTIC_DAYS: i64 = 14;

/// What the connector of North Star has reported of its queues and orders.
async fn report_statistics(server: &Running) -> Result<(), CliError> {
    let (store, now) = (server.auth.store(), server.auth.clock().now());
    let company = store.read(|conn| companies::find(conn, Scope::Installation, "north_star"))?.id;
    let queue = Queue::new(Clock::fixed(now), Vec::new());
    let (own, valid) = (queue.clone(), "the demo's own data follows the rules");
    let registered = store.write(move |tx| {
        let entries = MERCHANTS.iter().map(|merchant| (Register::Merchants, *merchant));
        for (register, (code, name)) in entries.chain([(Register::Systems, SYSTEM)]) {
            let (code, name) = (Code::parse(code).expect(valid), Name::parse(name).expect(valid));
            registry::create(tx, register, company, &code, &name, now)?;
        }
        let rule = NewRule {
            name: Name::parse("Orders are stuck").expect(valid),
            key: Key::parse("Очереди.ОбработкаЗаказов.КоличествоОшибок").expect(valid),
            system: Some(SYSTEM.0.to_owned()),
            merchant: None,
            condition: Condition::above(40.0, Some(10.0)).expect(valid),
            enabled: true,
        };
        alerts::create(tx, &own, company, &rule, now)
    });
    let registered: Result<_, ConnectorsError> = registered.await;
    registered?;
    let last = now.as_unix_seconds() - now.as_unix_seconds().rem_euclid(300);
    let hours = (24..=STATISTIC_DAYS * 24).rev().map(|hour| last - hour * 3_600);
    let instants: Vec<i64> = hours.chain((0..24 * 12).rev().map(|five| last - five * 300)).collect();
    for some in instants.chunks(50) {
        let (some, queue) = (some.to_vec(), queue.clone());
        let reported = store
            .write(move |tx| some.iter().try_for_each(|at| ingest::store(tx, &queue, company, &statistic(*at), now)));
        let reported: Result<_, ConnectorsError> = reported.await;
        reported?;
    }
    Ok(())
}

/// What is reported at an instant: busy days, quiet nights, a queue that gets stuck now and then.
fn statistic(at: i64) -> Submission {
    let (hour, noise) = (at.div_euclid(3_600), at.div_euclid(300) * 7_919 % 17);
    let busy = [1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 12, 12, 11, 10, 10, 11, 12, 10, 7, 5, 3, 2];
    let orders = busy[usize::try_from(hour.rem_euclid(24)).unwrap_or(0)] * 8 + noise;
    let stuck = if hour.rem_euclid(61) < 2 { 45 + noise } else { noise / 4 };
    let figures = [
        ("Очереди.ОбработкаЗаказов.КоличествоОшибок", None, stuck),
        ("Очереди.ВыгрузкаНоменклатуры.КоличествоОшибок", None, noise / 3),
        ("Заказы.КоличествоПроведенных.ЗаЧас", Some(0), orders),
        ("Заказы.КоличествоНепроведенных.ЗаЧас", Some(0), stuck / 3),
        ("Заказы.КоличествоПроведенных.ЗаЧас", Some(1), orders * 2 / 3),
        ("Заказы.КоличествоНепроведенных.ЗаЧас", Some(1), noise / 8),
    ];
    let items = figures.into_iter().map(|(key, merchant, figure)| Item {
        key: Key::parse(key).expect("a key of a few characters"),
        merchant,
        value: Value::Number(Number { figure: Figure::Int(figure), exact: None }),
    });
    Submission {
        system: SYSTEM.0.to_owned(),
        at,
        merchants: MERCHANTS.iter().map(|(code, _)| (*code).to_owned()).collect(),
        items: items.collect(),
        unsettable: Vec::new(),
        repeated: 0,
    }
}

/// Two months of work for the people of the connector's company, as the connector would have reported it.
async fn use_services(server: &Running, secret: &str) -> Result<(), CliError> {
    let auth = &server.auth;
    let here = Here { env: "demo".to_owned(), pod: "demo".to_owned() };
    let service = UsageService::new(auth, here, ProcessSettings::default().resolve()?);
    let caller = auth.authenticate(secret)?;
    let now = auth.clock().now();
    let (mut reports, mut number) = (Vec::new(), 0_u32);
    for days_ago in (1..=60_u64).rev() {
        for (username, service, process_type, calls) in [
            ("olena", Service::Universal, ProcessType::Plan, 2),
            ("ivan", Service::Universal, ProcessType::Plan, 3),
            ("ivan", Service::Routing, ProcessType::Matrix, 1),
        ] {
            for call in 0..calls {
                number += 1;
                // A busy week, a quiet weekend, a slow rise.
                let points = (40 + (number * 37) % 25 + number / 4) / if days_ago % 7 < 2 { 4 } else { 1 };
                let begun = now.minus(Duration::from_hours(24 * days_ago) + Duration::from_mins(47 * call));
                let keys = (0..points).map(|point| PointKey::parse(&format!("shop {}", (point * 7 + number) % 180)));
                let start = Start {
                    username: Some(username.to_owned()),
                    kind: Kind { service, process_type },
                    time: Some(Told { at: begun, offset_minutes: 120 }),
                    points: Points::Keys(keys.collect::<Result<_, _>>().expect("a name of a few characters")),
                    waiting: false,
                };
                let timings =
                    Timings { calculation: Duration::from_millis(90 * u64::from(points)), ..Timings::default() };
                let finish =
                    Outcome { elements: points * 9 / 10, timings, ..Outcome::of(CalculationStatus::FinishedInTime) };
                let made = Made {
                    request_code: Uuid::new_v4(),
                    operation: format!("run_{}", process_type.as_str().to_lowercase()),
                    env: None,
                    pod: None,
                    time: Some(Told { at: begun, offset_minutes: 120 }),
                };
                let (start, finish) = (Some(start), Some(finish));
                reports.push(Report { process_code: Uuid::new_v4(), start, requests: vec![made], finish });
            }
        }
    }
    service.record_all(caller, reports).await?;
    Ok(())
}

fn write(tx: &WriteTx<'_>, hashes: &[String], secret: &Secret, now: Timestamp) -> Result<(), CliError> {
    let valid = "the demo's own data follows the rules";
    for (key, name) in COMPANIES {
        companies::create(tx, &CompanyKey::parse(*key).expect(valid), &CompanyName::parse(*name).expect(valid), now)?;
    }
    for (character, hash) in CAST.iter().zip(hashes) {
        let company = companies::find(tx, Scope::Installation, character.company)?;
        let new = NewUser {
            username: Username::parse(character.username).expect(valid),
            roles: Roles::of(character.roles),
            operator: false,
            timezone: Timezone::parse(character.timezone).expect(valid),
            specification: Some(Specification::parse(character.about).expect(valid)),
            email: Some(Email::parse(format!("{}@{}.example", character.username, character.company)).expect(valid)),
            phone: Some(Phone::parse("+380440000000").expect(valid)),
        };
        users::create(tx, Scope::Installation, company.id, &new, Some(hash), now)?;
    }
    let new = NewToken {
        name: TokenName::parse("the web shop's connector").expect(valid),
        grant: Grant::Bot,
        expires_at: None,
    };
    tokens::create(tx, Actor::CommandLine, "shop_connector", &new, secret, now)?;
    trade(tx, now)
}

/// The parties of North Star: its number, the first twelve digits of its GLN, its name and its side.
const PARTIES: &[(i64, u64, &str, PartyKind)] = &[
    (13_200_001, 482_000_000_100, "North Star Dairy", PartyKind::Producer),
    (13_200_791, 482_000_000_201, "Dnipro Retail", PartyKind::Distributor),
    (13_202_863, 482_000_000_202, "Lviv Wholesale", PartyKind::Distributor),
];

/// Parties, who acts for them, and when orders may be sent.
fn trade(tx: &WriteTx<'_>, now: Timestamp) -> Result<(), CliError> {
    let valid = "the demo's own data follows the rules";
    let company = companies::find(tx, Scope::Installation, "north_star")?.id;
    for (id, digits, name, kind) in PARTIES {
        let new = NewParty {
            id: Some(PartyId(*id)),
            gln: Gln::of_twelve(*digits).expect(valid),
            name: PartyName::parse(*name).expect(valid),
            kind: *kind,
            zone: None,
        };
        parties::create(tx, company, &new, now)?;
    }
    parties::bind(tx, Scope::Installation, "petro", &[PartyRef::Id(PartyId(13_200_791))])?;
    let producer = parties::get(tx, company, &PartyRef::Id(PartyId(13_200_001)))?;
    let queue = Queue::new(Clock::fixed(now), Vec::new());
    for (name, buyers, times, days) in [
        ("Weekdays", &[][..], ("09:00:00", "18:00:00"), vec![1, 2, 3, 4, 5]),
        ("Dnipro, evenings", &[13_200_791][..], ("18:00:00", "23:00:00"), vec![1, 3, 5]),
    ] {
        let draft = Draft {
            name: name.to_owned(),
            date_start: now.as_unix_seconds(),
            time_from: times.0.to_owned(),
            time_to: times.1.to_owned(),
            time_remind: Some("08:30:00".to_owned()),
            block: !buyers.is_empty(),
            kind: None,
            rule: Some(DraftRule { frequency: Frequency::Weekly, interval: 1, count: 0, date_until: 0, by_day: days }),
            distributors: buyers.iter().map(|id| PartyRef::Id(PartyId(*id))).collect(),
        };
        contract::write(tx, &queue, company, &producer, &draft, None, now)?;
    }
    Ok(())
}

/// The id of North Star as an organisation.
fn organization(server: &Running) -> Option<Uuid> {
    let found = server.auth.store().read(|conn| companies::find(conn, Scope::Installation, "north_star"));
    found.ok().map(|company| company.guid)
}

fn machine_readable(server: &Running, password: &Password, secret: &Secret) -> String {
    let users: Vec<_> = CAST
        .iter()
        .map(|who| {
            let roles: Vec<_> = who.roles.iter().map(|role| role.as_str()).collect();
            json!({"username": who.username, "company_key": who.company, "roles": roles})
        })
        .collect();
    let line = json!({
        "ready": true,
        "url": server.url(),
        "pid": std::process::id(),
        "database": server.database,
        "operator": server.operator().map(|(username, _)| username),
        "users": users,
        "password": password.expose(),
        "api_token": {"username": "shop_connector", "secret": secret.expose()},
        "organization": organization(server),
    });
    format!("{line}\n")
}

fn for_people(server: &Running, password: &Password, secret: &Secret) -> String {
    let (url, password, secret) = (server.url(), password.expose(), secret.expose());
    let organization = organization(server).unwrap_or_default();
    let row =
        |name: &str, company: &str, roles: &str, about: &str| format!("  {name:<16} {company:<12} {roles:<12} {about}");
    let mut rows = vec![row("user", "company", "roles", "about")];
    if let Some((username, company)) = server.operator() {
        rows.push(row(username, company, "ADMIN", "the operator of this installation"));
    }
    rows.extend(CAST.iter().map(|who| row(who.username, who.company, &Roles::of(who.roles).to_stored(), who.about)));
    format!(
        "Comptoir's demo listens on {url} with a temporary database that goes when it stops (Ctrl-C).\n\n\
         Everybody's password: {password}\n\n{}\n\n\
         API token of shop_connector: {secret}\n\n\
         Try, in another terminal:\n\n  \
         TOKEN=$(curl -s {url}/account/token/generation -H 'Content-Type: application/json' \\\n    \
         -d '{{\"username\":\"olena\",\"password\":\"{password}\"}}')\n  \
         curl -s {url}/account/info -H \"Authorization: Bearer $TOKEN\"\n  \
         curl -s {url}/comptoir/v1/users -H \"Authorization: Bearer $TOKEN\"\n  \
         curl -s {url}/account/report -H \"Authorization: Bearer $TOKEN\" -o usage.xlsx\n  \
         curl -s {url}/comptoir/v1/me -H 'Authorization: Bearer {secret}'\n  \
         curl -s {url}/ExternalExchange/v1/statistic/set -H 'Authorization: Bearer {secret}' \\\n    \
         -H 'Content-Type: application/json' \\\n    \
         -d '{{\"externalSystemId\":\"29e86b162\",\"timestamp\":1654055585,\"items\":[{{\"key\":\"a.b\",\"value\":10}}]}}'\n  \
         curl -s {url}/comptoir/v1/connectors/metrics -H 'Authorization: Bearer {secret}'\n  \
         curl -s {url}/v5/orgs/{organization}/nomenclature.xlsx -H \"Authorization: Bearer $TOKEN\" -o goods.xlsx\n\n\
         Or in the browser: {url}/docs\n",
        rows.join("\n")
    )
}
