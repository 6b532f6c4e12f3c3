//! The reference pages of the account contract, made from its own OpenAPI document in three languages: `file_en.html`,
//! `file_ru.html`, `file_uk.html`.
//!
//! A page is rendered when somebody first asks for it and kept: the document does not change while the server runs.
//! Must not know: SQL, HTTP, other domains.

mod command;
mod html;
mod operation;
mod page;
mod schema;
mod texts;

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::i18n::Language;

/// A page as it goes out.
#[derive(Debug)]
pub struct Page {
    /// The language it is in.
    pub language: Language,
    /// The page.
    pub html: String,
    /// What tells this edition from others: a weak entity tag (RFC 9110, section 8.8.3), as it goes out compressed too.
    pub etag: String,
    /// The policy that lets a browser use the page's own style and nothing else.
    pub policy: String,
}

impl Page {
    fn render(document: &Value, language: Language) -> Self {
        let html = page::render(document, language);
        let digest = STANDARD.encode(&Sha256::digest(html.as_bytes())[..12]);
        let style = STANDARD.encode(Sha256::digest(page::STYLE.as_bytes()));
        Self {
            language,
            html,
            etag: format!("W/\"{digest}\""),
            policy: format!(
                "default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
            ),
        }
    }
}

/// The pages, over the contract's document.
pub struct Reference {
    document: Arc<Value>,
    pages: [OnceLock<Page>; Language::ALL.len()],
}

impl Reference {
    /// Pages over `document`.
    pub fn new(document: Arc<Value>) -> Self {
        Self { document, pages: Default::default() }
    }

    /// The page with this file name, if it is one of the known ones.
    pub fn page(&self, filename: &str) -> Option<&Page> {
        let code = filename.strip_prefix("file_")?.strip_suffix(".html")?;
        let language = Language::of_code(code)?;
        let place = Language::ALL.iter().position(|known| *known == language)?;
        Some(self.pages.get(place)?.get_or_init(|| Page::render(&self.document, language)))
    }
}
