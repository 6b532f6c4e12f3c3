//! The contract's lists, page by page: a user's imports as they stood when the first page was read, and the goods of a
//! version of the catalogue.

use super::imports::{Shown, shown};
use super::{NomenclatureError, NomenclatureService};
use crate::auth::model::{Principal, SharedPrincipal};
use crate::nomenclature::model::{Good, Status};
use crate::nomenclature::paging::{Mark, NoToken, Token};
use crate::nomenclature::sql::goods::Filter;
pub use crate::nomenclature::sql::states::Order;
use crate::nomenclature::sql::{self, states};
use crate::nomenclature::text::fold;
use crate::nomenclature::words::Why;
use crate::store::Conn;

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The next one.
    pub next: Option<Token>,
    /// Its number, from 1.
    pub number: u32,
    /// How many items the list has.
    pub total: i64,
}

/// Which imports of a user to list.
#[derive(Debug, Clone)]
pub struct ImportList {
    /// The page to read; `None`: the first one.
    pub token: Option<String>,
    /// Whether to show findings.
    pub full: bool,
    /// Made from this instant on, and before that one, in microseconds.
    pub created: (Option<i64>, Option<i64>),
    /// Changed from this instant on, and before that one.
    pub updated: (Option<i64>, Option<i64>),
    /// In which order.
    pub order: Order,
    /// In one of these states; none: in any.
    pub statuses: Vec<Status>,
    /// How many at a time.
    pub items: u32,
}

impl ImportList {
    fn mark(&self, caller: &Principal) -> Mark {
        let mut statuses: Vec<_> = self.statuses.iter().map(|status| status.number().to_string()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let instant = |at: Option<i64>| at.map(|at| at.to_string()).unwrap_or_default();
        Mark::of(&[
            "imports",
            &caller.company_id.0.to_string(),
            &caller.user_id.0.to_string(),
            &instant(self.created.0),
            &instant(self.created.1),
            &instant(self.updated.0),
            &instant(self.updated.1),
            &format!("{:?}", self.order),
            &statuses.join(","),
            &self.items.to_string(),
        ])
    }
}

/// Which goods to list.
#[derive(Debug, Clone)]
pub struct GoodList {
    /// The page to read; `None`: the first one.
    pub token: Option<String>,
    /// Text in the name or the article, or a whole barcode.
    pub search: Option<String>,
    /// A group, with its subgroups.
    pub group: Option<String>,
    /// In use or not; `None`: both.
    pub archived: Option<bool>,
    /// How many at a time.
    pub items: u32,
}

impl GoodList {
    fn mark(&self, caller: &Principal) -> Mark {
        Mark::of(&[
            "goods",
            &caller.company_id.0.to_string(),
            self.search.as_deref().unwrap_or_default(),
            self.group.as_deref().unwrap_or_default(),
            &format!("{:?}", self.archived),
            &self.items.to_string(),
        ])
    }
}

fn read_token(text: Option<&str>, mark: Mark) -> Result<Option<Token>, NomenclatureError> {
    text.map(|text| Token::parse(text, mark)).transpose().map_err(|why| {
        let why = match why {
            NoToken::Unreadable => Why::NoToken,
            NoToken::OtherList => Why::OtherList,
        };
        NomenclatureError::Refused("page_token", why)
    })
}

/// What reads a page of at most this many items is short.
const SHORT: usize = 50;

impl NomenclatureService {
    /// `GET async/imports/nomenclature`: a page of the caller's imports.
    pub async fn imports(&self, caller: SharedPrincipal, list: ImportList) -> Result<Page<Shown>, NomenclatureError> {
        let mark = list.mark(&caller);
        let token = read_token(list.token.as_deref(), mark)?;
        let short = !list.full && list.items as usize <= SHORT;
        let read = move |conn: &Conn| page_of_imports(conn, &caller, &list, mark, token);
        if short { self.store.read(|conn| read(conn)) } else { self.store.read_long(move |conn| read(conn)).await }
    }

    /// `GET nomenclature`: a page of goods by name, as the catalogue was when the first page was read.
    pub async fn goods(&self, caller: SharedPrincipal, list: GoodList) -> Result<Page<Good>, NomenclatureError> {
        let mark = list.mark(&caller);
        let token = read_token(list.token.as_deref(), mark)?;
        // What is searched for is looked for in every good.
        let short = list.search.is_none() && list.group.is_none() && list.archived.is_none();
        let read = move |conn: &Conn| page_of_goods(conn, &caller, &list, mark, token);
        if short { self.store.read(|conn| read(conn)) } else { self.store.read_long(move |conn| read(conn)).await }
    }
}

fn page_of_imports(
    conn: &Conn,
    caller: &Principal,
    list: &ImportList,
    mark: Mark,
    token: Option<Token>,
) -> Result<Page<Shown>, NomenclatureError> {
    let span = |(from, to): (Option<i64>, Option<i64>)| (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    let query = states::Query {
        company: caller.company_id,
        user: caller.user_id,
        moment: token.as_ref().map_or_else(|| states::latest(conn), |token| Ok(token.moment))?,
        created: span(list.created),
        updated: span(list.updated),
        statuses: if list.statuses.is_empty() { Status::ALL.to_vec() } else { list.statuses.clone() },
    };
    let (number, total) = match &token {
        Some(token) => (token.page, token.total),
        None => (1, states::count(conn, &query)?),
    };
    let after = match &token {
        Some(token) => {
            let at = token.key.parse().map_err(|_| NomenclatureError::Refused("page_token", Why::NoToken))?;
            Some((at, token.row))
        }
        None => None,
    };
    let mut keys = states::list(conn, &query, list.order, after, list.items as usize + 1)?;
    let more = keys.len() > list.items as usize;
    keys.truncate(list.items as usize);
    let next = keys.last().filter(|_| more).map(|(at, row)| Token {
        mark,
        moment: query.moment,
        page: number + 1,
        total,
        key: at.to_string(),
        row: *row,
    });
    let mut items = Vec::with_capacity(keys.len());
    for (_, id) in keys {
        if let Some(import) = sql::imports::get(conn, id)? {
            items.push(shown(conn, import, list.full)?);
        }
    }
    Ok(Page { items, next, number, total })
}

fn page_of_goods(
    conn: &Conn,
    caller: &Principal,
    list: &GoodList,
    mark: Mark,
    token: Option<Token>,
) -> Result<Page<Good>, NomenclatureError> {
    let catalogue = sql::catalogues::get(conn, caller.company_id)?;
    let filter = Filter {
        search: list.search.as_deref().map(|text| (fold(text), text.trim().to_owned())),
        group: list.group.as_deref().map(fold).filter(|group| !group.is_empty()),
        archived: list.archived,
    };
    let version = token.as_ref().map_or(catalogue.version, |token| token.moment.min(catalogue.version));
    if version < catalogue.forgotten {
        return Err(NomenclatureError::Refused("page_token", Why::TokenTooOld));
    }
    let (number, total) = match &token {
        Some(token) => (token.page, token.total),
        None if filter == Filter::default() => (1, catalogue.live + catalogue.archived),
        None => (1, sql::goods::count(conn, caller.company_id, version, &filter)?),
    };
    let after = token.as_ref().map_or(("", i64::MIN), |token| (token.key.as_str(), token.row));
    let mut items = sql::goods::list(conn, caller.company_id, version, &filter, after, list.items as usize + 1)?;
    let more = items.len() > list.items as usize;
    items.truncate(list.items as usize);
    let next = items.last().filter(|_| more).map(|last| Token {
        mark,
        moment: version,
        page: number + 1,
        total,
        key: fold(&last.values.name),
        row: last.good,
    });
    Ok(Page { items, next, number, total })
}
