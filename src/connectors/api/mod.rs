//! The connectors contract on the wire: one handler. Extract, one call, convert.
//!
//! Must not know: SQL, other domains. Source of names and shapes: the vendor's document, the seed; of the rest:
//! contracts/connectors.md.

mod errors;
pub mod house;
mod wire;

use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};

use self::errors::{StatisticErrors, render};
pub use self::house::{AlertsApi, ReadingApi, RegistryApi};
use self::wire::{StatisticAnswer, StatisticBody};
use crate::connectors::{ConnectorsError, ConnectorsService};
use crate::http::document::Example;
use crate::http::json::Exact;
use crate::http::{BearerOrBasic, Caller, Contract, Refused};

/// The contract, for the shared HTTP layer.
pub const CONTRACT: Contract = Contract {
    name: "connectors",
    prefixes: &["/ExternalExchange/v1"],
    // Ten thousand items with the longest keys.
    body_limit: 16 * 1024 * 1024,
    seldom: &[
        (409, &["create_external_system", "create_merchant", "create_alert_rule"]),
        (
            404,
            &[
                "list_latest_values",
                "list_keys",
                "read_series",
                "read_series_buckets",
                "compare_merchants",
                "export_series",
                "create_alert_rule",
            ],
        ),
    ],
    basic: true,
    ..Contract::plain(render)
};

/// Request bodies that `/docs` offers as they stand.
pub const EXAMPLES: &[Example] = &[
    ("set_statistic", wire::request_example),
    ("create_external_system", house::wire::new_system_example),
    ("change_external_system", house::wire::system_change_example),
    ("create_merchant", house::wire::new_merchant_example),
    ("change_merchant", house::wire::merchant_change_example),
    ("create_alert_rule", house::wire::new_rule_example),
    ("change_alert_rule", house::wire::rule_change_example),
];

/// What the answers look like.
pub const ANSWERS: &[Example] = &[
    ("set_statistic", wire::settled_answer),
    ("list_latest_values", house::wire::latest_answer),
    ("read_series_buckets", house::wire::buckets_answer),
];

#[derive(Tags)]
enum ConnectorTags {
    /// Figures that connectors report.
    #[oai(rename = "connectors: statistics")]
    Statistics,
}

/// The connectors contract.
pub struct ConnectorsApi(pub ConnectorsService);

#[OpenApi]
impl ConnectorsApi {
    /// Set values
    ///
    /// Sets the values of keys at an instant, those of one request together. A value is known by system, merchant, key and
    /// timestamp; setting it again replaces it. An item that cannot be set is named and the others are set all the same;
    /// with an unknown system or merchant nothing is.
    #[oai(
        path = "/ExternalExchange/v1/statistic/set",
        method = "post",
        operation_id = "set_statistic",
        tag = "ConnectorTags::Statistics"
    )]
    async fn set_statistic(
        &self,
        caller: Caller<BearerOrBasic>,
        body: Exact<StatisticBody>,
    ) -> Result<Json<StatisticAnswer>, Refused<StatisticErrors>> {
        match self.0.set_statistic(caller.principal(), body.0.0).await {
            Ok(set) => Ok(Json(StatisticAnswer::settled(&set.unsettable))),
            Err(error @ (ConnectorsError::UnknownSystem(_) | ConnectorsError::UnknownMerchants(_))) => {
                Ok(Json(StatisticAnswer::refused(error.to_string())))
            }
            Err(error) => Err(error.into()),
        }
    }
}
