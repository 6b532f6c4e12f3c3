//! A part of a write that may fail by itself: for bulk work, in which one bad row loses nothing else.
//!
//! Must not know: any domain.

use super::error::StoreError;
use super::writer::WriteTx;

impl WriteTx<'_> {
    /// Runs `f`; if it fails, what it did is undone and the rest of this write stands. An error of the store itself
    /// (a full disk, a lost transaction) may have ended the whole write: the caller has to pass it on.
    pub fn nested<T, E: From<StoreError>>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let step = |sql: &str| -> Result<(), StoreError> {
            self.prepare_cached(sql)?.execute([])?;
            Ok(())
        };
        step("SAVEPOINT part")?;
        let outcome = f();
        // Refused only where the transaction is gone already, which the writer notices: what ended it is the news.
        if outcome.is_err() && step("ROLLBACK TO part").is_err() {
            return outcome;
        }
        step("RELEASE part")?;
        outcome
    }
}
