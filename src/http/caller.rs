//! The extractor that every guarded handler takes: reads the credential, finds out who stands behind it, and holds the
//! operation's row of the permission table against it.
//!
//! Must not know: any domain.

use std::ops::Deref;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::AUTHORIZATION;

use poem::{PathPattern, Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::auth::model::{Principal, SharedPrincipal};
use crate::auth::permissions::Effect;
use crate::auth::{AuthError, permissions};
use crate::http::context::RequestContext;
use crate::http::failure::Failure;

/// The name of the scheme in the document.
const SCHEME: &str = "bearer";

/// Who is calling, allowed to do what it asks for.
#[derive(Debug, Clone)]
pub struct Caller(SharedPrincipal);

impl Caller {
    /// The principal, to be carried into a transaction.
    #[must_use]
    pub fn principal(&self) -> SharedPrincipal {
        Arc::clone(&self.0)
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.security_schemes.entry(SCHEME).or_insert_with(|| MetaSecurityScheme {
            ty: "http",
            description: Some(
                "A JWT from `POST /account/token/generation`, or an API token (`cmp_…`) from \
                 `POST /comptoir/v1/tokens`.",
            ),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            flows: None,
            openid_connect_url: None,
        });
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        Ok(authorise(request)?)
    }
}

fn authorise(request: &Request) -> Result<Caller, Failure> {
    admit(request, || bearer(request))
}

/// Holds the operation's row of the permission table against who stands behind `credential`. For contracts whose
/// credential may stand elsewhere than in the header; every other handler takes a [`Caller`].
pub fn admit<'r>(request: &Request, credential: impl FnOnce() -> Result<&'r str, Failure>) -> Result<Caller, Failure> {
    let context = RequestContext::of(request)
        .ok_or_else(|| Failure::internal("a guarded handler was reached around the gate"))?;
    let operations = &context.state.operations;
    let operation = request
        .data::<PathPattern>()
        .and_then(|route| operations.find(request.method(), &route.0))
        .ok_or_else(|| Failure::internal("a guarded handler has no row in the permission table"))?;
    context.set_operation(operation.id);
    let principal = context.state.auth.authenticate(credential()?)?;
    context.set_principal(Arc::clone(&principal));
    permissions::allowed(operation.need, &principal).map_err(AuthError::Forbidden)?;
    // What a change is recorded as goes with its caller into the transaction; the rest is recorded by the gate.
    Ok(Caller(match operation.effect {
        Effect::Changes | Effect::Ingests => Arc::new(principal.doing(context.call(operation.effect))),
        effect => {
            context.set_effect(effect);
            principal
        }
    }))
}

/// The bearer credential, without the pair of quotes that some clients send around it (account contract).
pub fn bearer(request: &Request) -> Result<&str, Failure> {
    let missing = || {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "this needs `Authorization: Bearer` with a JWT (POST /account/token/generation) or an API token",
        )
    };
    let mut given = request.headers().get_all(AUTHORIZATION).iter();
    let header = given.next().ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    if given.next().is_some() {
        return Err(Failure::invalid_field("Authorization", "must be given once"));
    }
    let (scheme, credential) = header.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(unquoted(credential.trim()))
}

/// `text` without one pair of surrounding quotes.
#[must_use]
pub fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn one_pair_of_quotes_is_stripped_and_no_more() {
        for (given, expected) in
            [("a.b.c", "a.b.c"), ("\"a.b.c\"", "a.b.c"), ("\"\"a\"\"", "\"a\""), ("\"a", "\"a"), ("\"", "\""), ("", "")]
        {
            assert_eq!(unquoted(given), expected);
        }
    }
}
