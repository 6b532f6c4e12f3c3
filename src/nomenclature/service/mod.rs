//! The use cases of the nomenclature, one function each; each owns its transaction.
//!
//! Must not know: HTTP, the wire types. In reading order: [`goods`] (the catalogue), [`uploads`], [`imports`] (what people
//! do with imports), [`lists`], [`planning`] (reading and matching), [`applying`], [`undoing`], [`workbooks`] (what is
//! downloaded), [`sweeping`] (what is no longer kept).

pub mod applying;
mod error;
pub mod goods;
pub mod imports;
pub mod lists;
pub mod planning;
pub mod sweeping;
pub mod undoing;
pub mod uploads;
pub mod workbooks;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::error::{NomenclatureError, What};
use crate::auth::model::Principal;
use crate::auth::{Auth, companies};
use crate::clock::{Clock, Timestamp};
use crate::config::NomenclatureConfig;
use crate::nomenclature::model::Import;
use crate::nomenclature::sql;
use crate::sheets::Reader;
use crate::store::{Conn, Store, StoreError, WriteTx};
use crate::tasks::Queue;

/// The use cases over one store.
#[derive(Clone)]
pub struct NomenclatureService {
    auth: Auth,
    store: Store,
    clock: Clock,
    queue: Queue,
    reader: Reader,
    options: NomenclatureConfig,
    stopping: CancellationToken,
}

impl NomenclatureService {
    /// The nomenclature of this installation. Streams end when `stopping` is cancelled.
    #[must_use]
    pub fn new(
        auth: &Auth,
        queue: Queue,
        reader: Reader,
        options: NomenclatureConfig,
        stopping: CancellationToken,
    ) -> Self {
        let (store, clock) = (auth.store().clone(), auth.clock().clone());
        Self { auth: auth.clone(), store, clock, queue, reader, options, stopping }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes sure that an organisation is the caller's company.
    pub fn organization(&self, caller: &Principal, organization: Uuid) -> Result<(), NomenclatureError> {
        let own = self.store.read_one(|conn| companies::get(conn, caller.company_id))?;
        if own.guid == organization {
            return Ok(());
        }
        Err(NomenclatureError::not_found(What::Organization, organization))
    }

    /// The caller's organisation.
    pub fn own_organization(&self, caller: &Principal) -> Result<Uuid, NomenclatureError> {
        Ok(self.store.read_one(|conn| companies::get(conn, caller.company_id))?.guid)
    }
}

/// Writes how an import stands now, and that it does.
pub(super) fn keep(tx: &WriteTx<'_>, import: &Import) -> Result<(), StoreError> {
    sql::imports::save(tx, import)?;
    sql::states::note(tx, import)
}

/// What contradicts itself in the nomenclature, one sentence each.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let mut found = sql::goods::contradictions(conn)?;
    let miscounted = sql::uploads::miscounted(conn)?;
    found.extend(
        miscounted
            .into_iter()
            .map(|company| format!("nomenclature: the room of company {company}'s uploads is miscounted")),
    );
    Ok(found)
}
