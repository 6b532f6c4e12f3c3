//! `/comptoir/v1/connectors/values`, `keys`, `series` and `metrics`: reading back.
//!
//! Must not know: SQL, other domains.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Json;

use super::exposition::Exposition;
use super::wire::{
    Comparison, KeyPage, LatestValuePage, SeriesBuckets, SeriesPage, StepWord, TreeNode, place_of, place_text,
};
use super::{Answer, HouseTags, instant};
use crate::auth::model::zone;
use crate::connectors::ConnectorsService;
use crate::connectors::model::{Key, LAST_SECOND, Refused};
use crate::connectors::service::reading::LatestQuery;
use crate::connectors::service::series::{Cut, Span};
use crate::http::download::Download;
use crate::http::json::Written;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};
use crate::i18n::Language;

/// The names of lists in their page tokens.
const VALUES: &str = "latest-values";
const KEYS: &str = "keys";
const SERIES: &str = "series";

/// How far back a series is shown when nobody says: a day.
const DEFAULT_PERIOD: i64 = 86_400;

/// `/comptoir/v1/connectors/values`, `keys`, `series` and `metrics`.
pub struct ReadingApi(pub ConnectorsService);

#[OpenApi(tag = "HouseTags::Statistics")]
impl ReadingApi {
    /// List the newest values
    ///
    /// Of each key, system and merchant the value with the latest timestamp, by key.
    #[oai(path = "/comptoir/v1/connectors/values", method = "get", operation_id = "list_latest_values")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn latest(
        &self,
        caller: Caller,
        /// Those whose key begins with this.
        prefix: Query<Option<String>>,
        /// Those of this external system.
        system: Query<Option<String>>,
        /// Those of this merchant; empty: of none.
        merchant: Query<Option<String>>,
        /// How many at most; 50 if nobody says.
        #[oai(validator(minimum(value = "1"), maximum(value = "10000")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Written<LatestValuePage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(VALUES, page_token.0.as_deref())?;
        let query =
            LatestQuery { system: filled(system.0), merchant: merchant.0, prefix: prefix.0.unwrap_or_default() };
        let write = |page| {
            let next = |place: &_| PageToken::new(VALUES, place_text(place)).encode();
            Written::new(&LatestValuePage::of(page, next))
        };
        Ok(self.0.latest(caller.company_id, query, place_of(token.after())?, limit, write).await?)
    }

    /// List the keys below a path
    ///
    /// The tree of keys, a level at a time: what stands next after the dots.
    #[oai(path = "/comptoir/v1/connectors/keys", method = "get", operation_id = "list_keys")]
    async fn keys(
        &self,
        caller: Caller,
        /// The path; absent: the top.
        prefix: Query<Option<String>>,
        /// Only keys of this external system.
        system: Query<Option<String>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<KeyPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(KEYS, page_token.0.as_deref())?;
        let (system, path) = (filled(system.0), prefix.0.unwrap_or_default());
        let (nodes, next) = self.0.tree(caller.company_id, system.as_deref(), &path, token.after(), limit)?;
        let next_page_token = next.map(|key| PageToken::new(KEYS, key).encode());
        Ok(Json(KeyPage { items: nodes.into_iter().map(TreeNode::from).collect(), next_page_token }))
    }

    /// Read a series
    ///
    /// Its values as they were set, oldest first.
    #[oai(path = "/comptoir/v1/connectors/series", method = "get", operation_id = "read_series")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn series(
        &self,
        caller: Caller,
        /// The external system.
        system: Query<String>,
        /// The key.
        key: Query<String>,
        /// The merchant; absent: none.
        merchant: Query<Option<String>>,
        /// From this instant on, in Unix seconds or ISO 8601; absent: a day before the end.
        from: Query<Option<String>>,
        /// Before this instant; absent: until now.
        to: Query<Option<String>>,
        /// How many at most; 50 if nobody says.
        #[oai(validator(minimum(value = "1"), maximum(value = "10000")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Written<SeriesPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let mut span = self.span(system.0, key.0, (from.0, to.0))?;
        match PageToken::parse(SERIES, page_token.0.as_deref())?.after() {
            "" => {}
            after => span.from = instant("page_token", after)?.saturating_add(1).max(span.from),
        }
        let (values, is_last) = self.0.values(caller.company_id, span, merchant.0, limit).await?;
        let next = |at: i64| PageToken::new(SERIES, at.to_string()).encode();
        Ok(Written::new(&SeriesPage::of(&values, is_last, next)))
    }

    /// Read a series by minutes, hours or days
    ///
    /// Least, greatest, mean, sum and last of its numbers and how many values there were, for every minute, hour or day of
    /// the period in a time zone. One without values is there too, with nulls. The first and the last are whole ones. An
    /// hour that comes twice when the clocks go back is two.
    #[oai(path = "/comptoir/v1/connectors/series/buckets", method = "get", operation_id = "read_series_buckets")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn buckets(
        &self,
        caller: Caller,
        /// The external system.
        system: Query<String>,
        /// The key.
        key: Query<String>,
        /// The merchant; absent: none.
        merchant: Query<Option<String>>,
        /// From this instant on, in Unix seconds or ISO 8601; absent: a day before the end.
        from: Query<Option<String>>,
        /// Before this instant; absent: until now.
        to: Query<Option<String>>,
        /// How long each is; absent: an hour.
        step: Query<Option<StepWord>>,
        /// The IANA name of the time zone; absent: the company's.
        zone: Query<Option<String>>,
    ) -> Answer<Written<SeriesBuckets>> {
        let span = self.span(system.0, key.0, (from.0, to.0))?;
        let cut = cut(step.0, zone.0)?;
        let write = move |cutting| Written::new(&SeriesBuckets::of(cut.step, &cutting));
        Ok(self.0.buckets(caller.company_id, span, merchant.0, cut, write).await?)
    }

    /// Compare two merchants
    ///
    /// The same key of both by the same minutes, hours or days.
    #[oai(path = "/comptoir/v1/connectors/series/comparison", method = "get", operation_id = "compare_merchants")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn comparison(
        &self,
        caller: Caller,
        /// The external system.
        system: Query<String>,
        /// The key.
        key: Query<String>,
        /// One merchant.
        merchant: Query<String>,
        /// The other merchant.
        other_merchant: Query<String>,
        /// From this instant on, in Unix seconds or ISO 8601; absent: a day before the end.
        from: Query<Option<String>>,
        /// Before this instant; absent: until now.
        to: Query<Option<String>>,
        /// How long each is; absent: an hour.
        step: Query<Option<StepWord>>,
        /// The IANA name of the time zone; absent: the company's.
        zone: Query<Option<String>>,
    ) -> Answer<Written<Comparison>> {
        let span = self.span(system.0, key.0, (from.0, to.0))?;
        let (cut, merchants) = (cut(step.0, zone.0)?, [merchant.0, other_merchant.0]);
        let names = merchants.clone();
        let write = move |cuttings| Written::new(&Comparison::of(cut.step, names, &cuttings));
        Ok(self.0.comparison(caller.company_id, span, merchants, cut, write).await?)
    }

    /// Export a series
    ///
    /// A workbook (XLSX) with a series by minutes, hours or days and a chart; with two merchants, both beside each other.
    /// Labels are in the language that `Accept-Language` prefers: English, Russian or Ukrainian.
    #[oai(path = "/comptoir/v1/connectors/series/export", method = "get", operation_id = "export_series")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the operation")]
    async fn export(
        &self,
        caller: Caller,
        /// The external system.
        system: Query<String>,
        /// The key.
        key: Query<String>,
        /// The merchant; absent: none.
        merchant: Query<Option<String>>,
        /// Another merchant, to be shown beside it.
        other_merchant: Query<Option<String>>,
        /// From this instant on, in Unix seconds or ISO 8601; absent: a day before the end.
        from: Query<Option<String>>,
        /// Before this instant; absent: until now.
        to: Query<Option<String>>,
        /// How long each is; absent: an hour.
        step: Query<Option<StepWord>>,
        /// The IANA name of the time zone; absent: the company's.
        zone: Query<Option<String>>,
        /// The languages the caller prefers.
        #[oai(name = "Accept-Language")]
        accept_language: Header<Option<String>>,
    ) -> Answer<Download> {
        let span = self.span(system.0, key.0, (from.0, to.0))?;
        let merchants = [Some(merchant.0.unwrap_or_default()), other_merchant.0].into_iter().flatten().collect();
        let language = Language::negotiate(accept_language.0.as_deref());
        let file = self.0.export(caller.company_id, span, merchants, cut(step.0, zone.0)?, language).await?;
        Ok(Download::of_file("series.xlsx", file).map_err(Failure::internal)?.in_language(language))
    }

    /// Read the gauges
    ///
    /// The company's newest numbers in the text format of Prometheus, labelled by system, merchant and key; a bounded
    /// number of them (`connectors.max_gauges`). Disabled systems and merchants are left out.
    #[oai(path = "/comptoir/v1/connectors/metrics", method = "get", operation_id = "read_connector_metrics")]
    async fn metrics(&self, caller: Caller) -> Answer<Exposition> {
        Ok(Exposition(self.0.gauges(caller.company_id).await?))
    }
}

impl ReadingApi {
    fn span(&self, system: String, key: String, (from, to): (Option<String>, Option<String>)) -> Result<Span, Failure> {
        let key = Key::parse(key).map_err(|rule| Refused { field: "key", rule })?;
        // A value of this very second is shown too.
        let now = self.0.now().as_unix_seconds().saturating_add(1);
        let to = to.as_deref().map_or(Ok(now), |text| instant("to", text))?;
        let before = to.saturating_sub(DEFAULT_PERIOD).max(0);
        let from = from.as_deref().map_or(Ok(before), |text| instant("from", text))?;
        if from > to {
            return Err(Failure::invalid_field("to", "must not lie before from"));
        }
        Ok(Span { system, key, from, to: to.min(LAST_SECOND) })
    }
}

fn cut(step: Option<StepWord>, name: Option<String>) -> Result<Cut, Failure> {
    let zone = name.as_deref().map(zone).transpose().map_err(|rule| Refused { field: "zone", rule })?;
    Ok(Cut { step: step.unwrap_or(StepWord::Hour).into(), zone })
}

/// A filter that is left empty is none.
fn filled(filter: Option<String>) -> Option<String> {
    filter.filter(|text| !str::is_empty(text))
}
