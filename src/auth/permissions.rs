//! The permission table: what each operation of every contract needs. One row per `operationId`; a test walks the
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
}

/// ADMIN alone.
const ADMIN: Need = Need::Any(Roles::of(&[Role::Admin]));

/// The business contracts: who writes in them.
const WRITERS: Need = Need::Any(Roles::of(&[Role::Admin, Role::User]));

/// Whoever trades: each for the parties it may act for.
const TRADERS: Need = Need::Any(Roles::of(&[Role::Admin, Role::Partner, Role::User, Role::Bot]));

/// The same and machines, which ingest and report.
const WRITERS_AND_BOTS: Need = Need::Any(Roles::of(&[Role::Admin, Role::User, Role::Bot]));

/// The table, by contract.
pub const TABLE: &[(&str, Need)] = &[
    // account
    ("run_token_generation", Need::Public),
    ("run_token_validation", Need::Public),
    ("change_password", Need::Personal),
    ("read_info", Need::SignedIn),
    ("update_info", Need::Personal),
    ("check", Need::Public),
    ("version", Need::Public),
    ("file", Need::Public),
    // audience (a PARTNER is bound to parties, which profiles do not have)
    ("refresh_resource_counters", WRITERS_AND_BOTS),
    ("refresh_database_counters", WRITERS_AND_BOTS),
    ("read_task_status", WRITERS_AND_BOTS),
    ("read_resource_counters", WRITERS_AND_BOTS),
    ("read_database_counters", WRITERS_AND_BOTS),
    ("list_databases", WRITERS_AND_BOTS),
    ("list_resources", WRITERS_AND_BOTS),
    ("read_resource", WRITERS_AND_BOTS),
    ("import_profile", WRITERS_AND_BOTS),
    ("import_profiles", WRITERS_AND_BOTS),
    ("delete_profile", WRITERS_AND_BOTS),
    ("set_subscription", WRITERS_AND_BOTS),
    ("delete_subscription", WRITERS_AND_BOTS),
    ("suspend_subscriptions", WRITERS_AND_BOTS),
    // house: audience (addresses are exported to no machine)
    ("list_audience_lists", WRITERS_AND_BOTS),
    ("create_audience_list", WRITERS),
    ("read_audience_list", WRITERS_AND_BOTS),
    ("change_audience_list", WRITERS),
    ("list_audience_resources", WRITERS_AND_BOTS),
    ("create_audience_resource", WRITERS),
    ("read_audience_resource", WRITERS_AND_BOTS),
    ("change_audience_resource", WRITERS),
    ("list_suppressed", WRITERS),
    ("add_suppressed", WRITERS_AND_BOTS),
    ("remove_suppressed", WRITERS),
    // schedules
    ("create_sid", Need::Public),
    ("list_schedules", TRADERS),
    ("create_schedule", TRADERS),
    ("replace_schedule", TRADERS),
    ("delete_schedule", TRADERS),
    ("find_distributor_schedules", TRADERS),
    ("list_schedule_days", TRADERS),
    // house: parties
    ("list_parties", TRADERS),
    ("create_party", ADMIN),
    ("read_party", TRADERS),
    ("change_party", ADMIN),
    ("read_user_parties", ADMIN),
    ("set_user_parties", ADMIN),
    ("read_company_zone", TRADERS),
    ("set_company_zone", ADMIN),
    // house: order windows (a calendar's address is its own credential)
    ("check_order_window", TRADERS),
    ("explain_order_window", TRADERS),
    ("list_schedule_exceptions", TRADERS),
    ("set_schedule_exception", TRADERS),
    ("delete_schedule_exception", TRADERS),
    ("list_holidays", TRADERS),
    ("set_holiday", ADMIN),
    ("delete_holiday", ADMIN),
    ("list_calendar_feeds", TRADERS),
    ("create_calendar_feed", TRADERS),
    ("revoke_calendar_feed", TRADERS),
    ("read_calendar", Need::Public),
    // house: the caller itself
    ("read_principal", Need::SignedIn),
    ("sign_out", Need::SignedIn),
    ("sign_out_everywhere", Need::Personal),
    // house: API tokens (an ADMIN also for others; the service looks at whose they are)
    ("list_tokens", Need::SignedIn),
    ("create_token", Need::SignedIn),
    ("read_token", Need::SignedIn),
    ("revoke_token", Need::SignedIn),
    // house: users
    ("list_users", ADMIN),
    ("create_user", ADMIN),
    ("read_user", ADMIN),
    ("change_user", ADMIN),
    ("reset_password", ADMIN),
    ("sign_out_user", ADMIN),
    // house: webhooks
    ("list_webhooks", ADMIN),
    ("create_webhook", ADMIN),
    ("read_webhook", ADMIN),
    ("change_webhook", ADMIN),
    ("delete_webhook", ADMIN),
    ("rotate_webhook_secret", ADMIN),
    ("ping_webhook", ADMIN),
    ("list_webhook_deliveries", ADMIN),
    ("list_deliveries", ADMIN),
    ("read_delivery", ADMIN),
    ("redeliver", ADMIN),
    ("rotate_feedback_secret", ADMIN),
    // house: companies
    ("list_companies", Need::Operator),
    ("create_company", Need::Operator),
    ("read_company", ADMIN),
    ("change_company", Need::Operator),
    // house: background tasks (an ADMIN the company's, others their own)
    ("list_tasks", Need::SignedIn),
    ("read_task", Need::SignedIn),
    ("cancel_task", Need::SignedIn),
    ("retry_task", Need::SignedIn),
    ("watch_tasks", Need::SignedIn),
    // house: the installation
    ("rotate_jwt_key", Need::Operator),
    ("health_live", Need::Public),
    ("health_ready", Need::Public),
];

/// What `operation` needs; `None` when it has no row.
#[must_use]
pub fn need(operation: &str) -> Option<Need> {
    TABLE.iter().find(|(id, _)| *id == operation).map(|(_, need)| *need)
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
        Need::Operator if principal.operator => Ok(()),
        Need::Operator => Err("this is for the operator of the installation".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_has_two_rows() {
        let mut seen = std::collections::HashSet::new();
        for (id, _) in TABLE {
            assert!(seen.insert(id), "{id} stands twice in the permission table");
        }
        assert_eq!(need("no_such_operation"), None);
    }
}
