//! The caller itself on the wire, and what the operator does to every session.

use poem_openapi::OpenApi;
use poem_openapi::payload::Json;

use super::wire::CallerView;
use super::{Answer, HouseTags};
use crate::house::HouseService;
use crate::http::Caller;

/// `/comptoir/v1/me`, `/comptoir/v1/sign-out`, `/comptoir/v1/jwt-key`.
pub struct SessionApi(pub HouseService);

#[OpenApi(tag = "HouseTags::Session")]
impl SessionApi {
    /// Who am I
    ///
    /// Who stands behind the credential of this request, and what it may do.
    #[oai(path = "/comptoir/v1/me", method = "get", operation_id = "read_principal")]
    async fn read_principal(&self, caller: Caller) -> Answer<Json<CallerView>> {
        Ok(Json(CallerView::from(&*caller)))
    }

    /// Sign out
    ///
    /// Ends the JWT this request came with, at once. An API token is revoked instead: 409.
    #[oai(path = "/comptoir/v1/sign-out", method = "post", operation_id = "sign_out")]
    async fn sign_out(&self, caller: Caller) -> Answer<()> {
        Ok(self.0.sign_out(caller.principal()).await?)
    }

    /// Sign out everywhere
    ///
    /// Ends every JWT of the caller, this one included, at once. API tokens go on working.
    #[oai(path = "/comptoir/v1/sign-out/everywhere", method = "post", operation_id = "sign_out_everywhere")]
    async fn sign_out_everywhere(&self, caller: Caller) -> Answer<()> {
        Ok(self.0.sign_out_everywhere(caller.principal()).await?)
    }

    /// Rotate the key of JWTs
    ///
    /// Ends every JWT of the installation at once, the caller's own included. API tokens go on working. For the
    /// operator.
    #[oai(path = "/comptoir/v1/jwt-key/rotate", method = "post", operation_id = "rotate_jwt_key")]
    async fn rotate_jwt_key(&self, caller: Caller) -> Answer<()> {
        Ok(self.0.rotate_jwt_key(caller.principal()).await?)
    }
}
