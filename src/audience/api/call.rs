//! One request of the audience contract, whatever it is written in: who calls, and the body as its type.
//!
//! The credential may stand in the body, so the body is read first: format, then credential and permission, then the
//! check against the published schema. What the contract calls application errors ends as an application
//! [`Failure`], everything before that as a failure of the transport. Must not know: SQL, other domains. Source:
//! contracts/audience.md, 'Formats' and 'Token'.

use poem::http::{StatusCode, header};
use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::http::caller::{admit, bearer, unquoted};
use crate::http::json;
use crate::http::schema::{Schema, Unknown};
use crate::http::xml::{self, XmlError};
use crate::http::{Caller, Failure, Format, RequestContext};

/// The root element of every document.
pub const ROOT: &str = "xml";

/// The largest body of an operation that takes many rows at once, from a caller who is known before it is read.
pub const LARGE_BODY: usize = 100 * 1024 * 1024;

/// Bodies of more bytes are parsed off the async workers.
const LONG: usize = 128 * 1024;

/// So many long bodies are parsed at once; the others wait as bytes. A body of four megabytes is a tree of some hundred,
/// and a credential inside it is not known before it is read: without a bound, strangers could fill the memory.
static PARSING: Semaphore = Semaphore::const_new(2);

/// So many values a JSON body may hold, as many as XML may have elements: what is parsed takes memory by the value.
const MAX_VALUES: usize = xml::MAX_ELEMENTS;

/// A body of the contract.
pub trait CallBody: ParseFromJSON + Send + 'static {
    /// The type whose schema is published and that XML is read by; `Self`, unless rows are checked one by one.
    type Published: Type + 'static;

    /// Whether it may be as large as [`LARGE_BODY`].
    const LARGE: bool = false;
}

/// An authorised request.
pub struct Call<T> {
    /// Who calls.
    pub caller: Caller,
    /// What with.
    pub body: T,
}

/// What every request may carry beside its own fields.
#[derive(Debug, Object)]
#[oai(rename = "AudienceCall")]
struct Common {
    /// The API token. It may also be sent as `Authorization: Bearer`, or as `token` in the URL, where it is easily
    /// logged by others on the way.
    token: Option<String>,
    /// What the answer is written in: `json` or `xml`; without it the URL's `format` counts, then `Accept`.
    format: Option<String>,
}

#[derive(Default, serde::Deserialize)]
struct UrlParameters {
    token: Option<String>,
}

impl<'a, T: CallBody> ApiExtractor<'a> for Call<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject, ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Caller>::register(registry);
        Common::register(registry);
        T::Published::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        <Caller>::security_schemes()
    }

    fn has_security_fallback() -> bool {
        // The credential may stand in the body.
        true
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema = || {
            MetaSchemaRef::Inline(Box::new(MetaSchema {
                all_of: vec![Common::schema_ref(), T::Published::schema_ref()],
                ..MetaSchema::ANY
            }))
        };
        let content = [Format::Json, Format::Xml]
            .map(|format| MetaMediaType { content_type: format.media_type(), schema: schema() })
            .into();
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        Ok(receive(request, body).await?)
    }
}

async fn receive<T: CallBody>(request: &Request, body: &mut RequestBody) -> Result<Call<T>, Failure> {
    let context = RequestContext::of(request)
        .ok_or_else(|| Failure::internal("a guarded handler was reached around the gate"))?;
    let url = request.params::<UrlParameters>().unwrap_or_default();
    let outside = bearer(request).ok().or(url.token.as_deref().map(unquoted));
    if T::LARGE
        && let Some(credential) = outside
        && admit(request, || Ok(credential)).is_ok()
    {
        context.set_body_limit(LARGE_BODY);
    }
    let format = content_type(request)?;
    let bytes =
        body.take().map_err(|error| Failure::internal(error.to_string()))?.into_bytes().await.map_err(|error| {
            // The gate looks whether it was the size.
            Failure::classify(error.into())
        })?;
    // Held until what was parsed is refused or made into its type.
    let _place = if bytes.len() > LONG {
        Some(PARSING.acquire().await.map_err(|error| Failure::internal(error.to_string()))?)
    } else {
        None
    };
    let value = if bytes.len() > LONG {
        let read = tokio::task::spawn_blocking(move || read::<T>(&bytes, format));
        read.await.map_err(|error| Failure::internal(error.to_string()))??
    } else {
        read::<T>(&bytes, format)?
    };
    if let Some(named) = value.get("format").and_then(Value::as_str).and_then(Format::named) {
        context.set_format(named);
    }
    // By its full name: the method `is_empty` would be that of poem's `Type` here, which is true of nothing.
    let inside = value.get("token").and_then(Value::as_str).map(unquoted).filter(|token| !str::is_empty(token));
    if inside.is_none() && url.token.is_some() && bearer(request).is_err() {
        tracing::warn!(request_id = %context.id, "an API token came in the URL, where proxies and logs keep it");
    }
    let caller = admit(request, || {
        inside.or(outside).ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "API token required"))
    })
    .map_err(refused)?;
    let body = if value_is_long(&value) {
        let parse = tokio::task::spawn_blocking(move || check::<T>(value));
        parse.await.map_err(|error| Failure::internal(error.to_string()))??
    } else {
        check::<T>(value)?
    };
    Ok(Call { caller, body })
}

/// What the body is written in.
fn content_type(request: &Request) -> Result<Format, Failure> {
    let unsupported = |message: String| Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    let Some(content_type) = request.headers().get(header::CONTENT_TYPE) else {
        return Err(unsupported(
            "the request has no Content-Type: application/json, application/xml or text/xml".into(),
        ));
    };
    let text = String::from_utf8_lossy(content_type.as_bytes());
    Format::of_content_type(&text).ok_or_else(|| {
        unsupported(format!("the Content-Type `{text}` is none of application/json, application/xml and text/xml"))
    })
}

/// Reads the body as a value; a failure here is one of the transport.
fn read<T: CallBody>(bytes: &[u8], format: Format) -> Result<Value, Failure> {
    let broken = |message: String| Failure::new(StatusCode::BAD_REQUEST, message);
    match format {
        Format::Json => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            if bytes.len() > LONG && values(bytes) > MAX_VALUES {
                return Err(broken(format!("the body has more than {MAX_VALUES} values")));
            }
            serde_json::from_slice(bytes).map_err(|error| broken(format!("the body is not valid JSON: {error}")))
        }
        Format::Xml => match xml::read(bytes, ROOT) {
            Ok(document) => Ok(Schema::of::<T::Published>().coerce(document)),
            Err(error @ XmlError::Malformed(_)) => Err(broken(error.to_string())),
            // It is XML, only not a request of this contract.
            Err(error @ XmlError::Root { .. }) => Err(broken(error.to_string()).application()),
        },
    }
}

/// About how many values a JSON text holds: counted without making any of them.
fn values(json: &[u8]) -> usize {
    let (mut inside, mut escaped, mut count) = (false, false, 0);
    for byte in json {
        match (inside, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => inside = false,
            (false, b'"') => inside = true,
            (false, b',' | b'[' | b'{') => count += 1,
            _ => {}
        }
    }
    count
}

fn value_is_long(value: &Value) -> bool {
    value.get("data").and_then(Value::as_array).is_some_and(|rows| rows.len() > 500)
}

/// Checks and parses the body's own fields.
fn check<T: CallBody>(mut value: Value) -> Result<T, Failure> {
    // Clients that know one struct for many calls send what they leave out as null.
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    if let Some(format) = value.get("format")
        && format.as_str().and_then(Format::named).is_none()
    {
        return Err(Failure::invalid_field("format", "must be json or xml").application());
    }
    json::from_value(value, Unknown::Ignore).map_err(|invalid| {
        if invalid.fields.is_empty() {
            return Failure::new(StatusCode::BAD_REQUEST, invalid.message).application();
        }
        Failure::invalid(invalid.fields).application()
    })
}

/// A refused credential or permission in the contract's words.
fn refused(failure: Failure) -> Failure {
    match failure.status() {
        StatusCode::UNAUTHORIZED if failure.message != "API token required" => {
            Failure::new(StatusCode::UNAUTHORIZED, "the API token is unknown, expired or revoked").application()
        }
        status if status.is_server_error() => failure,
        _ => failure.application(),
    }
}
