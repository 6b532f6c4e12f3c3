//! The answer that is a reference page, with what a browser needs to show and keep it.
//!
//! Must not know: SQL, other domains.

use poem::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use poem::http::{HeaderMap, StatusCode};
use poem::web::headers::{self, HeaderMapExt, IfNoneMatch};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::account::reference::Page;

/// How long a copy may be shown without asking again: a page changes with the server's version only.
const CACHING: &str = "public, max-age=300";

/// A page, or that the client's copy is still good.
pub struct FileAnswer {
    response: Response,
}

impl FileAnswer {
    /// `page`, unless the client already has this edition (RFC 9110, section 13.1.2).
    pub fn new(page: &Page, request: &HeaderMap) -> Self {
        let response = Response::builder()
            .header(ETAG, &page.etag)
            .header(CACHE_CONTROL, CACHING)
            .header(CONTENT_LANGUAGE, page.language.code());
        let response = if has_edition(request, &page.etag) {
            response.status(StatusCode::NOT_MODIFIED).finish()
        } else {
            response
                .header(CONTENT_TYPE, "text/html; charset=utf-8")
                .header(CONTENT_SECURITY_POLICY, &page.policy)
                .body(page.html.clone())
        };
        Self { response }
    }
}

fn has_edition(request: &HeaderMap, etag: &str) -> bool {
    let Ok(etag) = etag.parse::<headers::ETag>() else { return false };
    // An absent header passes: there is nothing to compare with.
    request.contains_key(IF_NONE_MATCH)
        && request.typed_get::<IfNoneMatch>().is_some_and(|known| !known.precondition_passes(&etag))
}

impl IntoResponse for FileAnswer {
    fn into_response(self) -> Response {
        self.response
    }
}

impl ApiResponse for FileAnswer {
    fn meta() -> MetaResponses {
        let etag = || MetaHeader {
            name: "ETag".to_owned(),
            description: Some("Which edition of the page it is, for `If-None-Match`.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let answer = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: vec![etag()],
        };
        let html = MetaMediaType { content_type: "text/html", schema: String::schema_ref() };
        MetaResponses {
            responses: vec![
                answer(200, "The page.", vec![html]),
                answer(304, "The page is still the one that `If-None-Match` names.", Vec::new()),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        String::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_good_when_the_client_names_this_edition() {
        let etag = "W/\"abc\"";
        let cases = [
            (None, false),
            (Some("W/\"abc\""), true),
            (Some("\"abc\""), true),
            (Some("\"x\", W/\"abc\""), true),
            (Some("*"), true),
            (Some("\"x\""), false),
            (Some("abc"), false),
            (Some(""), false),
        ];
        for (sent, expected) in cases {
            let mut request = HeaderMap::new();
            if let Some(sent) = sent {
                request.insert(IF_NONE_MATCH, sent.parse().expect("a header"));
            }
            assert_eq!(has_edition(&request, etag), expected, "{sent:?}");
        }
    }
}
