//! The extractor that every guarded handler takes: reads the credential, finds out who stands behind it, and holds the
//! operation's row of the permission table against it.
//!
//! Which kinds of credential it reads is its type's: `Caller` takes a bearer, `Caller<BearerOrBasic>` also a name and a
//! password, `Caller<AnyCredential>` also a bare SID. Must not know: any domain.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::StatusCode;
use poem::http::header::AUTHORIZATION;
use poem::{PathPattern, Request, RequestBody, Result};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::auth::model::{Principal, SharedPrincipal};
use crate::auth::permissions::Effect;
use crate::auth::{AuthError, permissions};
use crate::http::context::RequestContext;
use crate::http::failure::Failure;

/// The kinds of credential a handler reads, by the names of their schemes in the document.
pub trait Accepts: Send + Sync + 'static {
    /// Whether `Authorization: Basic` is read.
    const BASIC: bool;
    /// Whether a bare SID is read.
    const SID: bool;
    /// What a request without a credential is told.
    const MISSING: &'static str;
}

/// `Authorization: Bearer`, a JWT or an API token.
#[derive(Debug, Clone, Copy)]
pub struct BearerOnly;

/// The same and `Authorization: Basic`.
#[derive(Debug, Clone, Copy)]
pub struct BearerOrBasic;

/// The same and `Authorization: <SID>`.
#[derive(Debug, Clone, Copy)]
pub struct AnyCredential;

impl Accepts for BearerOnly {
    const BASIC: bool = false;
    const SID: bool = false;
    const MISSING: &'static str =
        "this needs `Authorization: Bearer` with a JWT (POST /account/token/generation) or an API token";
}

impl Accepts for BearerOrBasic {
    const BASIC: bool = true;
    const SID: bool = false;
    const MISSING: &'static str =
        "this needs `Authorization`: `Bearer` with a JWT or an API token, or `Basic` with a name and a password";
}

impl Accepts for AnyCredential {
    const BASIC: bool = true;
    const SID: bool = true;
    const MISSING: &'static str = "this needs `Authorization`: a SID (POST /api/authorization/hash), `Bearer` with a JWT \
                                   or an API token, or `Basic` with a name and a password";
}

/// Who is calling, allowed to do what it asks for.
#[derive(Debug, Clone)]
pub struct Caller<A = BearerOnly>(SharedPrincipal, PhantomData<A>);

impl<A> Caller<A> {
    /// The principal, to be carried into a transaction.
    #[must_use]
    pub fn principal(&self) -> SharedPrincipal {
        Arc::clone(&self.0)
    }
}

impl<A> Deref for Caller<A> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

/// The name of the bearer's scheme in the document.
const BEARER: &str = "bearer";
/// The name of the scheme of names and passwords.
const BASIC: &str = "basic";
/// The name of the scheme of SIDs.
const SID: &str = "sid";

fn scheme(kind: &'static str, description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: kind,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}

impl<'a, A: Accepts> ApiExtractor<'a> for Caller<A> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.security_schemes.entry(BEARER).or_insert_with(|| MetaSecurityScheme {
            scheme: Some("bearer"),
            bearer_format: Some("JWT"),
            ..scheme(
                "http",
                "A JWT from `POST /account/token/generation`, or an API token (`cmp_…`) from `POST /comptoir/v1/tokens`.",
            )
        });
        if A::BASIC {
            registry.security_schemes.entry(BASIC).or_insert_with(|| MetaSecurityScheme {
                scheme: Some("basic"),
                ..scheme("http", "The name and the password of a user.")
            });
        }
        if A::SID {
            registry.security_schemes.entry(SID).or_insert_with(|| MetaSecurityScheme {
                name: Some("Authorization"),
                key_in: Some("header"),
                ..scheme("apiKey", "A SID from `POST /api/authorization/hash`, bare. 20 minutes of idleness end it.")
            });
        }
    }

    fn security_schemes() -> Vec<&'static str> {
        let schemes = [(true, BEARER), (A::BASIC, BASIC), (A::SID, SID)];
        schemes.into_iter().filter_map(|(accepted, name)| accepted.then_some(name)).collect()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let operation = Asked::of(request)?;
        let principal = operation.authenticate::<A>(request).await?;
        Ok(Self(operation.admit(principal)?, PhantomData))
    }
}

/// A request that has matched an operation.
struct Asked<'r> {
    context: &'r Arc<RequestContext>,
    need: permissions::Need,
    effect: Effect,
}

impl<'r> Asked<'r> {
    fn of(request: &'r Request) -> Result<Self, Failure> {
        let context = RequestContext::of(request)
            .ok_or_else(|| Failure::internal("a guarded handler was reached around the gate"))?;
        let operation = request
            .data::<PathPattern>()
            .and_then(|route| context.state.operations.find(request.method(), &route.0))
            .ok_or_else(|| Failure::internal("a guarded handler has no row in the permission table"))?;
        context.set_operation(operation.id);
        Ok(Self { context, need: operation.need, effect: operation.effect })
    }

    async fn authenticate<A: Accepts>(&self, request: &Request) -> Result<SharedPrincipal, Failure> {
        let auth = &self.context.state.auth;
        Ok(match credential::<A>(request)? {
            Given::Bearer(token) => auth.authenticate(token)?,
            Given::Sid(sid) => auth.authenticate_sid(sid)?,
            Given::Basic(pair) => {
                let (name, password) = pair.split_once(':').ok_or(AuthError::Unauthenticated)?;
                auth.authenticate_basic(name, password, self.context.client).await?
            }
        })
    }

    fn admit(&self, principal: SharedPrincipal) -> Result<SharedPrincipal, Failure> {
        self.context.set_principal(Arc::clone(&principal));
        permissions::allowed(self.need, &principal).map_err(AuthError::Forbidden)?;
        // What a change is recorded as goes with its caller into the transaction; the rest is recorded by the gate.
        Ok(match self.effect {
            Effect::Changes | Effect::Ingests => Arc::new(principal.doing(self.context.call(self.effect))),
            effect => {
                self.context.set_effect(effect);
                principal
            }
        })
    }
}

/// Holds the operation's row of the permission table against who stands behind `credential`. For contracts whose
/// credential may stand elsewhere than in the header; every other handler takes a [`Caller`].
pub fn admit<'r>(request: &Request, credential: impl FnOnce() -> Result<&'r str, Failure>) -> Result<Caller, Failure> {
    let asked = Asked::of(request)?;
    let principal = asked.context.state.auth.authenticate(credential()?)?;
    Ok(Caller(asked.admit(principal)?, PhantomData))
}

/// A credential as it came.
enum Given<'r> {
    Bearer(&'r str),
    Sid(Uuid),
    /// `name:password`.
    Basic(Zeroizing<String>),
}

fn credential<A: Accepts>(request: &Request) -> Result<Given<'_>, Failure> {
    let missing = || Failure::new(StatusCode::UNAUTHORIZED, A::MISSING);
    let mut given = request.headers().get_all(AUTHORIZATION).iter();
    let header = given.next().ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    if given.next().is_some() {
        return Err(Failure::invalid_field("Authorization", "must be given once"));
    }
    let Some((scheme, credential)) = header.split_once(' ') else {
        // As it is handed out and in no other of a UUID's spellings.
        let sid = Uuid::try_parse(header).ok().filter(|_| A::SID && header.len() == 36);
        return sid.map(Given::Sid).ok_or_else(missing);
    };
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Given::Bearer(unquoted(credential)));
    }
    if A::BASIC && scheme.eq_ignore_ascii_case("basic") {
        // RFC 7617: base64 of `name:password`, in UTF-8.
        let decoded = STANDARD.decode(credential).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let unreadable = || {
            Failure::new(StatusCode::UNAUTHORIZED, "`Basic` must be followed by the base64 of `name:password` in UTF-8")
        };
        return decoded.map(|pair| Given::Basic(pair.into())).ok_or_else(unreadable);
    }
    Err(missing())
}

/// The bearer credential, without the pair of quotes that some clients send around it (account contract).
pub fn bearer(request: &Request) -> Result<&str, Failure> {
    match credential::<BearerOnly>(request)? {
        Given::Bearer(token) => Ok(token),
        Given::Sid(_) | Given::Basic(_) => Err(Failure::new(StatusCode::UNAUTHORIZED, BearerOnly::MISSING)),
    }
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
