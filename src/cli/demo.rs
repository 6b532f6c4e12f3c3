//! `comptoir demo`: a temporary database with believable data, and what to try with it.

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::serve::{Running, serve};
use super::{CliError, Common, logging, stock};
use crate::auth::bootstrap::made_up_password;
use crate::auth::companies;
use crate::auth::model::{Password, Role, Scope};
use crate::config::{OperatorPassword, Settings, TEMPORARY};
use crate::fixtures::demo::demo;
use crate::fixtures::plan::WHOLE;
use crate::fixtures::{Circumstances, Plan};
use crate::tasks::Queue;
use crate::webhooks::guard::Guard;

/// How to serve the demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to listen on; port 0 takes any free one [default: 127.0.0.1:8080].
    #[arg(long, short, env = "COMPTOIR_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,

    /// Let tests steer this server, as `comptoir serve --test-controls` does.
    #[arg(long, env = "COMPTOIR_TEST_CONTROLS")]
    test_controls: bool,

    /// Print one JSON line with the address, the users, their password and the API token instead of a text for people.
    #[arg(long)]
    json: bool,
}

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
        test_controls: args.test_controls.then_some(true),
        operator_password: Some(OperatorPassword::Given(password.expose().into())),
        ..Settings::default()
    };
    let config = common.settings(flags)?.resolve()?;
    logging::start(&config.log_filter, config.log_format)?;
    let clock = if config.test_controls { common.steered_clock() } else { common.clock() };
    serve(config, clock, None, async move |server: &Running| {
        let cast = populate(server, &password).await?;
        if let Some(controls) = &server.controls {
            // Resets return to the demo, not to the empty installation.
            controls.begin().await?;
        }
        let text = if json { machine_readable(server, &password, &cast) } else { for_people(server, &password, &cast) };
        server.tell(&text);
        Ok(())
    })
}

/// A user of the demo, for the text that is printed.
struct Character {
    username: String,
    company: String,
    roles: Vec<&'static str>,
    about: String,
}

/// What was seeded, for the text that is printed.
struct Cast {
    characters: Vec<Character>,
    /// The connector's API token.
    secret: String,
}

/// Fills the database with the demo's fixture.
async fn populate(server: &Running, password: &Password) -> Result<Cast, CliError> {
    let auth = &server.auth;
    let fixture = demo(password.expose(), auth.clock().now())?;
    let characters = fixture.users.iter().map(|user| Character {
        username: user.username.clone(),
        company: user.company.clone(),
        roles: user.roles.iter().map(|role| Role::from(*role).as_str()).collect(),
        about: user.specification.clone().unwrap_or_default(),
    });
    let characters = characters.collect();
    // The database goes with the process, and everybody has the same password anyhow: it is hashed once.
    let circumstances =
        Circumstances { now: auth.clock().now(), tests: true, guard: Guard::new(Vec::new()), whole: WHOLE };
    let mut plan = Plan::of(fixture, &circumstances)?;
    plan.hash(auth.store(), auth.hasher()).await?;
    let queue = Queue::new(auth.clock().clone(), Vec::new());
    let seeded = plan.write(auth.store(), &queue, |_| {}).await?;
    let secret = seeded.secrets.into_iter().next().map(|made| made.secret).unwrap_or_default();
    stock::fill(server, "olena", password).await?;
    Ok(Cast { characters, secret })
}

/// The id of North Star as an organisation.
fn organization(server: &Running) -> Option<Uuid> {
    let found = server.auth.store().read(|conn| companies::find(conn, Scope::Installation, "north_star"));
    found.ok().map(|company| company.guid)
}

fn machine_readable(server: &Running, password: &Password, cast: &Cast) -> String {
    let users: Vec<_> = cast
        .characters
        .iter()
        .map(|who| json!({"username": who.username, "company_key": who.company, "roles": who.roles}))
        .collect();
    let line = json!({
        "ready": true,
        "url": server.url(),
        "pid": std::process::id(),
        "database": server.database,
        "operator": server.operator().map(|(username, _)| username),
        "users": users,
        "password": password.expose(),
        "api_token": {"username": "shop_connector", "secret": cast.secret},
        "organization": organization(server),
    });
    format!("{line}\n")
}

fn for_people(server: &Running, password: &Password, cast: &Cast) -> String {
    let (url, password, secret) = (server.url(), password.expose(), &cast.secret);
    let organization = organization(server).unwrap_or_default();
    let row =
        |name: &str, company: &str, roles: &str, about: &str| format!("  {name:<16} {company:<12} {roles:<12} {about}");
    let mut rows = vec![row("user", "company", "roles", "about")];
    if let Some((username, company)) = server.operator() {
        rows.push(row(username, company, "ADMIN", "the operator of this installation"));
    }
    rows.extend(cast.characters.iter().map(|who| row(&who.username, &who.company, &who.roles.join(","), &who.about)));
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
