//! Uploads: streamed into storage in pieces, so that memory does not depend on their size. A file is read once it is
//! whole; what was left half written is removed by the sweep.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use uuid::Uuid;

use super::{NomenclatureError, NomenclatureService};
use crate::auth::model::CompanyId;
use crate::nomenclature::sql;
use crate::store::Store;

/// The size of a piece in bytes; the last one of a file is what is left.
const CHUNK: usize = 256 * 1024;

/// So many pieces are written in one transaction.
const CHUNKS_AT_ONCE: usize = 4;

/// A file that is being written. Dropped before it is kept, it is given up.
pub struct Draft {
    store: Store,
    id: Option<i64>,
}

impl Draft {
    /// Its row key.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id.expect("it is there until it is kept")
    }

    /// It is kept: nothing is to be removed.
    pub fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move {
                let given_up = store.write(move |tx| sql::uploads::give_up_unfinished(tx, id)).await;
                if let Err(error) = given_up {
                    tracing::warn!(%error, id, "what is left of an upload is removed later");
                }
            });
        }
    }
}

impl NomenclatureService {
    /// Takes a file in; nobody reads it before it is published.
    pub(super) async fn receive(
        &self,
        company: CompanyId,
        name: String,
        mut body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<Draft, NomenclatureError> {
        let (guid, now) = (Uuid::new_v4(), self.clock.now());
        let id = self.store.write(move |tx| sql::uploads::begin(tx, company, guid, &name, now)).await?;
        let draft = Draft { store: self.store.clone(), id: Some(id) };
        let (mut waiting, mut number) = (BytesMut::with_capacity(CHUNK * CHUNKS_AT_ONCE), 0);
        while let Some(more) = body.next().await {
            let mut more = more.map_err(NomenclatureError::Body)?;
            while !more.is_empty() {
                let room = (CHUNK * CHUNKS_AT_ONCE).saturating_sub(waiting.len()).min(more.len());
                waiting.extend_from_slice(&more.split_to(room));
                if waiting.len() == CHUNK * CHUNKS_AT_ONCE {
                    number = self.append(company, id, number, waiting.split().freeze()).await?;
                }
            }
        }
        self.append(company, id, number, waiting.freeze()).await?;
        Ok(draft)
    }

    async fn append(
        &self,
        company: CompanyId,
        upload: i64,
        first: i64,
        bytes: Bytes,
    ) -> Result<i64, NomenclatureError> {
        if bytes.is_empty() {
            return Ok(first);
        }
        let (cap, now) = (self.options.storage_per_company, self.clock.now());
        self.store
            .write(move |tx| {
                let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                if !sql::uploads::take_room(tx, company, length, cap)? {
                    return Err(NomenclatureError::NoRoom(cap));
                }
                let mut number = first;
                for piece in bytes.chunks(CHUNK) {
                    if !sql::uploads::append(tx, upload, number, piece, now)? {
                        return Err(NomenclatureError::GivenUp);
                    }
                    number += 1;
                }
                Ok(number)
            })
            .await
    }
}
