//! API tokens on the wire.

use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use super::wire::{CreatedToken, NewToken, Token, TokenPage};
use super::{Answer, HouseTags};
use crate::auth::model::{Refused, TokenName};
use crate::auth::tokens::NewToken as New;
use crate::house::HouseService;
use crate::http::idempotency;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};
use crate::http::{Caller, Failure};

/// The name page tokens of this list carry.
const LIST: &str = "tokens";

/// `/comptoir/v1/tokens`.
pub struct TokensApi(pub HouseService);

#[OpenApi(tag = "HouseTags::Tokens")]
impl TokensApi {
    /// List API tokens
    ///
    /// The caller's own; an ADMIN sees the company's, or one user's. Secrets are never shown again.
    #[oai(path = "/comptoir/v1/tokens", method = "get", operation_id = "list_tokens")]
    async fn list_tokens(
        &self,
        caller: Caller,
        /// Whose tokens.
        username: Query<Option<String>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<TokenPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let after = match token.after() {
            "" => 0,
            key => key.parse().map_err(|_| Failure::invalid_field("page_token", "is not one of this list"))?,
        };
        let rows = self.0.list_tokens(&caller, username.0.as_deref(), after, limit + 1)?;
        let (items, next) = paging::page(rows, limit, |(key, _)| PageToken::new(LIST, key.to_string()));
        let items = items.into_iter().map(|(_, token)| Token::from(token)).collect();
        Ok(Json(TokenPage { items, next_page_token: next }))
    }

    /// Make an API token
    ///
    /// For the caller; an ADMIN may make one for a user of its company, a BOT above all. The secret is in this answer
    /// and nowhere else. A token outlives its owner's password and dies with its owner.
    #[oai(path = "/comptoir/v1/tokens", method = "post", operation_id = "create_token")]
    async fn create_token(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day; the repeated one gets no secret.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        body: Strict<NewToken>,
    ) -> Answer<Json<CreatedToken>> {
        let key = idempotency(&caller, "create_token", headers, &body.0)?;
        let body = body.0;
        let new = New {
            name: TokenName::parse(body.name).map_err(|rule| Refused { field: "name", rule })?,
            grant: body.role.into(),
            expires_at: body.expires_at.and_then(|at| at.to_timestamp()),
        };
        Ok(Json(self.0.create_token(caller.principal(), body.username, new, key).await?.into()))
    }

    /// Read an API token
    #[oai(path = "/comptoir/v1/tokens/:id", method = "get", operation_id = "read_token")]
    async fn read_token(
        &self,
        caller: Caller,
        /// The token's id.
        id: Path<Uuid>,
    ) -> Answer<Json<Token>> {
        Ok(Json(self.0.read_token(&caller, id.0)?.into()))
    }

    /// Revoke an API token
    ///
    /// It stops working at once and for good.
    #[oai(path = "/comptoir/v1/tokens/:id", method = "delete", operation_id = "revoke_token")]
    async fn revoke_token(
        &self,
        caller: Caller,
        /// The token's id.
        id: Path<Uuid>,
    ) -> Answer<()> {
        Ok(self.0.revoke_token(caller.principal(), id.0).await?)
    }
}
