//! The permission table: what each operation of every contract needs, and what it does. One row per `operationId`; a test walks the
//! whole document with every role, so an operation without a row cannot be published.
//!
//! Must not know: the database, HTTP, any domain. An operation that is missing here is refused to everyone.

use crate::auth::model::{Principal, Role, Roles};

/// What a caller needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: no credentials are read.
    Public,
    /// To be signed in, whatever the role.
    SignedIn,
    /// To be signed in as oneself: with a JWT, or with an API token that was not cut down to one role.
    Personal,
    /// One of these roles (the operator has ADMIN in its own company).
    Any(Roles),
    /// To act as the operator of the installation.
    Operator,
    /// To test this server: to be on its machine, or to act as its operator. Such operations are there only with test
    /// controls, on a database that was made for tests.
    Tester,
}

/// What an operation does, which decides how the audit records it (account contract, last section).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that anybody answers for: never recorded.
    Nothing,
    /// It signs someone in: recorded a moment later, so that a full disk keeps nobody out; refusals are counted.
    SignsIn,
    /// It reads: recorded if `audit.reads` is on, a moment later.
    Reads,
    /// It changes something: recorded in the transaction of the change.
    Changes,
    /// It hands out data in bulk: recorded before it is answered.
    Exports,
    /// It hands out a file: recorded before it is answered.
    Downloads,
    /// It takes in what machines deliver all the time: recorded like a change, once for each caller, operation and
    /// minute.
    Ingests,
}

/// ADMIN alone.
const ADMIN: Need = Need::Any(Roles::of(&[Role::Admin]));

/// The business contracts: who writes in them.
const WRITERS: Need = Need::Any(Roles::of(&[Role::Admin, Role::User]));

/// Whoever trades: each for the parties it may act for.
const TRADERS: Need = Need::Any(Roles::of(&[Role::Admin, Role::Partner, Role::User, Role::Bot]));

/// The same and machines, which ingest and report.
const WRITERS_AND_BOTS: Need = Need::Any(Roles::of(&[Role::Admin, Role::User, Role::Bot]));

/// Who reports what services did.
const REPORTERS: Need = Need::Any(Roles::of(&[Role::Admin, Role::Bot]));

/// The table, by contract: who may, and what it does.
pub const TABLE: &[(&str, Need, Effect)] = &[
    // account
    ("run_token_generation", Need::Public, Effect::SignsIn),
    ("run_token_validation", Need::Public, Effect::Nothing),
    ("change_password", Need::Personal, Effect::Changes),
    ("read_info", Need::SignedIn, Effect::Reads),
    ("update_info", Need::Personal, Effect::Changes),
    ("generate_statistics", Need::SignedIn, Effect::Reads),
    ("generate_report", Need::SignedIn, Effect::Exports),
    ("read_audit", Need::SignedIn, Effect::Reads),
    ("read_data", Need::SignedIn, Effect::Downloads),
    ("read_quota", Need::SignedIn, Effect::Reads),
    ("check", Need::Public, Effect::Nothing),
    ("version", Need::Public, Effect::Nothing),
    ("file", Need::Public, Effect::Nothing),
    // audience (a PARTNER is bound to parties, which profiles do not have)
    ("refresh_resource_counters", WRITERS_AND_BOTS, Effect::Changes),
    ("refresh_database_counters", WRITERS_AND_BOTS, Effect::Changes),
    ("read_task_status", WRITERS_AND_BOTS, Effect::Reads),
    ("read_resource_counters", WRITERS_AND_BOTS, Effect::Reads),
    ("read_database_counters", WRITERS_AND_BOTS, Effect::Reads),
    ("list_databases", WRITERS_AND_BOTS, Effect::Reads),
    ("list_resources", WRITERS_AND_BOTS, Effect::Reads),
    ("read_resource", WRITERS_AND_BOTS, Effect::Reads),
    ("import_profile", WRITERS_AND_BOTS, Effect::Ingests),
    ("import_profiles", WRITERS_AND_BOTS, Effect::Ingests),
    ("delete_profile", WRITERS_AND_BOTS, Effect::Changes),
    ("set_subscription", WRITERS_AND_BOTS, Effect::Changes),
    ("delete_subscription", WRITERS_AND_BOTS, Effect::Changes),
    ("suspend_subscriptions", WRITERS_AND_BOTS, Effect::Changes),
    // house: processes (data files: the user's own and an ADMIN's) and quotas
    ("report_process", REPORTERS, Effect::Ingests),
    ("report_processes", REPORTERS, Effect::Ingests),
    ("list_processes", REPORTERS, Effect::Reads),
    ("read_process", REPORTERS, Effect::Reads),
    ("attach_requests", REPORTERS, Effect::Ingests),
    ("finish_process", REPORTERS, Effect::Ingests),
    ("upload_process_file", REPORTERS, Effect::Ingests),
    ("download_process_file", REPORTERS, Effect::Downloads),
    ("delete_process_file", ADMIN, Effect::Changes),
    ("list_quotas", ADMIN, Effect::Reads),
    ("set_quota", ADMIN, Effect::Changes),
    ("delete_quota", ADMIN, Effect::Changes),
    // house: audience (addresses are exported to no machine)
    ("list_audience_lists", WRITERS_AND_BOTS, Effect::Reads),
    ("create_audience_list", WRITERS, Effect::Changes),
    ("read_audience_list", WRITERS_AND_BOTS, Effect::Reads),
    ("change_audience_list", WRITERS, Effect::Changes),
    ("list_audience_resources", WRITERS_AND_BOTS, Effect::Reads),
    ("create_audience_resource", WRITERS, Effect::Changes),
    ("read_audience_resource", WRITERS_AND_BOTS, Effect::Reads),
    ("change_audience_resource", WRITERS, Effect::Changes),
    ("list_suppressed", WRITERS, Effect::Exports),
    ("add_suppressed", WRITERS_AND_BOTS, Effect::Changes),
    ("remove_suppressed", WRITERS, Effect::Changes),
    // schedules
    ("create_sid", Need::Public, Effect::SignsIn),
    ("list_schedules", TRADERS, Effect::Reads),
    ("create_schedule", TRADERS, Effect::Changes),
    ("replace_schedule", TRADERS, Effect::Changes),
    ("delete_schedule", TRADERS, Effect::Changes),
    ("find_distributor_schedules", TRADERS, Effect::Reads),
    ("list_schedule_days", TRADERS, Effect::Reads),
    // nomenclature (a PARTNER is bound to parties, which goods do not have; machines export nothing)
    ("list_nomenclature_imports", WRITERS_AND_BOTS, Effect::Reads),
    ("create_nomenclature_import", WRITERS_AND_BOTS, Effect::Changes),
    ("read_nomenclature_import", WRITERS_AND_BOTS, Effect::Reads),
    ("confirm_nomenclature_import", WRITERS_AND_BOTS, Effect::Changes),
    ("cancel_nomenclature_import", WRITERS_AND_BOTS, Effect::Changes),
    ("delete_nomenclature_import", WRITERS_AND_BOTS, Effect::Changes),
    ("download_nomenclature_report", WRITERS_AND_BOTS, Effect::Downloads),
    ("watch_nomenclature_import", WRITERS_AND_BOTS, Effect::Reads),
    ("download_nomenclature_template", WRITERS_AND_BOTS, Effect::Reads),
    ("list_goods", WRITERS_AND_BOTS, Effect::Reads),
    ("read_good", WRITERS_AND_BOTS, Effect::Reads),
    ("change_good", WRITERS, Effect::Changes),
    ("export_goods", WRITERS, Effect::Exports),
    // house: nomenclature
    ("list_organization_imports", ADMIN, Effect::Reads),
    ("read_organization_import", ADMIN, Effect::Reads),
    ("preview_import_undo", ADMIN, Effect::Reads),
    ("undo_import", ADMIN, Effect::Changes),
    ("list_good_groups", WRITERS_AND_BOTS, Effect::Reads),
    // house: parties
    ("list_parties", TRADERS, Effect::Reads),
    ("create_party", ADMIN, Effect::Changes),
    ("read_party", TRADERS, Effect::Reads),
    ("change_party", ADMIN, Effect::Changes),
    ("read_user_parties", ADMIN, Effect::Reads),
    ("set_user_parties", ADMIN, Effect::Changes),
    ("read_company_zone", TRADERS, Effect::Reads),
    ("set_company_zone", ADMIN, Effect::Changes),
    // house: order windows (a calendar's address is its own credential)
    ("check_order_window", TRADERS, Effect::Reads),
    ("explain_order_window", TRADERS, Effect::Reads),
    ("list_schedule_exceptions", TRADERS, Effect::Reads),
    ("set_schedule_exception", TRADERS, Effect::Changes),
    ("delete_schedule_exception", TRADERS, Effect::Changes),
    ("list_holidays", TRADERS, Effect::Reads),
    ("set_holiday", ADMIN, Effect::Changes),
    ("delete_holiday", ADMIN, Effect::Changes),
    ("list_calendar_feeds", TRADERS, Effect::Reads),
    ("create_calendar_feed", TRADERS, Effect::Changes),
    ("revoke_calendar_feed", TRADERS, Effect::Changes),
    ("read_calendar", Need::Public, Effect::Nothing),
    // connectors
    ("set_statistic", WRITERS_AND_BOTS, Effect::Ingests),
    // house: connectors (machines ingest and are scraped, and export nothing)
    ("list_external_systems", WRITERS_AND_BOTS, Effect::Reads),
    ("create_external_system", ADMIN, Effect::Changes),
    ("read_external_system", WRITERS_AND_BOTS, Effect::Reads),
    ("change_external_system", ADMIN, Effect::Changes),
    ("list_merchants", WRITERS_AND_BOTS, Effect::Reads),
    ("create_merchant", ADMIN, Effect::Changes),
    ("read_merchant", WRITERS_AND_BOTS, Effect::Reads),
    ("change_merchant", ADMIN, Effect::Changes),
    ("list_latest_values", WRITERS_AND_BOTS, Effect::Reads),
    ("list_keys", WRITERS_AND_BOTS, Effect::Reads),
    ("read_series", WRITERS_AND_BOTS, Effect::Reads),
    ("read_series_buckets", WRITERS_AND_BOTS, Effect::Reads),
    ("compare_merchants", WRITERS_AND_BOTS, Effect::Reads),
    ("export_series", WRITERS, Effect::Exports),
    ("read_connector_metrics", WRITERS_AND_BOTS, Effect::Reads),
    ("list_alert_rules", WRITERS_AND_BOTS, Effect::Reads),
    ("create_alert_rule", WRITERS, Effect::Changes),
    ("read_alert_rule", WRITERS_AND_BOTS, Effect::Reads),
    ("change_alert_rule", WRITERS, Effect::Changes),
    ("delete_alert_rule", WRITERS, Effect::Changes),
    ("list_alerts", WRITERS_AND_BOTS, Effect::Reads),
    // house: the caller itself
    ("read_principal", Need::SignedIn, Effect::Reads),
    ("sign_out", Need::SignedIn, Effect::Changes),
    ("sign_out_everywhere", Need::Personal, Effect::Changes),
    // house: API tokens (an ADMIN also for others; the service looks at whose they are)
    ("list_tokens", Need::SignedIn, Effect::Reads),
    ("create_token", Need::SignedIn, Effect::Changes),
    ("read_token", Need::SignedIn, Effect::Reads),
    ("revoke_token", Need::SignedIn, Effect::Changes),
    // house: users
    ("list_users", ADMIN, Effect::Reads),
    ("create_user", ADMIN, Effect::Changes),
    ("read_user", ADMIN, Effect::Reads),
    ("change_user", ADMIN, Effect::Changes),
    ("reset_password", ADMIN, Effect::Changes),
    ("sign_out_user", ADMIN, Effect::Changes),
    // house: webhooks
    ("list_webhooks", ADMIN, Effect::Reads),
    ("create_webhook", ADMIN, Effect::Changes),
    ("read_webhook", ADMIN, Effect::Reads),
    ("change_webhook", ADMIN, Effect::Changes),
    ("delete_webhook", ADMIN, Effect::Changes),
    ("rotate_webhook_secret", ADMIN, Effect::Changes),
    ("ping_webhook", ADMIN, Effect::Changes),
    ("list_webhook_deliveries", ADMIN, Effect::Reads),
    ("list_deliveries", ADMIN, Effect::Reads),
    ("read_delivery", ADMIN, Effect::Reads),
    ("redeliver", ADMIN, Effect::Changes),
    ("rotate_feedback_secret", ADMIN, Effect::Changes),
    // house: companies
    ("list_companies", Need::Operator, Effect::Reads),
    ("create_company", Need::Operator, Effect::Changes),
    ("read_company", ADMIN, Effect::Reads),
    ("change_company", Need::Operator, Effect::Changes),
    // house: background tasks (an ADMIN the company's, others their own)
    ("list_tasks", Need::SignedIn, Effect::Reads),
    ("read_task", Need::SignedIn, Effect::Reads),
    ("cancel_task", Need::SignedIn, Effect::Changes),
    ("retry_task", Need::SignedIn, Effect::Changes),
    ("watch_tasks", Need::SignedIn, Effect::Reads),
    // house: backups, which have everybody's secrets in them
    ("list_backups", Need::Operator, Effect::Reads),
    ("create_backup", Need::Operator, Effect::Changes),
    ("read_backup", Need::Operator, Effect::Reads),
    ("download_backup", Need::Operator, Effect::Downloads),
    ("delete_backup", Need::Operator, Effect::Changes),
    ("read_outgoing", Need::Operator, Effect::Reads),
    ("release_outgoing", Need::Operator, Effect::Changes),
    // house: the installation
    ("rotate_jwt_key", Need::Operator, Effect::Changes),
    ("read_metrics", Need::Operator, Effect::Reads),
    ("health_live", Need::Public, Effect::Nothing),
    ("health_ready", Need::Public, Effect::Nothing),
    // house: test controls (what they do is undone with the audit it would stand in)
    ("seed_test_data", Need::Tester, Effect::Nothing),
    ("read_test_data", Need::Tester, Effect::Nothing),
    ("reset_test_data", Need::Tester, Effect::Nothing),
    ("list_test_snapshots", Need::Tester, Effect::Nothing),
    ("take_test_snapshot", Need::Tester, Effect::Nothing),
    ("restore_test_snapshot", Need::Tester, Effect::Nothing),
    ("delete_test_snapshot", Need::Tester, Effect::Nothing),
    ("read_test_clock", Need::Tester, Effect::Nothing),
    ("set_test_clock", Need::Tester, Effect::Nothing),
    ("advance_test_clock", Need::Tester, Effect::Nothing),
    ("list_test_faults", Need::Tester, Effect::Nothing),
    ("set_test_fault", Need::Tester, Effect::Nothing),
    ("delete_test_fault", Need::Tester, Effect::Nothing),
    ("clear_test_faults", Need::Tester, Effect::Nothing),
    ("list_test_requests", Need::Tester, Effect::Nothing),
    ("clear_test_requests", Need::Tester, Effect::Nothing),
    ("list_captured_webhooks", Need::Tester, Effect::Nothing),
    ("set_webhook_capture", Need::Tester, Effect::Nothing),
    ("clear_captured_webhooks", Need::Tester, Effect::Nothing),
];

/// What `operation` needs; `None` when it has no row.
#[must_use]
pub fn need(operation: &str) -> Option<Need> {
    TABLE.iter().find(|(id, _, _)| *id == operation).map(|(_, need, _)| *need)
}

/// What `operation` does; `None` when it has no row.
#[must_use]
pub fn effect(operation: &str) -> Option<Effect> {
    TABLE.iter().find(|(id, _, _)| *id == operation).map(|(_, _, effect)| *effect)
}

/// Whether `principal` may do what needs `need`; if not, what it lacks, for the error message.
pub fn allowed(need: Need, principal: &Principal) -> Result<(), String> {
    match need {
        Need::Public | Need::SignedIn => Ok(()),
        Need::Personal if principal.credential.is_personal() => Ok(()),
        Need::Personal => Err("this needs a JWT, or an API token with the role OWNER".into()),
        Need::Any(roles) if principal.roles.meets(roles) => Ok(()),
        Need::Any(roles) => {
            let words: Vec<_> = roles.iter().map(Role::as_str).collect();
            Err(format!("this needs the role {}", words.join(" or ")))
        }
        Need::Operator | Need::Tester if principal.operator => Ok(()),
        Need::Operator => Err("this is for the operator of the installation".into()),
        Need::Tester => Err("from elsewhere than its own machine this is for the operator of the installation".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_has_two_rows() {
        let mut seen = std::collections::HashSet::new();
        for (id, _, _) in TABLE {
            assert!(seen.insert(id), "{id} stands twice in the permission table");
        }
        assert_eq!(need("no_such_operation"), None);
    }
}
