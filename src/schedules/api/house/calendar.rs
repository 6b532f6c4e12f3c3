//! An iCalendar as an answer.
//!
//! Must not know: SQL, other domains.

use poem::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry};

/// RFC 5545, section 8.1.
const MEDIA_TYPE: &str = "text/calendar";

/// A calendar.
pub struct CalendarAnswer(pub String);

impl IntoResponse for CalendarAnswer {
    fn into_response(self) -> Response {
        Response::builder()
            .header(CONTENT_TYPE, "text/calendar; charset=utf-8")
            .header(CONTENT_DISPOSITION, "inline; filename=\"orders.ics\"")
            // A program that subscribes asks as often as it likes; nobody in between keeps a copy.
            .header(CACHE_CONTROL, "private, max-age=300")
            .body(self.0)
    }
}

impl ApiResponse for CalendarAnswer {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The calendar.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(_: &mut Registry) {}
}
