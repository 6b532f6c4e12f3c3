//! What went wrong with a request, before a contract gives it its shape: a status that cannot be a success, a message
//! for the client, and the cause for the log.
//!
//! Knows how identity, the store and the framework fail. Must not know: any domain.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError, ResponseError};
use poem::http::StatusCode;
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError};

use crate::auth::AuthError;
use crate::http::json::InvalidBody;
use crate::http::params;
use crate::http::schema::FieldError;
use crate::http::server::is_stalled_body;
use crate::store::StoreError;

/// The text of every 500: the client learns nothing of the cause, the log has it under the request's id.
const INTERNAL: &str = "something went wrong on the server; the log has the details under this request's id";

/// A request that was not answered with success.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// The fields or parameters at fault, one entry each.
    pub fields: Vec<FieldError>,
    /// The name of what was not found.
    pub resource: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The methods a path does know, for 405.
    pub allow: Option<String>,
    /// Whether the request was understood and the operation says no: contracts with error codes of their own put such a
    /// failure into a 200.
    pub application: bool,
    /// For the log only.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure with this status; anything but a 4xx or 5xx becomes 500, so that no failure looks like a success.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let status = if status.is_client_error() || status.is_server_error() {
            status
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self {
            status,
            message: message.into(),
            fields: Vec::new(),
            resource: None,
            retry_after: None,
            allow: None,
            application: false,
            cause: None,
        }
    }

    /// 400: these fields break these rules.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [only] => format!("`{}` {}", only.field, only.rule),
            many => format!("{} fields are not valid", many.len()),
        };
        Self { fields, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// 400: one field breaks a rule.
    pub fn invalid_field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { field: field.into(), rule: rule.into() }])
    }

    /// 400: the body as a whole cannot be read; `message` is a sentence of its own.
    fn invalid_body(message: impl Into<String>) -> Self {
        let message = message.into();
        let fault = FieldError { field: "body".to_owned(), rule: message.clone() };
        Self { message, ..Self::invalid(vec![fault]) }
    }

    /// 404: there is no such thing, or none the caller may know of.
    pub fn not_found(what: &str, key: impl Into<String>) -> Self {
        let key = key.into();
        Self { resource: Some(key.clone()), ..Self::new(StatusCode::NOT_FOUND, format!("there is no {what} `{key}`")) }
    }

    /// 500 with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL) }
    }

    /// The status: 4xx or 5xx.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The same, as the operation's own word.
    #[must_use]
    pub fn application(mut self) -> Self {
        self.application = true;
        self
    }

    fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same, to be tried again after this long.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Gives fields at fault the names `known` has for them: the router knows path parameters by number only.
    pub fn rename(&mut self, known: impl Fn(&str) -> Option<String>) {
        for error in &mut self.fields {
            if let Some(name) = known(&error.field) {
                self.message = self.message.replace(&format!("`{}`", error.field), &format!("`{name}`"));
                error.field = name;
            }
        }
    }

    /// Names the words that a parameter may be, where the framework did not.
    pub fn name_words(&mut self, words: impl Fn(&str) -> Option<String>) {
        for error in self.fields.iter_mut().filter(|error| error.rule == params::NO_WORD) {
            if let Some(rule) = words(&error.field) {
                self.message = self.message.replace(params::NO_WORD, &rule);
                error.rule = rule;
            }
        }
    }

    /// Reads a failure out of whatever the framework or a handler returned.
    #[must_use]
    pub fn classify(error: poem::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(failure) => return failure,
            Err(error) => error,
        };
        let error = match error.downcast::<InvalidBody>() {
            Ok(invalid) => {
                let InvalidBody { message, fields } = invalid;
                if fields.is_empty() {
                    return Self::invalid_body(message);
                }
                return Self { message, ..Self::invalid(fields) };
            }
            Err(error) => error,
        };
        if let Some(parse) = error.downcast_ref::<ParseParamError>() {
            return Self::invalid_field(parse.name, params::rule(&parse.reason));
        }
        if let Some(parse) = error.downcast_ref::<ParsePathError>() {
            return Self::invalid_field(parse.name, params::rule(&parse.reason));
        }
        if let Some(parse) = error.downcast_ref::<ParseRequestPayloadError>() {
            return Self::invalid_field("body", &parse.reason);
        }
        if error.is::<NotFoundError>() {
            return Self::new(StatusCode::NOT_FOUND, "there is nothing at this path");
        }
        if error.is::<MethodNotAllowedError>() {
            return Self::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not know this method");
        }
        if let Some(content_type) = error.downcast_ref::<ContentTypeError>() {
            let message = match content_type {
                ContentTypeError::NotSupported { content_type } => {
                    format!("the Content-Type `{content_type}` is not one this operation reads")
                }
                ContentTypeError::ExpectContentType => "the request has a body but no Content-Type".to_owned(),
            };
            return Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
        }
        if is_stalled_body(&error) {
            return Self::new(StatusCode::REQUEST_TIMEOUT, "the rest of the body did not come in time");
        }
        if let Some(ReadBodyError::Io(cause)) = error.downcast_ref() {
            let message = "the body broke off, or its chunks (`Transfer-Encoding: chunked`) are malformed";
            return Self::invalid_body(message).caused_by(cause.to_string());
        }
        let status = error.status();
        if status.is_client_error() {
            return Self::new(status, error.to_string());
        }
        Self::internal(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl ResponseError for Failure {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "the server's disk is full; nothing was changed")
                    .caused_by(error)
            }
            StoreError::Busy | StoreError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server cannot store this right now; try again")
                    .retry(Duration::from_secs(1))
                    .caused_by(error)
            }
            _ => Self::internal(error),
        }
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unauthenticated => Self::new(StatusCode::UNAUTHORIZED, "the credentials are not valid"),
            AuthError::Throttled(wait) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too many refused sign-ins; wait as long as Retry-After says")
                    .retry(wait)
            }
            AuthError::HasherBusy => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too many sign-ins at once; try again in a moment")
                    .retry(Duration::from_secs(1))
            }
            AuthError::Forbidden(why) => Self::new(StatusCode::FORBIDDEN, why),
            AuthError::NotFound { what, key } => Self::not_found(what, key),
            AuthError::Invalid(refused) => Self::invalid_field(refused.field, refused.rule.0),
            AuthError::Conflict(why) => Self::new(StatusCode::CONFLICT, why),
            AuthError::Store(error) => error.into(),
            AuthError::Damaged(_) => Self::internal(error),
            AuthError::Unavailable(why) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, why).retry(Duration::from_secs(1))
            }
        }
    }
}

impl From<crate::auth::model::Refused> for Failure {
    fn from(refused: crate::auth::model::Refused) -> Self {
        Self::invalid_field(refused.field, refused.rule.0)
    }
}
