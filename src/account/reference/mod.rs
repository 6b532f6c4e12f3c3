//! The reference pages of the account contract, made from its own OpenAPI document in three languages: `file_en.html`,
//! `file_ru.html`, `file_uk.html`.
//!
//! A page is rendered when somebody first asks for it and kept: the document does not change while the server runs.
//! Must not know: SQL, HTTP, other domains.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "a page is rendered once, and `format!` reads like the markup it makes"
)]

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
    /// The policy that lets a browser use the page's own style and the site's icon, and nothing else.
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
                "default-src 'none'; style-src 'sha256-{style}'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::account::api::CONTRACT;
    use crate::app;
    use crate::http::document;

    fn reference() -> Reference {
        Reference::new(Arc::new(document::part(&app::document(), &CONTRACT)))
    }

    #[test]
    fn only_the_three_known_names_are_pages() {
        let reference = reference();
        for (name, language) in
            [("file_en.html", Language::En), ("file_ru.html", Language::Ru), ("file_uk.html", Language::Uk)]
        {
            let page = reference.page(name).expect(name);
            assert_eq!(page.language, language);
            assert!(page.html.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{}\">", language.code())), "{name}");
        }
        for name in ["", "file_.html", "file_de.html", "file_EN.html", "file_en.htm", "xfile_en.html", "file_en.html/"]
        {
            assert!(reference.page(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_page_has_every_operation_and_type_and_no_link_leads_nowhere() {
        let reference = reference();
        for language in Language::ALL {
            let page = reference.page(&format!("file_{}.html", language.code())).expect("a page");
            let ids: Vec<_> = between(&page.html, " id=\"").collect();
            for (number, id) in ids.iter().enumerate() {
                assert!(!ids[..number].contains(id), "{id} stands twice");
            }
            for target in between(&page.html, " href=\"#").chain(between(&page.html, " aria-labelledby=\"")) {
                assert!(ids.contains(&target), "#{target} is nowhere");
            }
            for operation in operation::Operation::all(&reference.document) {
                assert!(ids.contains(&operation.anchor().as_str()), "{}", operation.id());
            }
            for (name, _) in schema::entries(&reference.document["components"]["schemas"]) {
                assert!(ids.contains(&schema::type_id(name).as_str()), "{name}");
            }
        }
    }

    /// What stands between `before` and the next quotation mark, wherever it comes.
    fn between<'a>(html: &'a str, before: &'static str) -> impl Iterator<Item = &'a str> {
        html.split(before).skip(1).filter_map(|rest| rest.split('"').next())
    }

    #[test]
    fn pages_in_other_languages_say_nothing_of_the_documents_english() {
        let reference = reference();
        for name in ["file_ru.html", "file_uk.html"] {
            let html = &reference.page(name).expect("a page").html;
            for operation in operation::Operation::all(&reference.document) {
                let english = html::phrase(schema::text(operation.value, "description"));
                assert!(!html.contains(&english), "{name}: {english}");
            }
            for (_, schema) in schema::entries(&reference.document["components"]["schemas"]) {
                for (_, field) in schema::entries(&schema["properties"]) {
                    let english = format!("<td>{}</td>", html::phrase(schema::text(field, "description")));
                    assert!(!html.contains(&english), "{name}: {english}");
                }
            }
        }
    }

    #[test]
    fn a_page_fetches_nothing_and_its_policy_names_its_style() {
        let reference = reference();
        let page = reference.page("file_en.html").expect("a page");
        for forbidden in ["<script", "<img", "<link", " style=", " src=", "href=\"http", "@import", "url("] {
            assert!(!page.html.contains(forbidden), "{forbidden}");
        }
        let style = page.html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("one").0;
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(page.policy.contains(&format!("style-src 'sha256-{hash}';")), "{}", page.policy);
    }

    #[test]
    fn what_a_document_says_stays_text() {
        let evil = "<script>alert(1)</script>";
        let document = json!({
            "info": {"title": evil, "version": evil},
            "tags": [{"name": evil, "description": evil}],
            "paths": {evil: {"get": {
                "operationId": evil, "summary": evil, "description": evil, "tags": [evil],
                "parameters": [{"name": evil, "in": "query", "description": evil, "schema": {"example": evil}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": evil}, "example": evil}}},
                "responses": {"400": {"description": evil, "headers": {evil: {"description": evil}},
                    "content": {evil: {"schema": {"$ref": evil}}}}},
            }}},
            "components": {"schemas": {"script>": {
                "description": evil, "required": [evil], "example": evil, "enum": [evil],
                "properties": {evil: {"type": "string", "format": evil, "pattern": evil, "default": evil, "enum": [evil],
                    "description": evil}},
            }}},
        });
        for language in Language::ALL {
            let html = page::render(&document, language);
            assert!(!html.contains("<script"), "{}", language.code());
            assert!(html.contains("&lt;script&gt;alert(1)"), "{}", language.code());
        }
    }
}
