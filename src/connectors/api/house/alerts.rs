//! `/comptoir/v1/connectors/alert-rules` and `alerts`.
//!
//! Must not know: SQL, other domains.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::wire::{Alert, AlertPage, AlertRuleChange, AlertRulePage, AlertRuleWire, NewAlertRule};
use super::{Answer, HouseTags};
use crate::connectors::ConnectorsService;
use crate::http::json::{Strict, Written};
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};

/// The names of lists in their page tokens.
const RULES: &str = "alert-rules";
const ALERTS: &str = "alerts";

/// `/comptoir/v1/connectors/alert-rules` and `/comptoir/v1/connectors/alerts`.
pub struct AlertsApi(pub ConnectorsService);

#[OpenApi(tag = "HouseTags::Alerts")]
impl AlertsApi {
    /// List the alert rules
    #[oai(path = "/comptoir/v1/connectors/alert-rules", method = "get", operation_id = "list_alert_rules")]
    async fn rules(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<AlertRulePage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(RULES, page_token.0.as_deref())?;
        let after = if token.after().is_empty() { 0 } else { token.after().parse().map_err(|_| foreign())? };
        let rows = self.0.rules(caller.company_id, after, limit + 1)?;
        let (items, next_page_token) =
            paging::page(rows, limit, |last| PageToken::new(RULES, last.rule.id.to_string()));
        Ok(Json(AlertRulePage { items: items.into_iter().map(AlertRuleWire::from).collect(), next_page_token }))
    }

    /// Make an alert rule
    ///
    /// Of each series with the key, of one system and one merchant if they are named, the value with the latest timestamp
    /// is looked at: when it comes, and for silence by the clock. An alert tells webhooks that ask for `alert_started` and
    /// `alert_ended` once each. Between `clear` and `threshold` it stays as it is.
    #[oai(path = "/comptoir/v1/connectors/alert-rules", method = "post", operation_id = "create_alert_rule")]
    async fn create(&self, caller: Caller, body: Strict<NewAlertRule>) -> Answer<Json<AlertRuleWire>> {
        Ok(Json(self.0.create_rule(caller.principal(), body.0.parse()?).await?.into()))
    }

    /// Read an alert rule
    #[oai(path = "/comptoir/v1/connectors/alert-rules/:id", method = "get", operation_id = "read_alert_rule")]
    async fn rule(
        &self,
        caller: Caller,
        /// The rule's id.
        id: Path<Uuid>,
    ) -> Answer<Json<AlertRuleWire>> {
        Ok(Json(self.0.rule(caller.company_id, id.0)?.into()))
    }

    /// Change an alert rule
    ///
    /// Its name, its condition as a whole, or whether it is looked at. What it looks at stays: make another one for that.
    #[oai(path = "/comptoir/v1/connectors/alert-rules/:id", method = "patch", operation_id = "change_alert_rule")]
    async fn change(
        &self,
        caller: Caller,
        /// The rule's id.
        id: Path<Uuid>,
        body: Strict<AlertRuleChange>,
    ) -> Answer<Json<AlertRuleWire>> {
        Ok(Json(self.0.change_rule(caller.principal(), id.0, body.0.parse()?).await?.into()))
    }

    /// Delete an alert rule
    ///
    /// Its alerts end.
    #[oai(path = "/comptoir/v1/connectors/alert-rules/:id", method = "delete", operation_id = "delete_alert_rule")]
    async fn delete(
        &self,
        caller: Caller,
        /// The rule's id.
        id: Path<Uuid>,
    ) -> Answer<()> {
        Ok(self.0.delete_rule(caller.principal(), id.0).await?)
    }

    /// List the alerts that are on
    ///
    /// In the order in which they started.
    #[oai(path = "/comptoir/v1/connectors/alerts", method = "get", operation_id = "list_alerts")]
    async fn alerts(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Written<AlertPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(ALERTS, page_token.0.as_deref())?;
        let rows = self.0.alerts(caller.company_id, place(token.after())?, limit + 1)?;
        let (items, next_page_token) = paging::page(rows, limit, |last| {
            let (at, series, rule) = last.place;
            PageToken::new(ALERTS, format!("{at} {series} {rule}"))
        });
        Ok(Written::new(&AlertPage { items: items.into_iter().map(Alert::from).collect(), next_page_token }))
    }
}

fn foreign() -> Failure {
    Failure::invalid_field("page_token", "is not one of this list")
}

/// When the last alert of the page before started, its series and its rule.
fn place(after: &str) -> Result<(i64, i64, i64), Failure> {
    if after.is_empty() {
        return Ok((i64::MIN, 0, 0));
    }
    let numbers: Vec<i64> = after.split(' ').map(str::parse).collect::<Result<_, _>>().map_err(|_| foreign())?;
    let [at, series, rule] = numbers[..] else { return Err(foreign()) };
    Ok((at, series, rule))
}
