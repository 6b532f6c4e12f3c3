//! Goods one by one. While an import is being written into the catalogue nothing else changes it: for a moment people are
//! asked to try again.

use uuid::Uuid;

use super::{NomenclatureError, NomenclatureService, What};
use crate::auth::model::{CompanyId, Principal, SharedPrincipal};
use crate::clock::Timestamp;
use crate::nomenclature::model::{Good, Subject, Values, Vat};
use crate::nomenclature::money::Price;
use crate::nomenclature::sql::goods::Filter;
use crate::nomenclature::sql::{self, catalogues};
use crate::nomenclature::text::{fold, shortened};
use crate::store::{Conn, WriteTx};

/// The most groups that are listed.
pub const MOST_GROUPS: usize = 10_000;

/// What changes about a good; `None` leaves a thing as it is, `Some(None)` clears it. Checked already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Its article.
    pub article: Option<Option<String>>,
    /// Its group.
    pub group: Option<Option<String>>,
    /// Its unit.
    pub unit: Option<Option<String>>,
    /// Its price.
    pub price: Option<Option<Price>>,
    /// Its rate of VAT.
    pub vat: Option<Option<Vat>>,
    /// Its EAN-13, joined.
    pub ean13: Option<String>,
    /// Its local codes, joined.
    pub local: Option<String>,
    /// What is settled.
    pub subject: Option<Subject>,
    /// Whether it is out of use.
    pub archived: Option<bool>,
}

impl Change {
    fn applied_to(&self, old: &Values) -> Values {
        Values {
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            article: self.article.clone().unwrap_or_else(|| old.article.clone()),
            group: self.group.clone().unwrap_or_else(|| old.group.clone()),
            unit: self.unit.clone().unwrap_or_else(|| old.unit.clone()),
            price: self.price.unwrap_or(old.price),
            vat: self.vat.unwrap_or(old.vat),
            ean13: self.ean13.clone().unwrap_or_else(|| old.ean13.clone()),
            local: self.local.clone().unwrap_or_else(|| old.local.clone()),
            subject: self.subject.unwrap_or(old.subject),
            archived: self.archived.unwrap_or(old.archived),
        }
    }
}

fn find(conn: &Conn, company: CompanyId, id: Uuid, version: i64) -> Result<Good, NomenclatureError> {
    sql::goods::find(conn, company, id, version)?.ok_or_else(|| NomenclatureError::not_found(What::Good, id))
}

/// Refuses codes that another good in use has.
fn refuse_taken(
    conn: &Conn,
    company: CompanyId,
    good: i64,
    values: &Values,
    version: i64,
) -> Result<(), NomenclatureError> {
    if values.archived {
        return Ok(());
    }
    for (kind, code) in sql::goods::codes_of(&values.ean13, &values.local) {
        if let Some(holder) = sql::goods::holder(conn, company, kind, code, good, version)? {
            let field = match kind {
                sql::goods::CodeKind::Ean13 => "barcodes_ean13",
                sql::goods::CodeKind::Local => "barcodes_local",
            };
            return Err(NomenclatureError::NotUnique(field, code.to_owned(), shortened(&holder.values.name)));
        }
    }
    Ok(())
}

/// Changes a good, which moves the version of the catalogue; what is so already changes nothing.
fn change(
    tx: &WriteTx<'_>,
    company: CompanyId,
    id: Uuid,
    change: &Change,
    now: Timestamp,
) -> Result<Good, NomenclatureError> {
    let catalogue = catalogues::get(tx, company)?;
    let old = find(tx, company, id, catalogue.version)?;
    let values = change.applied_to(&old.values);
    if values == old.values {
        return Ok(old);
    }
    if catalogue.pending.is_some() {
        return Err(NomenclatureError::Busy);
    }
    refuse_taken(tx, company, old.good, &values, catalogue.version)?;
    let more_archived = i64::from(values.archived) - i64::from(old.values.archived);
    let since = catalogues::advance(tx, company, -more_archived, more_archived)?;
    sql::goods::end(tx, old.id, since)?;
    let codes_changed = (&old.values.ean13, &old.values.local) != (&values.ean13, &values.local);
    if codes_changed {
        sql::goods::end_codes(tx, company, old.good, (&old.values.ean13, &old.values.local), since)?;
        sql::goods::add_codes(tx, company, old.good, (&values.ean13, &values.local), since)?;
    }
    let (before, after) = (fold(&old.values.name), fold(&values.name));
    if before != after {
        sql::finding::end_name(tx, company, old.good, &before, since)?;
        sql::finding::add_name(tx, company, old.good, &after, since)?;
    }
    sql::goods::insert(tx, company, &Good { since, values, changed_at: now, ..old })?;
    find(tx, company, id, since)
}

/// Has a good with this id be what `says` says, whether it is there or not; what is not said is nothing.
pub fn place(
    tx: &WriteTx<'_>,
    company: CompanyId,
    id: Uuid,
    says: &Change,
    now: Timestamp,
) -> Result<Good, NomenclatureError> {
    catalogues::ensure(tx, company)?;
    let catalogue = catalogues::get(tx, company)?;
    if sql::goods::find(tx, company, id, catalogue.version)?.is_some() {
        return change(tx, company, id, says, now);
    }
    if catalogue.pending.is_some() {
        return Err(NomenclatureError::Busy);
    }
    let nothing = Values {
        name: String::new(),
        article: None,
        group: None,
        unit: None,
        price: None,
        vat: None,
        ean13: String::new(),
        local: String::new(),
        subject: Subject::Product,
        archived: false,
    };
    let (good, values) = (sql::goods::unplanned(tx, company)?, says.applied_to(&nothing));
    refuse_taken(tx, company, good, &values, catalogue.version)?;
    let since = catalogues::advance(tx, company, (!values.archived).into(), values.archived.into())?;
    sql::goods::add_codes(tx, company, good, (&values.ean13, &values.local), since)?;
    sql::finding::add_name(tx, company, good, &fold(&values.name), since)?;
    sql::finding::add_id(tx, company, id, good)?;
    sql::goods::insert(tx, company, &Good { id: 0, good, guid: id, since, values, created_at: now, changed_at: now })?;
    find(tx, company, id, since)
}

/// Up to `limit` goods of a catalogue, in use or not, by name, after one of them.
pub fn every(
    conn: &Conn,
    company: CompanyId,
    after: Option<&Good>,
    limit: usize,
) -> Result<Vec<Good>, NomenclatureError> {
    let catalogue = catalogues::get(conn, company)?;
    let (name, number) = after.map_or((String::new(), 0), |after| (fold(&after.values.name), after.good));
    Ok(sql::goods::list(conn, company, catalogue.version, &Filter::default(), (&name, number), limit)?)
}

/// The goods of a catalogue that have a name, however it is written, in the order in which they were made.
pub fn named(conn: &Conn, company: CompanyId, name: &str) -> Result<Vec<Good>, NomenclatureError> {
    const MOST: usize = 1_000;
    let (catalogue, folded) = (catalogues::get(conn, company)?, fold(name));
    let mut alike = sql::goods::list(conn, company, catalogue.version, &Filter::default(), (&folded, 0), MOST)?;
    alike.retain(|good| fold(&good.values.name) == folded);
    Ok(alike)
}

impl NomenclatureService {
    /// `GET nomenclature/{guid}`.
    pub fn good(&self, caller: &Principal, id: Uuid) -> Result<Good, NomenclatureError> {
        self.store.read(|conn| {
            let catalogue = catalogues::get(conn, caller.company_id)?;
            find(conn, caller.company_id, id, catalogue.version)
        })
    }

    /// `PATCH nomenclature/{guid}`.
    pub async fn change_good(&self, caller: SharedPrincipal, id: Uuid, to: Change) -> Result<Good, NomenclatureError> {
        let (company, now) = (caller.company_id, self.clock.now());
        self.auth.write_as(caller, move |tx| change(tx, company, id, &to, now)).await
    }

    /// House: the groups of the catalogue, and how many goods in use each has.
    pub async fn groups(&self, caller: &Principal) -> Result<Vec<(String, i64)>, NomenclatureError> {
        let company = caller.company_id;
        self.store
            .read_long(move |conn| {
                let catalogue = catalogues::get(conn, company)?;
                Ok(sql::goods::groups(conn, company, catalogue.version, MOST_GROUPS)?)
            })
            .await
    }
}
