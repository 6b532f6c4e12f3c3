//! Users on the wire.

use poem::http::HeaderMap;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;

use super::wire::{self, NewUser, PasswordReset, UserChange, UserPage, UserView, parsed, parsed_change};
use super::{Answer, HouseTags};
use crate::auth::model::{Email, Password, Phone, Refused, Specification, Timezone, Username, folded};
use crate::auth::users::{NewUser as New, ProfileChange, RightsChange};
use crate::house::HouseService;
use crate::http::Caller;
use crate::http::idempotency;
use crate::http::json::Strict;
use crate::http::paging::{self, PageToken};

/// The name page tokens of this list carry.
const LIST: &str = "users";

/// `/comptoir/v1/users`.
pub struct UsersApi(pub HouseService);

#[OpenApi(tag = "HouseTags::Users")]
impl UsersApi {
    /// List the users
    ///
    /// The users of the caller's company, by name; the operator may name another company.
    #[oai(path = "/comptoir/v1/users", method = "get", operation_id = "list_users")]
    async fn list_users(
        &self,
        caller: Caller,
        /// The company; absent: the caller's own.
        company_key: Query<Option<String>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// The `next_page_token` of the page before.
        page_token: Query<Option<String>>,
    ) -> Answer<Json<UserPage>> {
        let limit = limit.0.map_or(paging::DEFAULT_LIMIT, |limit| limit as usize);
        let token = PageToken::parse(LIST, page_token.0.as_deref())?;
        let rows = self.0.list_users(&caller, company_key.0.as_deref(), token.after(), limit + 1)?;
        let (items, next) = paging::page(rows, limit, |last| PageToken::new(LIST, folded(last.username.as_str())));
        Ok(Json(UserPage { items: items.into_iter().map(UserView::from).collect(), next_page_token: next }))
    }

    /// Make a user
    ///
    /// In the caller's company; the operator may name another.
    #[oai(path = "/comptoir/v1/users", method = "post", operation_id = "create_user")]
    async fn create_user(
        &self,
        caller: Caller,
        /// Makes a repeated request harmless for a day.
        #[oai(name = "Idempotency-Key")]
        _idempotency_key: Header<Option<String>>,
        headers: &HeaderMap,
        body: Strict<NewUser>,
    ) -> Answer<Json<UserView>> {
        let key = idempotency(&caller, "create_user", headers, &body.0)?;
        let body = body.0;
        let password = parsed("password", body.password, Password::parse)?;
        let new = New {
            username: Username::parse(body.username).map_err(|rule| Refused { field: "username", rule })?,
            roles: wire::roles(&body.roles)?,
            operator: body.operator,
            timezone: timezone(body.timezone)?,
            specification: parsed("specification", body.specification, Specification::parse)?,
            email: parsed("email", body.email, Email::parse)?,
            phone: parsed("phone", body.phone, Phone::parse)?,
        };
        Ok(Json(self.0.create_user(caller.principal(), body.company_key, new, password, key).await?.into()))
    }

    /// Read a user
    #[oai(path = "/comptoir/v1/users/:username", method = "get", operation_id = "read_user")]
    async fn read_user(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
    ) -> Answer<Json<UserView>> {
        Ok(Json(self.0.read_user(&caller, &username)?.into()))
    }

    /// Change a user
    ///
    /// What is absent stays, null clears. Disabling a user or taking a role away works at once, also for tokens that
    /// are in use. An operator is changed by operators only, and the last one stays one.
    #[oai(path = "/comptoir/v1/users/:username", method = "patch", operation_id = "change_user")]
    async fn change_user(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
        body: Strict<UserChange>,
    ) -> Answer<Json<UserView>> {
        let body = body.0;
        let profile = ProfileChange {
            specification: parsed_change("specification", body.specification, Specification::parse)?,
            email: parsed_change("email", body.email, Email::parse)?,
            phone: parsed_change("phone", body.phone, Phone::parse)?,
            attributes: None,
        };
        let rights = RightsChange {
            roles: body.roles.as_deref().map(wire::roles).transpose()?,
            operator: body.operator,
            enabled: body.enabled,
            timezone: body.timezone.map(timezone).transpose()?,
            email_confirmed: body.email_confirmed,
        };
        Ok(Json(self.0.change_user(caller.principal(), username.0, profile, rights).await?.into()))
    }

    /// Reset a user's password
    ///
    /// Ends every JWT of the user at once; its API tokens go on working.
    #[oai(path = "/comptoir/v1/users/:username/password", method = "put", operation_id = "reset_password")]
    async fn reset_password(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
        body: Strict<PasswordReset>,
    ) -> Answer<Json<UserView>> {
        let password = Password::parse(body.0.new_password).map_err(|rule| Refused { field: "new_password", rule })?;
        Ok(Json(self.0.reset_password(caller.principal(), username.0, password).await?.into()))
    }

    /// Sign a user out everywhere
    ///
    /// Ends every JWT of the user at once; its API tokens go on working.
    #[oai(path = "/comptoir/v1/users/:username/sign-out", method = "post", operation_id = "sign_out_user")]
    async fn sign_out_user(
        &self,
        caller: Caller,
        /// The user's name.
        username: Path<String>,
    ) -> Answer<()> {
        Ok(self.0.sign_out_user(caller.principal(), username.0).await?)
    }
}

fn timezone(hours: i32) -> Result<Timezone, Refused> {
    Timezone::parse(hours.into()).map_err(|rule| Refused { field: "timezone", rule })
}
