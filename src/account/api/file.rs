//! The reference pages on the wire: the name one is asked for with, and the answer that is one, with what a browser needs
//! to show and keep it.
//!
//! Must not know: SQL, other domains.

use std::borrow::Cow;

use poem::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use poem::http::{HeaderMap, StatusCode};
use poem::web::headers::{self, HeaderMapExt, IfNoneMatch};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::account::reference::Page;

/// The name of a page. The contract publishes bounds, but a name outside them is one of no page like any other: 404.
#[derive(Debug)]
pub struct FileName(pub String);

impl Type for FileName {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let bounds = MetaSchema { min_length: Some(6), max_length: Some(128), ..MetaSchema::new("string") };
        MetaSchemaRef::Inline(Box::new(bounds))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromParameter for FileName {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self(value.to_owned()))
    }
}

impl ToJSON for FileName {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

/// An example of a page's name.
pub fn filename_example() -> FileName {
    FileName("file_en.html".to_owned())
}

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
