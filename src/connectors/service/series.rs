//! Reading a series: raw, by buckets, beside that of another merchant, as a workbook.

use std::fs::File;

use chrono_tz::Tz;

use super::reading::PAGE_BYTES;
use super::{ConnectorsError, ConnectorsService, registry};
use crate::auth::model::CompanyId;
use crate::auth::parties;
use crate::connectors::buckets::{Bucket, Filler, MOST_BUCKETS, Step};
use crate::connectors::export::{Column, Head, write};
use crate::connectors::model::{Key, Refused, Register, SeriesId, UnixSeconds};
use crate::connectors::sql;
use crate::connectors::sql::series::Identity;
use crate::connectors::value::Value;
use crate::i18n::Language;
use crate::store::Conn;

/// A page of so many values is read where it is asked for, a longer one off the async workers.
const SHORT: usize = 200;

/// Which series, and of when.
#[derive(Debug, Clone)]
pub struct Span {
    /// The system's code.
    pub system: String,
    /// The key.
    pub key: Key,
    /// From this instant on.
    pub from: UnixSeconds,
    /// Before this one.
    pub to: UnixSeconds,
}

/// How a series is cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// How long a bucket is.
    pub step: Step,
    /// In which zone; `None`: the company's.
    pub zone: Option<Tz>,
}

/// A series by buckets.
#[derive(Debug)]
pub struct Cutting {
    /// The zone.
    pub zone: Tz,
    /// Each bucket, empty ones too, with where it begins and ends.
    pub buckets: Vec<(UnixSeconds, UnixSeconds, Bucket)>,
}

fn find(
    conn: &Conn,
    company: CompanyId,
    span: &Span,
    merchant: Option<&str>,
) -> Result<Option<SeriesId>, ConnectorsError> {
    let system = registry::find(conn, Register::Systems, company, &span.system)?.id;
    let merchant = match merchant {
        None | Some("") => 0,
        Some(code) => registry::find(conn, Register::Merchants, company, code)?.id,
    };
    Ok(sql::series::find(conn, Identity { company, key: span.key.as_str(), system, merchant })?)
}

fn known(conn: &Conn, company: CompanyId, span: &Span, merchant: Option<&str>) -> Result<SeriesId, ConnectorsError> {
    find(conn, company, span, merchant)?.ok_or_else(|| ConnectorsError::not_found("series", &span.key))
}

fn zone(conn: &Conn, company: CompanyId, cut: Cut) -> Result<Tz, ConnectorsError> {
    Ok(cut.zone.map_or_else(|| parties::company_zone(conn, company), Ok)?)
}

fn edges(span: &Span, step: Step, zone: Tz) -> Result<Vec<UnixSeconds>, ConnectorsError> {
    step.edges(zone, span.from, span.to).ok_or_else(|| {
        let rule = format!("makes more than {MOST_BUCKETS} buckets of a {}: ask for a shorter period", step.word());
        Refused::new("step", rule).into()
    })
}

/// Fills the buckets between `edges` with a series' values, whole ones: also the parts before and after the period.
fn fill(
    conn: &Conn,
    series: Option<SeriesId>,
    edges: Vec<UnixSeconds>,
) -> Result<Vec<(UnixSeconds, UnixSeconds, Bucket)>, ConnectorsError> {
    let (first, last) = (edges[0], edges[edges.len() - 1]);
    let mut filler = Filler::new(edges);
    if let Some(series) = series {
        sql::values::each(conn, series, (first, last), |at, reading| filler.add(at, reading))?;
    }
    Ok(filler.finish().collect())
}

impl ConnectorsService {
    /// Up to `limit` values of a series, oldest first, and whether those are the last.
    pub async fn values(
        &self,
        company: CompanyId,
        span: Span,
        merchant: Option<String>,
        limit: usize,
    ) -> Result<(Vec<(UnixSeconds, Value)>, bool), ConnectorsError> {
        let read = move |conn: &Conn| {
            let series = known(conn, company, &span, merchant.as_deref())?;
            Ok(sql::values::range(conn, series, (span.from, span.to), limit, PAGE_BYTES)?)
        };
        if limit <= SHORT {
            self.store.read(|conn| read(conn))
        } else {
            self.store.read_long(move |conn| read(conn)).await
        }
    }

    /// A series by buckets, and what `convert` makes of them, off the async workers.
    pub async fn buckets<T: Send + 'static>(
        &self,
        company: CompanyId,
        span: Span,
        merchant: Option<String>,
        cut: Cut,
        convert: impl FnOnce(Cutting) -> T + Send + 'static,
    ) -> Result<T, ConnectorsError> {
        self.store
            .read_long(move |conn| {
                let series = known(conn, company, &span, merchant.as_deref())?;
                let zone = zone(conn, company, cut)?;
                let buckets = fill(conn, Some(series), edges(&span, cut.step, zone)?)?;
                Ok(convert(Cutting { zone, buckets }))
            })
            .await
    }

    /// The same key of two merchants by the same buckets.
    pub async fn comparison<T: Send + 'static>(
        &self,
        company: CompanyId,
        span: Span,
        merchants: [String; 2],
        cut: Cut,
        convert: impl FnOnce([Cutting; 2]) -> T + Send + 'static,
    ) -> Result<T, ConnectorsError> {
        self.store
            .read_long(move |conn| {
                let [one, other] = &merchants;
                let series = [find(conn, company, &span, Some(one))?, find(conn, company, &span, Some(other))?];
                if series == [None, None] {
                    return Err(ConnectorsError::not_found("series", &span.key));
                }
                let zone = zone(conn, company, cut)?;
                let edges = edges(&span, cut.step, zone)?;
                let [one, other] = series;
                let one = Cutting { zone, buckets: fill(conn, one, edges.clone())? };
                let other = Cutting { zone, buckets: fill(conn, other, edges)? };
                Ok(convert([one, other]))
            })
            .await
    }

    /// A series by buckets as a workbook with a chart, of one merchant or of two, in a file without a name.
    pub async fn export(
        &self,
        company: CompanyId,
        span: Span,
        merchants: Vec<String>,
        cut: Cut,
        language: Language,
    ) -> Result<File, ConnectorsError> {
        let unwritten = |error: std::io::Error| ConnectorsError::Unwritten(error.to_string());
        self.store
            .read_long(move |conn| {
                let zone = zone(conn, company, cut)?;
                let edges = edges(&span, cut.step, zone)?;
                let (mut columns, mut any) = (Vec::new(), false);
                for merchant in &merchants {
                    let series = find(conn, company, &span, Some(merchant))?;
                    any |= series.is_some();
                    columns.push(Column { merchant: merchant.clone(), buckets: fill(conn, series, edges.clone())? });
                }
                if !any {
                    return Err(ConnectorsError::not_found("series", &span.key));
                }
                let head =
                    Head { language, system: span.system.clone(), key: span.key.to_string(), zone, step: cut.step };
                let file = tempfile::tempfile().map_err(unwritten)?;
                write(&head, &columns, file.try_clone().map_err(unwritten)?)?;
                Ok(file)
            })
            .await
    }
}
