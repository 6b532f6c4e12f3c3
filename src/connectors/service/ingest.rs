//! `set_statistic`: everything of a request is one transaction.

use std::sync::Arc;

use crate::auth::model::{CompanyId, SharedPrincipal};
use crate::clock::Timestamp;
use crate::connectors::model::{Refused, Register, SeriesId, shown};
use crate::connectors::moment;
use crate::connectors::service::{ConnectorsError, ConnectorsService, alerts};
use crate::connectors::sql;
use crate::connectors::sql::series::Identity;
use crate::connectors::sql::setting::{Put, Setter};
use crate::connectors::submission::Submission;
use crate::store::WriteTx;
use crate::tasks::Queue;

impl ConnectorsService {
    /// Sets what can be set; what cannot be is in the submission already.
    pub async fn set_statistic(
        &self,
        caller: SharedPrincipal,
        submission: Submission,
    ) -> Result<Submission, ConnectorsError> {
        let (company, now, queue) = (caller.company_id, self.clock.now(), self.queue.clone());
        let skew = i64::try_from(self.config.max_skew.as_secs()).unwrap_or(i64::MAX);
        moment::check(submission.at, now.as_unix_seconds(), skew)
            .map_err(|rule| Refused { field: "timestamp", rule })?;
        if submission.repeated > 0 {
            tracing::info!(
                company = company.0,
                system = shown(&submission.system),
                items = submission.repeated,
                "items of a request are replaced by later ones for the same key and merchant"
            );
        }
        let submission = Arc::new(submission);
        let stored = Arc::clone(&submission);
        self.auth.write_as(caller, move |tx| store(tx, &queue, company, &stored, now)).await?;
        Ok(Arc::unwrap_or_clone(submission))
    }
}

/// Sets the items of a submission.
pub fn store(
    tx: &WriteTx<'_>,
    queue: &Queue,
    company: CompanyId,
    submission: &Submission,
    now: Timestamp,
) -> Result<(), ConnectorsError> {
    let system = sql::registry::enabled_id(tx, Register::Systems, company, &submission.system)?
        .ok_or_else(|| ConnectorsError::UnknownSystem(shown(&submission.system)))?;
    let merchants = merchants(tx, company, &submission.merchants)?;
    let mut setter = Setter::new(tx, submission.at)?;
    let (mut changed, mut beginning) = (Vec::new(), None);
    for item in &submission.items {
        let merchant = item.merchant.map_or(0, |at| merchants[at]);
        let of = Identity { company, key: item.key.as_str(), system, merchant };
        let put = if let Some(known) = setter.set(of, &item.value)? {
            known
        } else {
            // Both are the same for every new series of a request.
            let (next, rules) = match beginning {
                Some(known) => known,
                None => (sql::setting::next_id(tx)?, sql::setting::has_rules(tx, company)?),
            };
            beginning = Some((SeriesId(next.0 + 1), rules));
            setter.begin(next, of, &item.value)?;
            let watched = rules && sql::alerts::watch_new(tx, next, of, now.as_unix_seconds())?;
            Put { id: next, newest: true, watched }
        };
        // An older value than the newest says nothing about how things stand.
        if put.watched && put.newest {
            changed.push(put.id);
        }
    }
    alerts::values_came(tx, queue, &changed, now)
}

/// The row keys of merchants, or all that are unknown.
fn merchants(tx: &WriteTx<'_>, company: CompanyId, codes: &[String]) -> Result<Vec<i64>, ConnectorsError> {
    let (mut known, mut unknown) = (Vec::with_capacity(codes.len()), Vec::new());
    for code in codes {
        match sql::registry::enabled_id(tx, Register::Merchants, company, code)? {
            Some(id) => known.push(id),
            None => unknown.push(shown(code)),
        }
    }
    if unknown.is_empty() { Ok(known) } else { Err(ConnectorsError::UnknownMerchants(unknown)) }
}
