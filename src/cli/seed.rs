//! `comptoir seed`: brings a database to what a fixture says, new or not, beside a running server or without one. And
//! `comptoir dump`: the way back.

use std::io::{IsTerminal, Read, stderr, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::openapi::schema_text;
use super::webhook::guard;
use super::{CliError, Common, output};
use crate::auth::AuthError;
use crate::config::Settings;
use crate::fixtures::plan::WHOLE;
use crate::fixtures::{self, Circumstances, FixtureError, MadeSecret, Plan, Seeded, Syntax};
use crate::store::{self, OpenOptions, Store};
use crate::tasks::Queue;

/// What to seed.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// The fixture, JSON or TOML; `-` reads standard input.
    #[arg(required_unless_present = "schema")]
    file: Option<PathBuf>,

    /// What it is written in [default: by the ending of its name, else JSON if it begins with a brace].
    #[arg(long, value_name = "FORMAT")]
    format: Option<Syntax>,

    /// Print one JSON object instead of a text for people.
    #[arg(long)]
    json: bool,

    /// An internal destination that the server's `webhooks.allow` lists, if this command does not read its configuration.
    #[arg(long, env = "COMPTOIR_WEBHOOKS_ALLOW", value_name = "DESTINATION", value_delimiter = ',')]
    webhooks_allow: Option<Vec<String>>,

    /// Print the JSON Schema of the format and do nothing else.
    #[arg(long, conflicts_with_all = ["file", "format", "json", "webhooks_allow"])]
    schema: bool,
}

/// What to write.
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// Where to write [default: standard output].
    file: Option<PathBuf>,

    /// What to write it in [default: by the ending of the file's name, else JSON].
    #[arg(long, value_name = "FORMAT")]
    format: Option<Syntax>,
}

/// By the ending of a name.
fn by_name(path: &Path) -> Option<Syntax> {
    match path.extension()?.to_str()? {
        "json" => Some(Syntax::Json),
        "toml" => Some(Syntax::Toml),
        _ => None,
    }
}

/// Reads a fixture from a file, or from standard input.
pub fn read(path: &Path, format: Option<Syntax>) -> Result<fixtures::Fixture, CliError> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map_err(CliError::io("cannot read standard input"))?;
        text
    } else {
        std::fs::read_to_string(path).map_err(CliError::io(format!("cannot read {}", path.display())))?
    };
    let guessed = || if text.trim_start().starts_with('{') { Syntax::Json } else { Syntax::Toml };
    let syntax = format.or_else(|| by_name(path)).unwrap_or_else(guessed);
    Ok(fixtures::read(&text, syntax)?)
}

/// Runs `seed`.
pub fn run(common: &Common, args: SeedArgs) -> Result<(), CliError> {
    let SeedArgs { file, format, json, webhooks_allow, schema } = args;
    if schema {
        return output::print(&schema_text());
    }
    let fixture = read(&file.unwrap_or_else(|| "-".into()), format)?;
    let guard = guard(common, webhooks_allow)?;
    // Nothing is opened for a document that is not in order.
    let now = common.clock().now();
    let store =
        common.open_with(&common.settings(Settings::default())?, |options| OpenOptions { create: true, ..options })?;
    let tests = store.read(|conn| store::is_for_tests(conn))?;
    let mut plan = Plan::of(fixture, &Circumstances { now, tests, guard, whole: WHOLE })?;
    plan.hash_blocking(&store)?;
    let (total, queue) = (plan.len(), Queue::new(common.clock(), Vec::new()));
    let shows = total > WHOLE && stderr().is_terminal();
    let seeded = plan.write_blocking(&store, &queue, |done| {
        if shows {
            // Written over itself, for a person who waits.
            let _ = std::io::Write::write_fmt(&mut stderr(), format_args!("\rseeded {done} of {total}"));
        }
    })?;
    if shows {
        let _ = std::io::Write::write_fmt(&mut stderr(), format_args!("\n"));
    }
    say(&seeded, json)
}

/// What came of it, with the secrets that are shown this once.
pub fn secrets_json(secrets: &[MadeSecret]) -> serde_json::Value {
    let one =
        |made: &MadeSecret| json!({"kind": made.kind, "owner": made.owner, "name": made.name, "secret": made.secret});
    secrets.iter().map(one).collect()
}

fn say(seeded: &Seeded, as_json: bool) -> Result<(), CliError> {
    let text = if as_json {
        format!("{}\n", json!({"items": seeded.items, "secrets": secrets_json(&seeded.secrets)}))
    } else {
        let line = |made: &MadeSecret| {
            format!("{} `{}` of {} (shown this once): {}\n", made.kind, made.name, made.owner, made.secret)
        };
        format!("seeded {} items\n{}", seeded.items, seeded.secrets.iter().map(line).collect::<String>())
    };
    if seeded.secrets.is_empty() {
        return output::print(&text);
    }
    output::write(&text).map_err(|source| CliError::Unshown {
        what: "secrets",
        remedy: "comptoir token add, or comptoir webhook add, for each of them".to_owned(),
        source,
    })
}

/// Runs `dump`.
pub fn dump(common: &Common, args: &DumpArgs) -> Result<(), CliError> {
    let store: Store = common.open()?;
    let now = common.clock().now();
    let fixture = store.read(|conn| fixtures::dump(conn, now))?;
    let syntax = args.format.or_else(|| args.file.as_deref().and_then(by_name)).unwrap_or(Syntax::Json);
    let text = fixtures::write(&fixture, syntax)?;
    match &args.file {
        None => output::print(&text),
        Some(path) => {
            std::fs::write(path, text).map_err(CliError::io(format!("cannot write {}", path.display())))?;
            output::say(&format!("written to {}", path.display()))
        }
    }
}

impl From<FixtureError> for CliError {
    fn from(error: FixtureError) -> Self {
        match error {
            FixtureError::Store(error) => Self::Store(error),
            FixtureError::Auth(error) => AuthError::into(error),
            other => Self::Refused(other.to_string()),
        }
    }
}
