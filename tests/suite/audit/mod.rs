//! Who did what: the store of actions, Comptoir's own activity, the chain that vouches for it, and reading it.

mod actions;
mod chain;
mod own;
mod reading;

use serde_json::Value;

use crate::support::Client;

/// The audit as `client` reads it; `query` begins with `?` unless it is empty.
async fn audit(client: &Client, query: &str) -> Value {
    client.get(&format!("/account/audit{query}")).await.expect(200).json()
}

/// The operations of actions, in their order.
fn operations(audit: &Value) -> Vec<String> {
    let actions = audit["actions"].as_array().unwrap();
    actions.iter().map(|action| action["requests"][0]["operation"].as_str().unwrap().to_owned()).collect()
}

/// How many actions there are in the period, and how many of them pass the filters.
fn totals(audit: &Value) -> (u64, u64) {
    let total = |name: &str| audit["counters"][name]["total"].as_u64().unwrap();
    (total("overall"), total("filter"))
}
