//! `comptoir import`: a spreadsheet into a company's catalogue, with a progress bar and the question whether to.
//!
//! The same import as over HTTP, in the name of a user: it is seen there, and can be undone there. Beside a running server
//! the server does it and this command watches; otherwise the command does it itself, and only such tasks.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures_util::Stream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::signals::Signals;
use super::{CliError, Common, output};
use crate::app;
use crate::auth::Auth;
use crate::auth::model::{Call, Place, Principal};
use crate::auth::password::Hasher;
use crate::auth::permissions;
use crate::config::{Config, Database, Settings};
use crate::i18n::Language;
use crate::nomenclature::model::{Attributes, NewImport, Status, Strategy};
use crate::nomenclature::service::imports::Shown;
use crate::nomenclature::{NomenclatureError, NomenclatureService, Severity};
use crate::store::{OpenError, OpenOptions, Store};

/// How often it is looked how far the import is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// After so many looks it is looked whether a server still does the work.
const LOOKS_AT_THE_SERVER: u32 = 20;

/// How long what runs may take to end after the command is done.
const GRACE: Duration = Duration::from_secs(5);

/// So much of the file is read at a time.
const PIECE: u64 = 256 * 1024;

/// How to import.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The spreadsheet: `.xlsx`, `.xlsb`, `.csv`, `.xls` or `.ods`.
    file: PathBuf,

    /// The user in whose name; the catalogue is its company's [default: the first operator's name].
    #[arg(long, env = "COMPTOIR_IMPORT_USER", value_name = "NAME")]
    user: Option<String>,

    /// What happens to goods that the file does not mention.
    #[arg(long, value_enum, default_value_t = Unmentioned::Incremental)]
    strategy: Unmentioned,

    /// What rows find goods by, tried in this order: ean13, local, name; several between commas. `none`: every row is a
    /// new good.
    #[arg(long = "match", value_enum, value_delimiter = ',', default_value = "ean13", value_name = "WHAT")]
    matching: Vec<By>,

    /// Apply it without asking.
    #[arg(long, short)]
    yes: bool,

    /// With --yes: apply it also if no row is valid, or if more than a fifth of the catalogue would be archived.
    #[arg(long)]
    allow_archive: bool,

    /// Show at most so many of what was found.
    #[arg(long, default_value_t = 40, value_name = "NUMBER")]
    show: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unmentioned {
    /// They stay as they are.
    Incremental,
    /// They are archived.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Ean13,
    Local,
    Name,
    None,
}

impl ImportArgs {
    fn asked(&self) -> Result<NewImport, CliError> {
        let by = |what| self.matching.contains(&what);
        if by(By::None) && self.matching.len() > 1 {
            return Err(CliError::Refused("--match: `none` stands alone".to_owned()));
        }
        Ok(NewImport {
            strategy: match self.strategy {
                Unmentioned::Incremental => Strategy::Incremental,
                Unmentioned::Full => Strategy::Full,
            },
            attributes: Attributes { name: by(By::Name), ean13: by(By::Ean13), local: by(By::Local) },
            auto_confirm: false,
            meta: Some("comptoir import".to_owned()),
        })
    }
}

/// Runs the command.
pub fn run(common: &Common, args: &ImportArgs) -> Result<(), CliError> {
    let asked = args.asked()?;
    let file = File::open(&args.file).map_err(CliError::io(format!("cannot read {}", args.file.display())))?;
    let length = file.metadata().map_err(CliError::io(format!("cannot read {}", args.file.display())))?;
    if !length.is_file() {
        return Err(CliError::Refused(format!("{} is no file", args.file.display())));
    }
    let settings = common.settings(Settings::default())?;
    let user =
        args.user.clone().or_else(|| settings.operator_username.clone()).unwrap_or_else(|| "operator".to_owned());
    let config = settings.resolve()?;
    if length.len() > config.sheets.file {
        let (name, limit) = (args.file.display(), config.sheets.file);
        return Err(CliError::Refused(format!("{name} has more than {limit} bytes (`sheets.file`)")));
    }
    let (store, alone) = open(common, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::io("cannot start the runtime"))?;
    let outcome = runtime.block_on(async {
        let desk = Desk::open(common, &config, store, &user, alone).await?;
        let outcome = desk.import(args, asked, file).await;
        desk.close().await;
        outcome
    });
    // Whoever was asked may still be thinking.
    runtime.shutdown_background();
    outcome
}

/// Opens the database as the server does, so that this process may do the work; if one runs, as a command. Whether it is
/// alone.
fn open(common: &Common, config: &Config) -> Result<(Store, bool), CliError> {
    let Database::File(path) = &config.database else {
        return Err(CliError::Refused("a temporary database belongs to the server that made it: name its file".into()));
    };
    match Store::open(alone(common, path)) {
        Ok(store) => Ok((store, true)),
        Err(OpenError::Locked { .. }) => {
            // More than a command's one connection: the import is looked at while it is written.
            let options = OpenOptions { readers: 4, clock: common.clock(), ..OpenOptions::command(path) };
            Ok((Store::open(options)?, false))
        }
        Err(error) => Err(error.into()),
    }
}

/// As the server opens it.
fn alone(common: &Common, path: &Path) -> OpenOptions {
    OpenOptions { create: false, clock: common.clock(), ..OpenOptions::server(path) }
}

/// What an import needs.
struct Desk {
    service: NomenclatureService,
    caller: Principal,
    place: Place,
    /// The runner, unless a server runs.
    runner: Option<crate::tasks::Runner>,
    stopping: CancellationToken,
    signals: tokio::sync::Mutex<Signals>,
    /// How the database would be opened if no server had it.
    alone: OpenOptions,
}

impl Desk {
    async fn open(common: &Common, config: &Config, store: Store, user: &str, alone: bool) -> Result<Self, CliError> {
        let signals = tokio::sync::Mutex::new(Signals::listen()?);
        let (clock, stopping) = (common.clock(), CancellationToken::new());
        let auth = Auth::new(store.clone(), Hasher::start(), clock.clone())?;
        let caller = auth.on_behalf(user)?;
        let need = permissions::need(CREATE).expect("the table has every operation");
        permissions::allowed(need, &caller)
            .map_err(|lacks| CliError::Refused(format!("{} may not import: {lacks}", caller.username.as_str())))?;
        let place = Place::new("command", &app::instance(&store).await?);
        let options = super::serve::options(config, None, stopping.clone())?;
        let (queue, runner) = app::imports(&store, &clock, &options);
        let service = NomenclatureService::new(&auth, queue, options.sheets, options.nomenclature, stopping.clone());
        let runner = alone.then_some(runner);
        if let Some(runner) = &runner {
            runner.start();
        }
        let alone = self::alone(common, store.path());
        Ok(Self { service, caller, place, runner, stopping, signals, alone })
    }

    /// The user, doing something that is recorded with its effect.
    fn doing(&self, operation: &'static str) -> Arc<Principal> {
        Arc::new(self.caller.doing(Call {
            operation,
            effect: permissions::effect(operation).expect("the table has every operation"),
            request: Uuid::new_v4(),
            at: self.service.now(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            place: self.place.clone(),
        }))
    }

    async fn import(&self, args: &ImportArgs, asked: NewImport, file: File) -> Result<(), CliError> {
        let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let body = Box::pin(pieces(file));
        let taken = tokio::select! {
            taken = self.service.create(self.doing(CREATE), asked, name, body) => taken?,
            signal = self.signal() => return Err(CliError::Refused(format!("{signal}: nothing was imported"))),
        };
        let import = taken.import.guid;
        let bar = Bar::new(self.runner.is_none());
        let mut shown =
            self.until(import, &bar, |status| status != Status::InQueue && status != Status::InProgress).await?;
        while shown.import.status == Status::WaitingForFeedback {
            bar.clear();
            say(&shown, args.show, &args.file)?;
            let drastic = shown.plan.as_ref().is_some_and(|plan| plan.counts.is_drastic());
            match self.agreed(args, drastic).await {
                Ok(()) => {}
                Err(refused) => {
                    self.service.cancel(self.doing("cancel_nomenclature_import"), import).await?;
                    return Err(refused);
                }
            }
            self.service.confirm(self.doing("confirm_nomenclature_import"), import, drastic).await?;
            shown =
                self.until(import, &bar, |status| status != Status::InQueue && status != Status::InProgress).await?;
        }
        bar.clear();
        if shown.import.status == Status::Completed {
            return output::print(&lines(&shown, 0));
        }
        let reasons = shown.summary(Language::En);
        let reason = reasons.first().map_or("it was canceled elsewhere", |(_, text)| text);
        Err(CliError::Refused(format!("nothing was imported: {reason}")))
    }

    /// Waits until the import has come to such a status, and shows how far it is.
    async fn until(&self, import: Uuid, bar: &Bar, reached: impl Fn(Status) -> bool) -> Result<Shown, CliError> {
        let mut looks = 0_u32;
        loop {
            let shown = self.service.import(&self.caller, import)?;
            if reached(shown.import.status) {
                return Ok(shown);
            }
            bar.show(shown.import.status, shown.progress);
            looks += 1;
            if looks.is_multiple_of(LOOKS_AT_THE_SERVER) && self.server_is_gone() {
                bar.clear();
                return Err(CliError::Refused(
                    "the server that was doing the import has ended: the import goes on when one runs again".to_owned(),
                ));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                signal = self.signal() => {
                    bar.clear();
                    return match self.service.cancel(self.doing("cancel_nomenclature_import"), import).await {
                        Ok(_) => Err(CliError::Refused(format!("{signal}: the import is canceled, and nothing was changed"))),
                        // It was quicker.
                        Err(NomenclatureError::Refused(..)) => Ok(self.service.import(&self.caller, import)?),
                        Err(error) => Err(error.into()),
                    };
                }
            }
        }
    }

    /// Whether nobody does the work any longer.
    fn server_is_gone(&self) -> bool {
        // Whoever has the file does it; that nobody has it is seen by having it for a moment.
        self.runner.is_none() && Store::open(self.alone.clone()).is_ok()
    }

    /// Whether somebody wants what was shown.
    async fn agreed(&self, args: &ImportArgs, drastic: bool) -> Result<(), CliError> {
        let no = |why: &str| Err(CliError::Refused(format!("{why}: the import is canceled, and nothing was changed")));
        if args.yes {
            return if drastic && !args.allow_archive { no("this takes --allow-archive") } else { Ok(()) };
        }
        if !io::stdin().is_terminal() {
            return no("nobody can be asked, and there is no --yes");
        }
        let mut err = io::stderr();
        let _ = write!(err, "Apply this? [y/N] ").and_then(|()| err.flush());
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|_| line)
        });
        let answer = tokio::select! {
            answer = answer => answer.ok().and_then(Result::ok).unwrap_or_default(),
            signal = self.signal() => return no(signal),
        };
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => no("not agreed to"),
        }
    }

    async fn signal(&self) -> &'static str {
        self.signals.lock().await.next().await
    }

    async fn close(&self) {
        self.stopping.cancel();
        if let Some(runner) = &self.runner {
            runner.drain(GRACE).await;
        }
    }
}

/// The operation that takes a spreadsheet in.
const CREATE: &str = "create_nomenclature_import";

/// A file, piece by piece.
fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    futures_util::stream::try_unfold(file, |mut file| async move {
        let mut piece = Vec::new();
        let read = (&mut file).take(PIECE).read_to_end(&mut piece)?;
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}

/// Says what the file would do, and what was found about it.
fn say(shown: &Shown, most: usize, file: &Path) -> Result<(), CliError> {
    output::print(&format!("{}:\n{}", file.display(), lines(shown, most)))
}

/// What is said of an import, a line each; `most` findings at most.
fn lines(shown: &Shown, most: usize) -> String {
    let findings = shown.findings(Language::En);
    let hidden = findings.len().saturating_sub(most);
    let said = shown.summary(Language::En).into_iter().chain(findings.into_iter().take(most));
    let mut lines: Vec<_> = said
        .map(|(severity, text)| {
            let word = match severity {
                Severity::Information => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            format!("  {word:<8} {text}\n")
        })
        .collect();
    if hidden > 0 && most > 0 {
        lines.push(format!("  … and {hidden} more: --show shows them, report.xlsx has all\n"));
    }
    lines.concat()
}

/// A bar on a terminal; nothing where there is none.
struct Bar {
    visible: bool,
    /// Who works, for the words beside the bar.
    beside: bool,
}

impl Bar {
    fn new(beside: bool) -> Self {
        Self { visible: io::stderr().is_terminal(), beside }
    }

    fn show(&self, status: Status, percent: u8) {
        const WIDTH: usize = 32;
        if !self.visible {
            return;
        }
        let done = WIDTH * usize::from(percent.min(100)) / 100;
        let words = match status {
            Status::InQueue if self.beside => "waiting for the server",
            Status::InQueue => "waiting",
            _ if percent < 50 => "reading",
            _ => "writing",
        };
        let bar = format!("{}{}", "█".repeat(done), "░".repeat(WIDTH - done));
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r\x1b[2K{bar} {percent:>3} % {words}").and_then(|()| err.flush());
    }

    fn clear(&self) {
        if self.visible {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
        }
    }
}
