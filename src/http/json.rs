//! The JSON body of a request: read, checked against the published schema, and parsed into its type.
//!
//! A body at fault ends as [`InvalidBody`], which names every field; the outer layer that knows the contract gives it
//! the contract's shape. Must not know: any domain, the store, any contract's error shape, how large a body may be.

use std::marker::PhantomData;

use poem::error::ResponseError;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Request, RequestBody, Response, Result};
use poem_openapi::error::ContentTypeError;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde_json::Value;

use super::schema::{FieldError, Schema, Unknown};

/// A JSON body of a contract: properties that its schema does not name are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked<T>(pub T);

/// A JSON body of the house API: properties that its schema does not name are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strict<T>(pub T);

/// A JSON body that is looked at and not kept: as [`Checked`], and a NUL character is as good as any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbatim<T>(pub T);

/// A JSON body that is read from its text by a type of its own, for values that must not pass through a float.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact<T>(pub T);

/// What an [`Exact`] body is read into.
pub trait FromText: Sized + Send + 'static {
    /// The type whose schema is published.
    type Published: Type;

    /// Reads the text of a body.
    fn from_text(text: &str) -> std::result::Result<Self, InvalidBody>;
}

/// A JSON answer whose text is written already, off the async workers: for answers of many rows. Its type is for the
/// document.
#[derive(Clone, Debug)]
pub struct Written<T>(Vec<u8>, PhantomData<fn() -> T>);

impl<T: Serialize> Written<T> {
    /// Writes `answer`.
    #[must_use]
    pub fn new(answer: &T) -> Self {
        Self(serde_json::to_vec(answer).expect("an answer is plain data"), PhantomData)
    }
}

impl<T> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        Response::builder().content_type(MEDIA_TYPE).body(self.0)
    }
}

impl<T: Type> ApiResponse for Written<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::schema_ref() }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A body that was read but is not what the operation takes. By itself it answers 400 with its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidBody {
    /// One sentence for people; the first fault when there are several.
    pub message: String,
    /// Every field at fault; empty when the body is absent or no JSON at all.
    pub fields: Vec<FieldError>,
}

impl ResponseError for InvalidBody {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

impl InvalidBody {
    /// No JSON, or none of this operation as a whole.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), fields: Vec::new() }
    }

    /// These fields break these rules.
    #[must_use]
    pub fn of(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [] => "the body is not valid".to_owned(),
            [only] => format!("{} {}", only.field, only.rule),
            [first, others @ ..] => format!("{} {} (and {} more)", first.field, first.rule, others.len()),
        };
        Self { message, fields }
    }
}

/// Bodies of more bytes are parsed off the async workers.
const LONG: usize = 128 * 1024;

/// The one media type that is published; see [`is_json`] for what is accepted.
const MEDIA_TYPE: &str = "application/json";

/// `application/json` and `application/*+json`, with no charset or with UTF-8, the only one JSON has between systems
/// (RFC 8259 section 8.1). Other parameters are not looked at.
pub(super) fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let Some((kind, subtype)) = parts.next().and_then(|essence| essence.split_once('/')) else { return false };
    let json = subtype.eq_ignore_ascii_case("json")
        || subtype.len() > 5 && subtype.as_bytes()[subtype.len() - 5..].eq_ignore_ascii_case(b"+json");
    let utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8")
    });
    kind.eq_ignore_ascii_case("application") && json && utf8
}

/// Reads a request's body as a `T`. A failure to read it is passed on as it is.
async fn receive<T>(
    request: &Request,
    body: &mut RequestBody,
    parse: fn(&[u8]) -> std::result::Result<T, InvalidBody>,
) -> Result<T>
where
    T: ParseFromJSON + 'static,
{
    let absent = || {
        if T::IS_REQUIRED {
            Err(InvalidBody::plain("the body is required"))
        } else {
            T::parse_from_json(None).map_err(|error| InvalidBody::plain(error.into_message()))
        }
    };
    receive_text(request, body, absent, parse).await
}

/// Takes a body that is called JSON and is not encoded, and has it parsed, off the async workers if it is long.
async fn receive_text<T: Send + 'static>(
    request: &Request,
    body: &mut RequestBody,
    absent: impl FnOnce() -> std::result::Result<T, InvalidBody>,
    parse: fn(&[u8]) -> std::result::Result<T, InvalidBody>,
) -> Result<T> {
    let mut codings = request.headers().get_all(header::CONTENT_ENCODING).iter();
    if let Some(coding) = codings.find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let coding = String::from_utf8_lossy(coding.as_bytes());
        let message = format!("the Content-Encoding `{coding}` is not read: send the body as it is");
        return Err(poem::Error::from_string(message, StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if let Some(content_type) = content_type
        && !content_type.to_str().is_ok_and(is_json)
    {
        let content_type = String::from_utf8_lossy(content_type.as_bytes()).into_owned();
        return Err(ContentTypeError::NotSupported { content_type }.into());
    }
    let bytes = body.take()?.into_bytes().await?;
    if bytes.is_empty() {
        return Ok(absent()?);
    }
    if content_type.is_none() {
        return Err(ContentTypeError::ExpectContentType.into());
    }
    if bytes.len() > LONG {
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        return Ok(parsed
            .map_err(|error| poem::Error::from_string(error.to_string(), StatusCode::INTERNAL_SERVER_ERROR))??);
    }
    Ok(parse(&bytes)?)
}

/// The text of a body, without the byte order mark that some clients cannot help sending (RFC 8259 section 8.1 lets a
/// parser pass over it).
fn text_of(bytes: &[u8]) -> std::result::Result<&str, InvalidBody> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let (line, column) = (good.matches('\n').count() + 1, good.rsplit('\n').next().unwrap_or("").len() + 1);
        InvalidBody::plain(format!("the body is not valid JSON: it is no UTF-8 at line {line} column {column}"))
    })
}

/// Parses and checks the text of a body, or of any JSON document that has a published type.
///
/// # Errors
/// [`InvalidBody`]: with the line and column when `bytes` are no JSON, else with every field at fault.
pub fn parse<T>(bytes: &[u8], unknown: Unknown) -> std::result::Result<T, InvalidBody>
where
    T: ParseFromJSON + 'static,
{
    parse_but(bytes, unknown, |_| false)
}

/// As [`parse`], but for the faults that are `pardoned`.
fn parse_but<T>(
    bytes: &[u8],
    unknown: Unknown,
    pardoned: impl Fn(&FieldError) -> bool,
) -> std::result::Result<T, InvalidBody>
where
    T: ParseFromJSON + 'static,
{
    // RFC 8259 section 8.1 lets a parser pass over a byte order mark, which some clients cannot help sending.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| InvalidBody::plain(format!("the body is not valid JSON: {error}")))?;
    checked(value, unknown, pardoned)
}

/// Checks and parses a value that was read already, whatever it was written in.
///
/// # Errors
/// [`InvalidBody`], with every field at fault.
pub fn from_value<T>(value: Value, unknown: Unknown) -> std::result::Result<T, InvalidBody>
where
    T: ParseFromJSON + 'static,
{
    checked(value, unknown, |_| false)
}

fn checked<T>(
    value: Value,
    unknown: Unknown,
    pardoned: impl Fn(&FieldError) -> bool,
) -> std::result::Result<T, InvalidBody>
where
    T: ParseFromJSON + 'static,
{
    let mut fields = Schema::of::<T>().check(&value, unknown);
    fields.retain(|fault| !pardoned(fault));
    if !fields.is_empty() {
        return Err(InvalidBody::of(fields));
    }
    // What is left is what a type's own parser refuses beyond its schema; it does not say where.
    T::parse_from_json(Some(value)).map_err(|error| {
        InvalidBody::of(vec![FieldError { field: "body".to_owned(), rule: reason(error.message()).to_owned() }])
    })
}

/// The reason within one of poem-openapi's parse errors: without the Rust type names around it, and without the value,
/// which may be a secret.
fn reason(message: &str) -> &str {
    if message.starts_with("Expected input type") {
        return "has a value of the wrong kind";
    }
    let message = message
        .strip_prefix("failed to parse \"")
        .and_then(|rest| rest.split_once("\": "))
        .map_or(message, |(_, reason)| reason);
    message.split_once(" (occurred while parsing").map_or(message, |(reason, _)| reason)
}

macro_rules! json_payload {
    ($name:ident, $parse:expr) => {
        impl<T: Type> Payload for $name<T> {
            const CONTENT_TYPE: &'static str = MEDIA_TYPE;

            fn check_content_type(content_type: &str) -> bool {
                is_json(content_type)
            }

            fn schema_ref() -> MetaSchemaRef {
                T::schema_ref()
            }

            fn register(registry: &mut Registry) {
                T::register(registry);
            }
        }

        impl<T: ParseFromJSON + 'static> ParsePayload for $name<T> {
            const IS_REQUIRED: bool = T::IS_REQUIRED;

            async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
                receive(request, body, $parse).await.map(Self)
            }
        }

        // By hand: the crate's macro answers 415 to a request that has neither a body nor a type.
        impl<'a, T: ParseFromJSON + 'static> ApiExtractor<'a> for $name<T> {
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
                    required: T::IS_REQUIRED,
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
    };
}

json_payload!(Checked, |bytes| parse(bytes, Unknown::Ignore));
json_payload!(Strict, |bytes| parse(bytes, Unknown::Refuse));
json_payload!(Verbatim, |bytes| parse_but(bytes, Unknown::Ignore, FieldError::is_nul));

// By hand, as above: what is published is another type.
impl<'a, T: FromText> ApiExtractor<'a> for Exact<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::Published::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema: T::Published::schema_ref() }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let absent = || Err(InvalidBody::plain("the body is required"));
        receive_text(request, body, absent, |bytes| T::from_text(text_of(bytes)?)).await.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_media_types_are_told_from_others() {
        for accepted in [
            "application/json",
            "Application/JSON; Charset=\"UTF-8\"",
            "application/json;charset=utf8",
            "application/problem+json",
            "application/json; profile=x",
            "application/json;",
        ] {
            assert!(is_json(accepted), "{accepted}");
        }
        for refused in [
            "",
            "json",
            "text/json",
            "application/jsonp",
            "application/+json",
            "application/json; charset=utf-16",
            "application/xml",
            "application/x-ü+jso",
        ] {
            assert!(!is_json(refused), "{refused}");
        }
    }

    #[test]
    fn a_parse_errors_reason_names_no_rust_type_and_no_value() {
        assert_eq!(
            reason("failed to parse \"Gln\": the check digit is wrong (occurred while parsing \"Order\")"),
            "the check digit is wrong"
        );
        assert_eq!(reason("Expected input type \"string\", found \"secret\"."), "has a value of the wrong kind");
        assert_eq!(reason("something else"), "something else");
    }
}
