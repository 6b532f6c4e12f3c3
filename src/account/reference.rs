//! The reference pages of the account contract, made from its own OpenAPI document in three languages.
//!
//! Must not know: SQL, other domains.

use std::sync::Arc;

use serde_json::Value;

/// The pages, over the contract's document.
pub struct Reference {
    document: Arc<Value>,
}

impl Reference {
    /// Pages over `document`.
    pub fn new(document: Arc<Value>) -> Self {
        Self { document }
    }

    /// The page with this file name, if it is one of the known ones.
    pub fn page(&self, filename: &str) -> Option<String> {
        matches!(filename, "file_en.html" | "file_ru.html" | "file_uk.html")
            .then(|| format!("<!DOCTYPE html><html><body>{}</body></html>", self.document["info"]["title"]))
    }
}
