//! Reading back what stands with the series: newest values, the tree of keys, gauges.

use std::collections::HashMap;

use super::{ConnectorsError, ConnectorsService, registry};
use crate::auth::model::CompanyId;
use crate::connectors::exposition::{self, Sample};
use crate::connectors::model::{Register, UnixSeconds};
use crate::connectors::sql;
use crate::connectors::sql::series::{Identity, Wanted};
pub use crate::connectors::sql::series::{Latest, Place};
use crate::connectors::value::Value;
use crate::store::Conn;

/// A page ends early when its values have more bytes of text than this.
pub(super) const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A page of so many rows is read where it is asked for, a longer one off the async workers.
const SHORT: usize = 200;

/// Which newest values are wanted.
#[derive(Debug, Clone, Default)]
pub struct LatestQuery {
    /// Those of this system.
    pub system: Option<String>,
    /// Those of this merchant; empty: of none.
    pub merchant: Option<String>,
    /// Those whose key begins with this.
    pub prefix: String,
}

/// The codes of systems and merchants that were met.
#[derive(Debug, Default)]
pub struct Codes(HashMap<(Register, i64), String>);

impl Codes {
    fn learn(&mut self, conn: &Conn, register: Register, id: i64) -> Result<(), ConnectorsError> {
        if id != 0 && !self.0.contains_key(&(register, id)) {
            let code = sql::registry::get(conn, register, id)?.map(|entry| entry.code).unwrap_or_default();
            self.0.insert((register, id), code);
        }
        Ok(())
    }

    /// The code of a system.
    #[must_use]
    pub fn system(&self, id: i64) -> &str {
        self.0.get(&(Register::Systems, id)).map_or("", String::as_str)
    }

    /// The code of a merchant; none for 0.
    #[must_use]
    pub fn merchant(&self, id: i64) -> Option<&str> {
        self.0.get(&(Register::Merchants, id)).map(String::as_str)
    }
}

/// Newest values, and the codes of what they are of.
#[derive(Debug, Default)]
pub struct LatestPage {
    /// By key, system and merchant.
    pub values: Vec<Latest>,
    /// Whether these are the last.
    pub is_last: bool,
    /// Codes.
    pub codes: Codes,
}

/// What a series is of, by the codes of its system and merchant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The key.
    pub key: String,
    /// The code of the system.
    pub system: String,
    /// The code of the merchant; `None`: of none.
    pub merchant: Option<String>,
}

/// Every series of a company by its names, in their order.
pub fn every_series(conn: &Conn, company: CompanyId) -> Result<Vec<Named>, ConnectorsError> {
    const ROWS: usize = 1_000;
    let wanted = Wanted { company, system: None, merchant: None, prefix: String::new() };
    let (mut named, mut codes, mut after) = (Vec::new(), Codes::default(), Place::default());
    loop {
        let (page, is_last) = sql::series::latest(conn, &wanted, &after, ROWS, PAGE_BYTES)?;
        for Latest { key, system, merchant, .. } in page {
            codes.learn(conn, Register::Systems, system)?;
            codes.learn(conn, Register::Merchants, merchant)?;
            let (system_code, merchant_code) =
                (codes.system(system).to_owned(), codes.merchant(merchant).map(str::to_owned));
            named.push(Named { key: key.clone(), system: system_code, merchant: merchant_code });
            after = Place { key, system, merchant };
        }
        if is_last {
            named.sort_unstable();
            return Ok(named);
        }
    }
}

/// Shows `take` every value of a series, oldest first.
pub fn every_value(
    conn: &Conn,
    company: CompanyId,
    of: &Named,
    mut take: impl FnMut(UnixSeconds, Value),
) -> Result<(), ConnectorsError> {
    const ROWS: usize = 1_000;
    let system = registry::find(conn, Register::Systems, company, &of.system)?.id;
    let merchant = match &of.merchant {
        Some(code) => registry::find(conn, Register::Merchants, company, code)?.id,
        None => 0,
    };
    let of = Identity { company, key: &of.key, system, merchant };
    let Some(series) = sql::series::find(conn, of)? else { return Ok(()) };
    let mut from = 0;
    loop {
        let (page, is_last) = sql::values::range(conn, series, (from, UnixSeconds::MAX), ROWS, PAGE_BYTES)?;
        for (at, value) in page {
            from = at + 1;
            take(at, value);
        }
        if is_last {
            return Ok(());
        }
    }
}

/// A node of the tree of keys, below the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What its path ends with: what stands between two dots.
    pub name: String,
    /// All of its path.
    pub path: String,
    /// Whether it is itself a key.
    pub is_key: bool,
    /// Whether there are keys below it.
    pub has_children: bool,
}

fn latest(
    conn: &Conn,
    company: CompanyId,
    query: &LatestQuery,
    after: &Place,
    limit: usize,
) -> Result<LatestPage, ConnectorsError> {
    let system = match &query.system {
        Some(code) => Some(registry::find(conn, Register::Systems, company, code)?.id),
        None => None,
    };
    let merchant = merchant(conn, company, query.merchant.as_deref())?;
    let wanted = Wanted { company, system, merchant, prefix: query.prefix.clone() };
    let (values, is_last) = sql::series::latest(conn, &wanted, after, limit, PAGE_BYTES)?;
    let mut codes = Codes::default();
    for value in &values {
        codes.learn(conn, Register::Systems, value.system)?;
        codes.learn(conn, Register::Merchants, value.merchant)?;
    }
    Ok(LatestPage { values, is_last, codes })
}

/// A merchant's row key: any for `None`, 0 for an empty code.
pub(super) fn merchant(conn: &Conn, company: CompanyId, code: Option<&str>) -> Result<Option<i64>, ConnectorsError> {
    Ok(match code {
        None => None,
        Some("") => Some(0),
        Some(code) => Some(registry::find(conn, Register::Merchants, company, code)?.id),
    })
}

/// Up to `limit` nodes right below `path`, the first of which has or comes after the key `from`; and the key at which the
/// next page begins.
fn children(
    conn: &Conn,
    company: CompanyId,
    system: Option<i64>,
    path: &str,
    from: &str,
    limit: usize,
) -> Result<(Vec<Node>, Option<String>), ConnectorsError> {
    let below = if path.is_empty() { String::new() } else { format!("{path}.") };
    let first = |from: &str| sql::series::first_key(conn, company, system, from);
    let starts =
        |from: &str, with: &str| Ok::<_, ConnectorsError>(first(from)?.is_some_and(|key| key.starts_with(with)));
    let mut nodes = Vec::new();
    let mut seek = from.max(below.as_str()).to_owned();
    while let Some(key) = first(&seek)? {
        let Some(rest) = key.strip_prefix(&below) else { break };
        if nodes.len() == limit {
            return Ok((nodes, Some(key)));
        }
        let name = rest.split('.').next().unwrap_or_default().to_owned();
        let path = format!("{below}{name}");
        let inside = format!("{path}.");
        if key == path {
            let has_children = starts(&inside, &inside)?;
            nodes.push(Node { name, path, is_key: true, has_children });
            // The next key there can be.
            seek = format!("{key}\u{1}");
        } else {
            // A key that is there itself came before, with whatever sorts between it and what is below it.
            if first(&path)?.as_deref() != Some(path.as_str()) {
                nodes.push(Node { name, path: path.clone(), is_key: false, has_children: true });
            }
            // A slash is what follows a dot.
            seek = format!("{path}/");
        }
    }
    Ok((nodes, None))
}

impl ConnectorsService {
    /// Up to `limit` newest values after a place, and what `convert` makes of them, off the async workers if they are many.
    pub async fn latest<T: Send + 'static>(
        &self,
        company: CompanyId,
        query: LatestQuery,
        after: Place,
        limit: usize,
        convert: impl FnOnce(LatestPage) -> T + Send + 'static,
    ) -> Result<T, ConnectorsError> {
        // No index has the merchant: it may take the whole company to find a few.
        if limit <= SHORT && query.merchant.is_none() {
            return self.store.read(|conn| Ok(convert(latest(conn, company, &query, &after, limit)?)));
        }
        self.store.read_long(move |conn| Ok(convert(latest(conn, company, &query, &after, limit)?))).await
    }

    /// Up to `limit` nodes right below `path`, from the key `from` on; and the key at which the next page begins.
    pub fn tree(
        &self,
        company: CompanyId,
        system: Option<&str>,
        path: &str,
        from: &str,
        limit: usize,
    ) -> Result<(Vec<Node>, Option<String>), ConnectorsError> {
        self.store.read(|conn| {
            let system = match system {
                Some(code) => Some(registry::find(conn, Register::Systems, company, code)?.id),
                None => None,
            };
            children(conn, company, system, path, from, limit)
        })
    }

    /// The company's newest numbers as a page for Prometheus.
    pub async fn gauges(&self, company: CompanyId) -> Result<String, ConnectorsError> {
        let most = self.config.max_gauges;
        let (page, omitted) = self
            .store
            .read_long(move |conn| {
                let (numbers, omitted) = sql::series::numbers(conn, company, most)?;
                let mut codes = Codes::default();
                let mut samples = Vec::with_capacity(numbers.len());
                for (latest, number) in numbers {
                    codes.learn(conn, Register::Systems, latest.system)?;
                    codes.learn(conn, Register::Merchants, latest.merchant)?;
                    samples.push(Sample {
                        system: codes.system(latest.system).to_owned(),
                        merchant: codes.merchant(latest.merchant).unwrap_or_default().to_owned(),
                        key: latest.key,
                        number,
                        at: latest.at,
                    });
                }
                Ok::<_, ConnectorsError>((exposition::page(&samples, omitted), omitted))
            })
            .await?;
        if omitted > 0 {
            tracing::warn!(
                company = company.0,
                omitted,
                shown = most,
                "series are left out of the gauges: connectors.max_gauges lets no more be shown"
            );
        }
        Ok(page)
    }
}
