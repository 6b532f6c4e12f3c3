//! Data files of processes: streamed in and out in pieces, so that memory does not depend on their size. A file is seen
//! once it is whole; what was left half written is removed in slices.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::UsageService;
use super::error::UsageError;
use crate::account::model::Flow;
use crate::account::sql;
pub use crate::account::sql::files::File;
use crate::account::sql::processes::Process;
use crate::audit::actions;
use crate::auth::model::{CompanyId, Principal, Role, SharedPrincipal};
use crate::clock::Timestamp;
use crate::store::{Conn, Store, StoreError, WriteTx};

/// The size of a piece in bytes; the last one of a file is what is left.
pub const CHUNK: usize = 256 * 1024;

/// So many pieces are written in one transaction.
const CHUNKS_AT_ONCE: usize = 4;

/// So many pieces are removed in one transaction.
const REMOVED_AT_ONCE: usize = 40;

/// A file that nobody has written to for so long is given up.
const STALLED: Duration = Duration::from_hours(1);

fn process(conn: &Conn, company: CompanyId, code: Uuid) -> Result<Process, UsageError> {
    sql::processes::find(conn, company, code)?.ok_or_else(|| UsageError::not_found("process", code))
}

fn note_in_audit(tx: &WriteTx<'_>, company: CompanyId, code: Uuid, flow: Flow, exists: bool) -> Result<(), UsageError> {
    if let Some(action) = actions::find(tx, company, code)? {
        actions::set_file(tx, company, action.id, flow, exists)?;
    }
    Ok(())
}

/// A file that is being written. Dropped before it is published, it is removed.
struct Draft {
    store: Store,
    file: Option<i64>,
}

impl Draft {
    /// It is published: nothing is left to be removed.
    fn keep(mut self) {
        self.file = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let (Some(file), Ok(runtime)) = (self.file.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(remove(self.store.clone(), file));
        }
    }
}

/// Removes a file that is not shown, slice by slice. What does not work now, [`sweep`] does later.
async fn remove(store: Store, file: i64) {
    let hidden = store.write(move |tx| sql::files::give_up(tx, file)).await;
    let removed = match hidden {
        Ok(()) => remove_given_up(&store, file).await,
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(%error, file, "what is left of a data file is removed later");
    }
}

async fn remove_given_up(store: &Store, file: i64) -> Result<(), StoreError> {
    while !store.write(move |tx| sql::files::remove_slice(tx, file, REMOVED_AT_ONCE)).await? {}
    Ok(())
}

/// Removes what was left half written, or half removed, when a server ended.
pub async fn sweep(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let before = now.minus(STALLED);
    store.write(move |tx| sql::files::give_up_stalled(tx, before)).await?;
    while let Some(file) = store.read_one(|conn| sql::files::given_up(conn))? {
        remove_given_up(store, file).await?;
    }
    Ok(())
}

/// What contradicts itself among the data files, one sentence each.
pub fn consistency(conn: &Conn) -> Result<Vec<String>, StoreError> {
    let companies = sql::files::miscounted(conn)?.into_iter();
    Ok(companies.map(|company| format!("usage: the room of company {company}'s data files is miscounted")).collect())
}

impl UsageService {
    /// Keeps the data of a process. Sent again, the same bytes are the same file; other bytes are a contradiction.
    pub async fn upload(
        &self,
        caller: SharedPrincipal,
        code: Uuid,
        flow: Flow,
        mut body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<File, UsageError> {
        let (company, now) = (caller.company_id, self.clock.now());
        let (process, file) = self
            .auth
            .write_as(caller.clone(), move |tx| {
                let process = process(tx, company, code)?;
                let file = sql::files::begin(tx, company, process.id, flow, now)?;
                Ok::<_, UsageError>((process, file))
            })
            .await?;
        let draft = Draft { store: self.store.clone(), file: Some(file) };
        let mut digest = Sha256::new();
        let (mut waiting, mut number) = (BytesMut::with_capacity(CHUNK * CHUNKS_AT_ONCE), 0);
        while let Some(more) = body.next().await {
            let mut more = more.map_err(UsageError::Body)?;
            // A sender may hand over more at once than is kept in memory.
            while !more.is_empty() {
                let room = (CHUNK * CHUNKS_AT_ONCE).saturating_sub(waiting.len()).min(more.len());
                waiting.extend_from_slice(&more.split_to(room));
                if waiting.len() == CHUNK * CHUNKS_AT_ONCE {
                    digest.update(&waiting);
                    number = self.append(&caller, file, number, waiting.split().freeze()).await?;
                }
            }
        }
        digest.update(&waiting);
        self.append(&caller, file, number, waiting.freeze()).await?;
        let sha256: [u8; 32] = digest.finalize().into();
        let (published, new) = self.publish(caller, process, flow, file, sha256).await?;
        if new {
            draft.keep();
        }
        Ok(published)
    }

    /// Writes a few pieces; the number of the next one.
    async fn append(&self, caller: &SharedPrincipal, file: i64, first: i64, bytes: Bytes) -> Result<i64, UsageError> {
        if bytes.is_empty() {
            return Ok(first);
        }
        let (company, cap, now) = (caller.company_id, self.options.storage_per_company, self.clock.now());
        self.auth
            .write_as(caller.clone(), move |tx| {
                let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                if !sql::files::take_room(tx, company, length, cap)? {
                    return Err(UsageError::NoRoom(cap));
                }
                let mut number = first;
                for piece in bytes.chunks(CHUNK) {
                    if !sql::files::append(tx, file, number, piece, now)? {
                        return Err(UsageError::GivenUp);
                    }
                    number += 1;
                }
                Ok(number)
            })
            .await
    }

    /// Shows the file, unless the process has one already; whether this one is shown.
    async fn publish(
        &self,
        caller: SharedPrincipal,
        process: Process,
        flow: Flow,
        file: i64,
        sha256: [u8; 32],
    ) -> Result<(File, bool), UsageError> {
        let (company, now) = (caller.company_id, self.clock.now());
        self.auth
            .write_as(caller, move |tx| {
                if let Some(there) = sql::files::find(tx, company, process.id, flow)? {
                    if there.sha256 == sha256 {
                        return Ok((there, false));
                    }
                    return Err(UsageError::Conflict(format!(
                        "process `{}` has another {} already",
                        process.code,
                        flow.as_str()
                    )));
                }
                if !sql::files::publish(tx, file, &sha256, now)? {
                    return Err(UsageError::GivenUp);
                }
                note_in_audit(tx, company, process.code, flow, true)?;
                sql::processes::touch(tx, process.id, now)?;
                let published = sql::files::find(tx, company, process.id, flow)?;
                Ok((published.ok_or(UsageError::GivenUp)?, true))
            })
            .await
    }

    /// The data of a process, for the user it is of and the company's ADMINs; for others there is none.
    pub fn file(&self, caller: &Principal, code: Uuid, flow: Flow) -> Result<File, UsageError> {
        let company = caller.company_id;
        self.store.read(|conn| {
            let none = || UsageError::not_found("data file", code);
            let process = sql::processes::find(conn, company, code)?.ok_or_else(none)?;
            if process.user != caller.user_id && !caller.roles.has(Role::Admin) {
                return Err(none());
            }
            sql::files::find(conn, company, process.id, flow)?.ok_or_else(none)
        })
    }

    /// A piece of a file; `None` past its end, or once the file is removed.
    pub fn piece(&self, file: File, number: i64) -> Result<Option<Vec<u8>>, UsageError> {
        Ok(self.store.read_one(|conn| sql::files::chunk(conn, file.id, number))?)
    }

    /// Removes the data of a process.
    pub async fn delete_file(&self, caller: SharedPrincipal, code: Uuid, flow: Flow) -> Result<(), UsageError> {
        let company = caller.company_id;
        let file = self
            .auth
            .write_as(caller, move |tx| {
                let process = process(tx, company, code)?;
                let file = sql::files::find(tx, company, process.id, flow)?
                    .ok_or_else(|| UsageError::not_found("data file", code))?;
                sql::files::hide(tx, file.id)?;
                note_in_audit(tx, company, code, flow, false)?;
                Ok::<_, UsageError>(file)
            })
            .await?;
        tokio::spawn(remove(self.store.clone(), file.id));
        Ok(())
    }

    /// A file as pieces, one read each; it ends with an error should the file be removed meanwhile.
    pub fn pieces(&self, file: File) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let service = Arc::new(self.clone());
        futures_util::stream::try_unfold((0, 0), move |(number, sent)| {
            let service = Arc::clone(&service);
            async move {
                if sent >= file.size {
                    return Ok(None);
                }
                let piece = service.piece(file, number).map_err(io::Error::other)?;
                let piece = piece.ok_or_else(|| io::Error::other("the data file was removed while it was read"))?;
                let sent = sent.saturating_add(i64::try_from(piece.len()).unwrap_or(i64::MAX));
                Ok(Some((Bytes::from(piece), (number + 1, sent))))
            }
        })
    }
}
