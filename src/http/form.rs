//! The form of a request (`application/x-www-form-urlencoded`): read, checked against the published schema, and parsed
//! into its type, as [`super::json`] does with JSON. Every value is a string.
//!
//! Must not know: any domain, the store, any contract's error shape, how large a body may be.

use poem::http::header;
use poem::{Request, RequestBody, Result};
use poem_openapi::error::ContentTypeError;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};

use super::json::{InvalidBody, from_value};
use super::schema::{FieldError, Unknown};

/// The one media type.
const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// A form of a contract: fields that its schema does not name are ignored, and a field may come once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedForm<T>(pub T);

fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// Reads the fields of a form.
fn fields(bytes: &[u8]) -> std::result::Result<Value, InvalidBody> {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        if fields.insert(name.to_string(), value.into_owned().into()).is_some() {
            let field: String = name.chars().filter(|character| !character.is_control()).take(64).collect();
            let rule = "must be given once".to_owned();
            return Err(InvalidBody { message: format!("{field} {rule}"), fields: vec![FieldError { field, rule }] });
        }
    }
    Ok(Value::Object(fields))
}

impl<T: Type> Payload for CheckedForm<T> {
    const CONTENT_TYPE: &'static str = MEDIA_TYPE;

    fn check_content_type(content_type: &str) -> bool {
        is_form(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON + 'static> ParsePayload for CheckedForm<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        if let Some(content_type) = request.headers().get(header::CONTENT_TYPE) {
            if !content_type.to_str().is_ok_and(is_form) {
                let content_type = String::from_utf8_lossy(content_type.as_bytes()).into_owned();
                return Err(ContentTypeError::NotSupported { content_type }.into());
            }
        } else {
            return Err(ContentTypeError::ExpectContentType.into());
        }
        let bytes = body.take()?.into_bytes().await?;
        Ok(Self(from_value(fields(&bytes)?, Unknown::Ignore)?))
    }
}

impl<'a, T: ParseFromJSON + 'static> ApiExtractor<'a> for CheckedForm<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_is_a_set_of_texts() {
        assert_eq!(
            fields(b"username=olena&password=a+b%26%D1%97").ok(),
            Some(json!({"username": "olena", "password": "a b&ї"}))
        );
        assert_eq!(fields(b"").ok(), Some(json!({})));
        let twice = fields(b"a=1&a=2").expect_err("given twice");
        assert_eq!(twice.message, "a must be given once");
        assert!(is_form("application/x-www-form-urlencoded; charset=UTF-8") && !is_form("application/json"));
    }
}
