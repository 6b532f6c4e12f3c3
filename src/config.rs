//! The configuration: flags over environment over file over defaults, resolved once into one checked [`Config`].
//!
//! What concerns the first start alone is checked when there is one ([`FirstStart::check`]): a password file that was
//! removed since must not keep the server from starting again.
//!
//! Must not know: any domain, HTTP, tasks. It reads the configuration file and the operator's password file, nothing
//! else.

mod backup;
mod connectors;
mod nomenclature;
mod processes;
mod sheets;
mod webhooks;

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

pub use self::backup::{BackupConfig, BackupSettings, BackupTimes};
pub use self::connectors::{ConnectorConfig, ConnectorSettings};
pub use self::nomenclature::{NomenclatureConfig, NomenclatureSettings};
pub use self::processes::{ProcessConfig, ProcessSettings};
pub use self::sheets::SheetSettings;
pub use self::webhooks::{AllowedDestination, WebhookConfig, WebhookSettings};
use crate::auth::model::{CompanyKey, Password, Username};
use crate::sheets::Limits as SheetLimits;

/// The file that is read when none is named and it is there.
pub const DEFAULT_FILE: &str = "comptoir.toml";

/// The database that is opened when none is named.
pub const DEFAULT_DATABASE: &str = "comptoir.db";

/// The word for a database in a fresh folder that goes with the process.
pub const TEMPORARY: &str = "temp";

/// A configuration that cannot be used. Its text names the setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The configuration file is not valid.
    #[error("{path}: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A setting breaks a rule.
    #[error("{setting} {rule}")]
    Invalid {
        /// Its name.
        setting: &'static str,
        /// The rule it breaks.
        rule: String,
    },
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// At this path, for good.
    File(PathBuf),
    /// In a fresh folder that is removed when the process ends.
    Temporary,
}

impl Database {
    /// Reads the setting's text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == TEMPORARY { Self::Temporary } else { Self::File(text.into()) }
    }
}

/// How the audit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether plain reads are recorded too.
    pub reads: bool,
    /// How long an action is kept.
    pub retention: Duration,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { reads: false, retention: days(AUDIT_RETENTION_DAYS) }
    }
}

/// How many days an action is kept unless a setting says otherwise: three years.
const AUDIT_RETENTION_DAYS: u64 = 1096;

fn days(days: u64) -> Duration {
    Duration::from_hours(days * 24)
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Where the first operator's password comes from.
#[derive(Clone, Deserialize)]
#[serde(from = "PathBuf")]
pub enum OperatorPassword {
    /// This is it. It is never a flag, which every process list would show.
    Given(OsString),
    /// It is the content of this file.
    File(PathBuf),
    /// The environment names both a password and a file.
    Ambiguous,
}

impl OperatorPassword {
    /// What the environment says: `COMPTOIR_OPERATOR_PASSWORD` and `COMPTOIR_OPERATOR_PASSWORD_FILE`.
    #[must_use]
    pub fn of_environment(password: Option<OsString>, file: Option<OsString>) -> Option<Self> {
        match (password, file) {
            (Some(_), Some(_)) => Some(Self::Ambiguous),
            (Some(password), None) => Some(Self::Given(password)),
            (None, Some(file)) => Some(Self::File(file.into())),
            (None, None) => None,
        }
    }

    fn read(&self) -> Result<Password, ConfigError> {
        let invalid = |rule: &str| ConfigError::Invalid { setting: "the operator's password", rule: rule.to_owned() };
        let text = match self {
            Self::Given(text) => text.clone().into_string().map_err(|_| invalid("must be UTF-8"))?,
            Self::File(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            Self::Ambiguous => {
                return Err(invalid(
                    "is ambiguous: set COMPTOIR_OPERATOR_PASSWORD or COMPTOIR_OPERATOR_PASSWORD_FILE, not both",
                ));
            }
        };
        Password::parse(text).map_err(|rule| invalid(&rule.0))
    }
}

impl From<PathBuf> for OperatorPassword {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl fmt::Debug for OperatorPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Ambiguous => f.write_str("Ambiguous"),
        }
    }
}

/// What the first start is told, as it was given.
#[derive(Debug, Clone, Default)]
pub struct FirstStart {
    company: Option<String>,
    username: Option<String>,
    password: Option<OperatorPassword>,
}

impl FirstStart {
    /// Reads the password's file, if there is one, and checks everything.
    pub fn check(&self) -> Result<Operator, ConfigError> {
        let invalid = |setting| move |rule: crate::auth::model::Rule| ConfigError::Invalid { setting, rule: rule.0 };
        Ok(Operator {
            company: CompanyKey::parse(self.company.as_deref().unwrap_or("comptoir"))
                .map_err(invalid("operator_company"))?,
            username: Username::parse(self.username.as_deref().unwrap_or("operator"))
                .map_err(invalid("operator_username"))?,
            password: self.password.as_ref().map(OperatorPassword::read).transpose()?,
        })
    }
}

/// The first operator of a new database.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Its company.
    pub company: CompanyKey,
    /// Its name.
    pub username: Username,
    /// Its password, if it was given.
    pub password: Option<Password>,
}

/// Everything the server is started with, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the database is.
    pub database: Database,
    /// What to listen on; port 0: any free one.
    pub listen: SocketAddr,
    /// The environment's name, for `tracedata.env`: 2 to 256 characters of `\w`.
    pub environment: String,
    /// Proxies whose word on the client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// What the first start is told; not checked yet.
    pub first_start: FirstStart,
    /// Connections served at once.
    pub max_connections: usize,
    /// The longest a handler may take, reading the body included.
    pub request_timeout: Duration,
    /// How long running requests may go on after the signal to stop.
    pub grace: Duration,
    /// How late a reminder of an order window may be sent.
    pub reminder_grace: Duration,
    /// What is logged, as `tracing` filters are written.
    pub log_filter: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// Whether successful requests are logged at `info` too.
    pub log_requests: bool,
    /// Answers that take longer are logged as a warning.
    pub slow_request: Duration,
    /// Statements that take longer are logged as a warning; `None`: none is.
    pub slow_query: Option<Duration>,
    /// Where the figures are served without a credential; port 0: any free one.
    pub metrics_listen: Option<SocketAddr>,
    /// How webhooks go out.
    pub webhooks: WebhookConfig,
    /// How the audit is kept.
    pub audit: AuditConfig,
    /// What reporting processes goes by.
    pub processes: ProcessConfig,
    /// Whether the server is steered by tests.
    pub test_controls: bool,
    /// What figures of connectors go by.
    pub connectors: ConnectorConfig,
    /// What imports of nomenclature go by.
    pub nomenclature: NomenclatureConfig,
    /// What reading a spreadsheet may cost.
    pub sheets: SheetLimits,
    /// Whether somebody else brings the database's log into its file.
    pub external_checkpoints: bool,
    /// When backups are taken, and which are kept.
    pub backup: BackupConfig,
}

/// Settings as one source gives them; what is absent is left to the next source. The same names in the file, as
/// `--flags` and as `COMPTOIR_*` variables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Path of the database, or `temp`.
    pub database: Option<String>,
    /// Address and port to listen on.
    pub listen: Option<String>,
    /// The environment's name.
    pub environment: Option<String>,
    /// Networks of proxies to trust.
    pub trusted_proxies: Option<Vec<String>>,
    /// The first operator's company.
    pub operator_company: Option<String>,
    /// The first operator's name.
    pub operator_username: Option<String>,
    /// Where the first operator's password comes from: in a configuration file, only another file.
    #[serde(rename = "operator_password_file")]
    pub operator_password: Option<OperatorPassword>,
    /// Connections served at once.
    pub max_connections: Option<usize>,
    /// The longest a request may take, in seconds.
    pub request_timeout: Option<u64>,
    /// How long running requests may go on after the signal to stop, in seconds.
    pub grace: Option<u64>,
    /// How late a reminder of an order window may be sent, in seconds.
    pub reminder_grace: Option<u64>,
    /// What is logged.
    pub log: Option<String>,
    /// How it is written.
    pub log_format: Option<LogFormat>,
    /// Whether successful requests are logged too.
    pub log_requests: Option<bool>,
    /// From how many milliseconds on a request is slow.
    pub log_slow_request: Option<u64>,
    /// From how many milliseconds on a statement is slow; 0: none is.
    pub log_slow_query: Option<u64>,
    /// Address and port for the figures alone.
    pub metrics_listen: Option<String>,
    /// How webhooks go out.
    pub webhooks: WebhookSettings,
    /// What reporting processes goes by.
    pub processes: ProcessSettings,
    /// How the audit is kept.
    pub audit: AuditSettings,
    /// Whether the server is steered by tests.
    pub test_controls: Option<bool>,
    /// What figures of connectors go by.
    pub connectors: ConnectorSettings,
    /// What imports of nomenclature go by.
    pub nomenclature: NomenclatureSettings,
    /// What reading a spreadsheet may cost.
    pub sheets: SheetSettings,
    /// How the database file is treated.
    pub store: StoreSettings,
    /// When backups are taken, and which are kept.
    pub backup: BackupSettings,
}

/// The table `[store]`; as flags `--store-checkpoints` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Who brings the log into the file.
    pub checkpoints: Option<CheckpointsSetting>,
}

/// Who brings the database's log into its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CheckpointsSetting {
    /// Comptoir.
    #[default]
    Own,
    /// A program beside it, such as Litestream.
    External,
}

/// The table `[audit]`; as flags `--audit-reads` and so on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// Whether plain reads are recorded too.
    pub reads: Option<bool>,
    /// How many days an action is kept.
    pub retention_days: Option<u64>,
}

impl Settings {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }

    /// Reads the named configuration file, or the default one if it is there.
    pub fn read_or_default(named: Option<&Path>) -> Result<Self, ConfigError> {
        match named {
            Some(path) => Self::read(path),
            None if Path::new(DEFAULT_FILE).is_file() => Self::read(Path::new(DEFAULT_FILE)),
            None => Ok(Self::default()),
        }
    }

    /// These settings, with `other`'s where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            database: self.database.or(other.database),
            listen: self.listen.or(other.listen),
            environment: self.environment.or(other.environment),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            operator_company: self.operator_company.or(other.operator_company),
            operator_username: self.operator_username.or(other.operator_username),
            operator_password: self.operator_password.or(other.operator_password),
            max_connections: self.max_connections.or(other.max_connections),
            request_timeout: self.request_timeout.or(other.request_timeout),
            grace: self.grace.or(other.grace),
            reminder_grace: self.reminder_grace.or(other.reminder_grace),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            log_requests: self.log_requests.or(other.log_requests),
            log_slow_request: self.log_slow_request.or(other.log_slow_request),
            log_slow_query: self.log_slow_query.or(other.log_slow_query),
            metrics_listen: self.metrics_listen.or(other.metrics_listen),
            webhooks: self.webhooks.or(other.webhooks),
            processes: self.processes.or(other.processes),
            nomenclature: self.nomenclature.or(other.nomenclature),
            audit: self.audit.or(&other.audit),
            test_controls: self.test_controls.or(other.test_controls),
            connectors: self.connectors.or(&other.connectors),
            sheets: self.sheets.or(other.sheets),
            store: StoreSettings { checkpoints: self.store.checkpoints.or(other.store.checkpoints) },
            backup: self.backup.or(other.backup),
        }
    }

    /// What to listen on.
    pub fn listen(&self) -> Result<SocketAddr, ConfigError> {
        self.listen.as_deref().unwrap_or("127.0.0.1:8080").parse().map_err(|_| ConfigError::Invalid {
            setting: "listen",
            rule: "must be an address and a port, such as 127.0.0.1:8080 or [::]:8080".to_owned(),
        })
    }

    /// Checks every setting but the first start's and fills in the defaults.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let invalid = |setting, rule: &str| ConfigError::Invalid { setting, rule: rule.to_owned() };
        let listen = self.listen()?;
        let metrics_listen = self.metrics_listen.as_deref().map(str::parse).transpose();
        let metrics_listen = metrics_listen
            .map_err(|_| invalid("metrics_listen", "must be an address and a port, such as 127.0.0.1:9100"))?;
        let environment = self.environment.unwrap_or_else(|| "local".to_owned());
        let word = |character: char| character.is_alphanumeric() || character == '_';
        if !(2..=256).contains(&environment.chars().count()) || !environment.chars().all(word) {
            return Err(invalid("environment", "must have 2 to 256 letters, digits and underscores"));
        }
        let trusted_proxies = self
            .trusted_proxies
            .unwrap_or_default()
            .iter()
            .map(|text| webhooks::network(text))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| invalid("trusted_proxies", "must be addresses or networks, such as 10.0.0.0/8"))?;
        let max_connections = self.max_connections.unwrap_or(1024);
        if !(1..=1_000_000).contains(&max_connections) {
            return Err(invalid("max_connections", "must be from 1 to 1000000"));
        }
        let request_timeout = self.request_timeout.unwrap_or(60);
        if !(1..=86_400).contains(&request_timeout) {
            return Err(invalid("request_timeout", "must be from 1 to 86400 seconds"));
        }
        let grace = self.grace.unwrap_or(20);
        if grace > 3_600 {
            return Err(invalid("grace", "must be at most 3600 seconds"));
        }
        let reminder_grace = self.reminder_grace.unwrap_or(3_600);
        if reminder_grace > 30 * 86_400 {
            return Err(invalid("reminder_grace", "must be at most 2592000 seconds"));
        }
        let database = Database::parse(self.database.as_deref().unwrap_or(DEFAULT_DATABASE));
        Ok(Config {
            listen,
            environment,
            trusted_proxies,
            first_start: FirstStart {
                company: self.operator_company,
                username: self.operator_username,
                password: self.operator_password,
            },
            max_connections,
            request_timeout: Duration::from_secs(request_timeout),
            grace: Duration::from_secs(grace),
            reminder_grace: Duration::from_secs(reminder_grace),
            log_filter: self.log.unwrap_or_else(|| "info".to_owned()),
            log_format: self.log_format.unwrap_or_default(),
            log_requests: self.log_requests.unwrap_or(false),
            slow_request: Duration::from_millis(self.log_slow_request.unwrap_or(1_000)),
            slow_query: Some(self.log_slow_query.unwrap_or(250)).filter(|ms| *ms > 0).map(Duration::from_millis),
            metrics_listen,
            webhooks: self.webhooks.resolve(&database)?,
            processes: self.processes.resolve()?,
            nomenclature: self.nomenclature.resolve()?,
            audit: self.audit.resolve()?,
            test_controls: self.test_controls.unwrap_or(false),
            connectors: self.connectors.resolve()?,
            sheets: self.sheets.resolve()?,
            external_checkpoints: self.store.checkpoints == Some(CheckpointsSetting::External),
            backup: self.backup.resolve(&database)?,
            database,
        })
    }
}

impl AuditSettings {
    fn or(&self, other: &Self) -> Self {
        Self { reads: self.reads.or(other.reads), retention_days: self.retention_days.or(other.retention_days) }
    }

    fn resolve(&self) -> Result<AuditConfig, ConfigError> {
        let retention = self.retention_days.unwrap_or(AUDIT_RETENTION_DAYS);
        if !(1..=36_525).contains(&retention) {
            let rule = "must be from 1 to 36525 days".to_owned();
            return Err(ConfigError::Invalid { setting: "audit.retention_days", rule });
        }
        Ok(AuditConfig { reads: self.reads.unwrap_or(false), retention: days(retention) })
    }
}

#[cfg(test)]
mod tests {
    use url::Host;

    use super::*;

    #[test]
    fn an_earlier_source_wins_and_a_later_one_fills_in() {
        let flags = Settings { listen: Some("127.0.0.1:1".into()), ..Settings::default() };
        let file: Settings =
            toml::from_str("listen = '127.0.0.1:2'\nenvironment = 'prod'\ntrusted_proxies = ['10.0.0.0/8', '::1']")
                .expect("a valid file");
        let config = flags.or(file).resolve().expect("valid settings");
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.environment, "prod");
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.database, Database::File(DEFAULT_DATABASE.into()));
        let operator = config.first_start.check().expect("the defaults");
        assert_eq!(operator.username.as_str(), "operator");
        assert!(operator.password.is_none());
    }

    #[test]
    fn a_bad_setting_is_refused_by_name() {
        let refusals = [
            (Settings { listen: Some("8080".into()), ..Settings::default() }, "listen"),
            (Settings { metrics_listen: Some("9100".into()), ..Settings::default() }, "metrics_listen"),
            (Settings { environment: Some("a b".into()), ..Settings::default() }, "environment"),
            (Settings { trusted_proxies: Some(vec!["nobody".into()]), ..Settings::default() }, "trusted_proxies"),
            (Settings { max_connections: Some(0), ..Settings::default() }, "max_connections"),
            (Settings { request_timeout: Some(0), ..Settings::default() }, "request_timeout"),
            (allowing(&["http://receiver"]), "webhooks.allow"),
            (
                Settings {
                    processes: ProcessSettings { abandoned_after: Some(1), ..ProcessSettings::default() },
                    ..Settings::default()
                },
                "processes.abandoned_after",
            ),
            (
                Settings {
                    processes: ProcessSettings { max_file_size: Some(u64::MAX), ..ProcessSettings::default() },
                    ..Settings::default()
                },
                "processes.max_file_size",
            ),
            (
                Settings {
                    audit: AuditSettings { retention_days: Some(0), ..AuditSettings::default() },
                    ..Settings::default()
                },
                "audit.retention_days",
            ),
            (connectors(|connectors| connectors.thin_to = Some(0)), "connectors.thin_to"),
            (connectors(|connectors| connectors.retention_days = Some(0)), "connectors.retention_days"),
            (connectors(|connectors| connectors.thin_after_days = Some(0)), "connectors.thin_after_days"),
            (connectors(|connectors| connectors.max_skew = Some(u64::MAX)), "connectors.max_skew"),
            (connectors(|connectors| connectors.max_gauges = Some(usize::MAX)), "connectors.max_gauges"),
        ];
        for (settings, name) in refusals {
            let error = settings.resolve().expect_err(name);
            assert!(error.to_string().starts_with(name), "{error}");
        }
        assert!(toml::from_str::<Settings>("lisen = '1'").is_err(), "a misspelt setting must not pass unnoticed");
    }

    fn connectors(change: impl FnOnce(&mut ConnectorSettings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings.connectors);
        settings
    }

    #[test]
    fn backups_are_taken_daily_unless_the_database_goes_or_somebody_says_otherwise() {
        let resolved = |text: &str, database: Database| {
            let settings: Settings = toml::from_str(text).expect("a valid file");
            settings.backup.resolve(&database)
        };
        let kept = || Database::File("comptoir.db".into());
        let (hours, daily) = (Duration::from_hours, |hours| BackupTimes::DailyAt(Duration::from_hours(hours)));
        for (text, database, times, drill) in [
            ("", kept(), daily(3), Some(hours(7 * 24))),
            ("", Database::Temporary, BackupTimes::Off, None),
            ("backup.at = '00:00'", Database::Temporary, daily(0), Some(hours(7 * 24))),
            ("backup.at = '23:00'\nbackup.drill_every = 3600", kept(), daily(23), Some(hours(1))),
            ("backup.every = 0", kept(), BackupTimes::Off, None),
            ("backup.every = 7200\nbackup.drill_every = 0", kept(), BackupTimes::Every(hours(2)), None),
        ] {
            let config = resolved(text, database).expect("valid settings");
            assert_eq!((config.times, config.drill_every), (times, drill), "{text}");
        }
        for (text, setting) in [
            ("backup.every = 59", "backup.every"),
            ("backup.every = 60\nbackup.at = '03:00'", "backup.every"),
            ("backup.at = '3:00'", "backup.at"),
            ("backup.at = '24:00'", "backup.at"),
            ("backup.at = '+3:00'", "backup.at"),
            ("backup.keep = 0", "backup.keep"),
            ("backup.drill_every = 1", "backup.drill_every"),
        ] {
            let error = resolved(text, kept()).expect_err(text);
            assert!(error.to_string().starts_with(setting), "{error}");
        }
    }

    #[test]
    fn a_time_of_day_on_the_command_line_takes_the_place_of_an_interval_in_the_file() {
        let flags = BackupSettings { at: Some("04:00".to_owned()), ..BackupSettings::default() };
        let file = BackupSettings { every: Some(3_600), keep: Some(2), ..BackupSettings::default() };
        let config = flags.or(file).resolve(&Database::File("comptoir.db".into())).expect("valid settings");
        assert_eq!((config.times, config.keep), (BackupTimes::DailyAt(Duration::from_hours(4)), 2));
    }

    fn allowing(texts: &[&str]) -> Settings {
        let allow = Some(texts.iter().map(|text| (*text).to_owned()).collect());
        Settings { webhooks: WebhookSettings { allow, ca: None }, ..Settings::default() }
    }

    #[test]
    fn what_webhooks_may_call_is_read_in_every_form() {
        for text in ["10.0.0.0/8", "10.0.0.1", "::1", "[::1]:80", "10.0.0.1:80", "receiver", "Receiver.internal.:80"] {
            assert!(AllowedDestination::parse(text).is_some(), "{text}");
        }
        for text in
            ["", ":80", "receiver:0", "receiver:x", "receiver:99999", "http://receiver", "a b", "*.internal", "."]
        {
            assert!(AllowedDestination::parse(text).is_none(), "{text}");
        }
        let settings: Settings = toml::from_str("webhooks.allow = ['receiver:80']").expect("a valid file");
        let config = settings.resolve().expect("valid settings");
        assert_eq!(config.webhooks.allow, [AllowedDestination::Name("receiver".to_owned(), Some(80))]);
    }

    #[test]
    fn only_a_temporary_database_lets_webhooks_call_this_machine() {
        for (database, own) in [("temp", true), ("comptoir.db", false)] {
            let settings = Settings { database: Some(database.to_owned()), ..Settings::default() };
            let allow = settings.resolve().expect("valid settings").webhooks.allow;
            let host = Host::Ipv4(std::net::Ipv4Addr::LOCALHOST);
            let covered = |address: &str| {
                let address = address.parse().expect("an address");
                allow.iter().any(|allowed| allowed.covers(&host, 80, address))
            };
            assert_eq!((covered("127.0.0.1"), covered("::1"), covered("10.0.0.1")), (own, own, false), "{database}");
        }
    }

    #[test]
    fn what_the_first_start_is_told_is_checked_when_there_is_one() {
        let given = |text: &str| Some(OperatorPassword::Given(text.into()));
        let refusals = [
            (Settings { operator_username: Some("x".into()), ..Settings::default() }, "operator_username"),
            (Settings { operator_company: Some(String::new()), ..Settings::default() }, "operator_company"),
            (Settings { operator_password: given("short"), ..Settings::default() }, "the operator's password"),
            (
                Settings { operator_password: Some(OperatorPassword::Ambiguous), ..Settings::default() },
                "the operator's password is ambiguous",
            ),
            (
                Settings { operator_password: Some(PathBuf::from("not/there").into()), ..Settings::default() },
                "cannot read not/there",
            ),
        ];
        for (settings, said) in refusals {
            let config = settings.resolve().expect("a later start does not ask");
            let error = config.first_start.check().expect_err(said);
            assert!(error.to_string().starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_password_is_taken_from_the_first_source_that_names_one_and_never_shown() {
        let file: Settings = toml::from_str("operator_password_file = 'file'").expect("a valid file");
        let variables = |password: Option<&str>, path: Option<&str>| Settings {
            operator_password: OperatorPassword::of_environment(password.map(Into::into), path.map(Into::into)),
            ..Settings::default()
        };
        let flag = || Settings { operator_password: Some(PathBuf::from("flag").into()), ..Settings::default() };
        let none = Settings::default;
        for (settings, expected) in [
            (flag().or(variables(Some("of the environment"), Some("variable"))).or(file.clone()), "File(\"flag\")"),
            (none().or(variables(Some("of the environment"), None)).or(file.clone()), "Given(…)"),
            (none().or(variables(None, Some("variable"))).or(file.clone()), "File(\"variable\")"),
            (none().or(variables(Some(""), Some("variable"))).or(file.clone()), "Ambiguous"),
            (none().or(variables(None, None)).or(file), "File(\"file\")"),
        ] {
            assert_eq!(format!("{:?}", settings.operator_password.expect("a source")), expected);
        }
    }

    #[test]
    fn temp_is_a_database_that_goes_with_the_process() {
        assert_eq!(Database::parse("temp"), Database::Temporary);
        assert_eq!(Database::parse("./temp"), Database::File("./temp".into()));
    }
}
