//! What is taken away is gone at the next request, also for a credential that was in use a moment ago, whoever takes
//! it: the house API, or a command beside the running server.

use comptoir::auth::companies::{self, CompanyChange};
use comptoir::auth::model::{Role, Roles, Scope};
use comptoir::auth::tokens::{self, Actor};
use comptoir::auth::users::{self, ProfileChange, RightsChange};
use comptoir::store::Store;
use serde_json::{Value, json};

use crate::support::{Client, NOW, PASSWORD, TestServer, api_token};

const ME: &str = "/comptoir/v1/me";

/// An ADMIN's two credentials, both in use, and the id of the second.
struct InUse {
    server: TestServer,
    jwt: Client,
    token: Client,
    token_id: String,
}

impl InUse {
    async fn new() -> Self {
        let server = TestServer::start().await;
        server.company("north").await;
        let jwt = server.user("north", "ivan", &["ADMIN", "USER"]).await;
        let (token_id, secret) = api_token(&jwt, json!({"name": "mine", "role": "OWNER"})).await;
        let token = server.bearing(&secret);
        let in_use = Self { server, jwt, token, token_id };
        // Twice: the second time they are remembered.
        assert_eq!(in_use.statuses().await, (200, 200));
        assert_eq!(in_use.statuses().await, (200, 200));
        in_use
    }

    async fn statuses(&self) -> (u16, u16) {
        (self.jwt.get(ME).await.status, self.token.get(ME).await.status)
    }
}

#[tokio::test]
async fn a_disabled_users_credentials_end_at_once_and_enabling_it_brings_none_back() {
    let in_use = InUse::new().await;
    let operator = in_use.server.as_operator().await;
    operator.patch("/comptoir/v1/users/ivan", json!({"enabled": false})).await.expect(200);
    assert_eq!(in_use.statuses().await, (401, 401));
    operator.patch("/comptoir/v1/users/ivan", json!({"enabled": true})).await.expect(200);
    assert_eq!(in_use.statuses().await, (401, 401));
    in_use.server.sign_in("ivan", PASSWORD).await.get(ME).await.expect(200);
}

#[tokio::test]
async fn a_disabled_companys_users_are_out_at_once() {
    let in_use = InUse::new().await;
    let operator = in_use.server.as_operator().await;
    operator.patch("/comptoir/v1/companies/north", json!({"enabled": false})).await.expect(200);
    assert_eq!(in_use.statuses().await, (401, 401));
}

#[tokio::test]
async fn a_revoked_token_is_out_at_once_and_the_jwt_is_not() {
    let in_use = InUse::new().await;
    in_use.jwt.delete(&format!("/comptoir/v1/tokens/{}", in_use.token_id)).await.expect(200);
    assert_eq!(in_use.statuses().await, (200, 401));
}

#[tokio::test]
async fn a_signed_out_jwt_is_out_at_once_and_the_token_is_not() {
    let in_use = InUse::new().await;
    in_use.jwt.post("/comptoir/v1/sign-out", Value::Null).await.expect(200);
    assert_eq!(in_use.statuses().await, (401, 200));
}

#[tokio::test]
async fn signing_out_everywhere_ends_a_jwt_in_use_at_once_and_the_token_is_not() {
    let in_use = InUse::new().await;
    in_use.token.post("/comptoir/v1/sign-out/everywhere", Value::Null).await.expect(200);
    assert_eq!(in_use.statuses().await, (401, 200));
}

#[tokio::test]
async fn a_role_taken_away_is_gone_at_once_from_both() {
    let in_use = InUse::new().await;
    in_use.jwt.get("/comptoir/v1/users").await.expect(200);
    in_use.token.get("/comptoir/v1/users").await.expect(200);
    let operator = in_use.server.as_operator().await;
    operator.patch("/comptoir/v1/users/ivan", json!({"roles": ["USER"]})).await.expect(200);
    in_use.jwt.get("/comptoir/v1/users").await.expect(403);
    in_use.token.get("/comptoir/v1/users").await.expect(403);
}

/// Changes a user's rights as `comptoir user` does: over a second handle on the file.
async fn change_rights(store: &Store, rights: RightsChange) {
    let change = move |tx: &comptoir::store::WriteTx<'_>| {
        users::change(tx, Scope::Installation, "ivan", &ProfileChange::default(), &rights, NOW)
    };
    store.write(change).await.unwrap();
}

#[tokio::test]
async fn a_user_disabled_beside_the_server_is_out_at_once() {
    let in_use = InUse::new().await;
    let store = in_use.server.second_store();
    change_rights(&store, RightsChange { enabled: Some(false), ..RightsChange::default() }).await;
    assert_eq!(in_use.statuses().await, (401, 401));
    change_rights(&store, RightsChange { enabled: Some(true), ..RightsChange::default() }).await;
    assert_eq!(in_use.statuses().await, (401, 401));
}

#[tokio::test]
async fn a_role_taken_away_beside_the_server_is_gone_at_once() {
    let in_use = InUse::new().await;
    in_use.token.get("/comptoir/v1/users").await.expect(200);
    let store = in_use.server.second_store();
    change_rights(&store, RightsChange { roles: Some(Roles::of(&[Role::User])), ..RightsChange::default() }).await;
    in_use.jwt.get("/comptoir/v1/users").await.expect(403);
    in_use.token.get("/comptoir/v1/users").await.expect(403);
}

#[tokio::test]
async fn a_token_revoked_beside_the_server_is_out_at_once() {
    let in_use = InUse::new().await;
    let id = in_use.token_id.parse().unwrap();
    in_use.server.second_store().write(move |tx| tokens::revoke(tx, Actor::CommandLine, id)).await.unwrap();
    assert_eq!(in_use.statuses().await, (200, 401));
}

#[tokio::test]
async fn a_sign_out_beside_the_server_ends_jwts_at_once() {
    let in_use = InUse::new().await;
    in_use.server.second_store().write(|tx| users::sign_out(tx, Scope::Installation, "ivan")).await.unwrap();
    assert_eq!(in_use.statuses().await, (401, 200));
}

#[tokio::test]
async fn a_company_disabled_beside_the_server_is_out_at_once() {
    let in_use = InUse::new().await;
    let change = CompanyChange { name: None, enabled: Some(false) };
    in_use.server.second_store().write(move |tx| companies::change(tx, "north", &change, NOW)).await.unwrap();
    assert_eq!(in_use.statuses().await, (401, 401));
}

#[tokio::test]
async fn a_key_rotated_beside_the_server_ends_jwts_at_once() {
    let in_use = InUse::new().await;
    in_use.server.second_store().write(|tx| comptoir::auth::rotate_jwt_key(tx, &[7; 32], NOW)).await.unwrap();
    assert_eq!(in_use.statuses().await, (401, 200));
}

#[tokio::test]
async fn a_write_whose_caller_was_disabled_while_its_body_came_is_refused() {
    let in_use = InUse::new().await;
    let operator = in_use.server.as_operator().await;
    let user = json!({"username": "ghost", "roles": ["ADMIN"]});
    let disable = async {
        operator.patch("/comptoir/v1/users/ivan", json!({"enabled": false})).await.expect(200);
    };
    in_use.server.held(&in_use.jwt, "POST", "/comptoir/v1/users", &user, disable).await.expect(401);
    operator.get("/comptoir/v1/users/ghost").await.expect(404);
}

#[tokio::test]
async fn a_write_whose_callers_role_was_taken_away_while_its_body_came_is_refused() {
    let in_use = InUse::new().await;
    let operator = in_use.server.as_operator().await;
    for (client, name) in [(&in_use.jwt, "ghost_a"), (&in_use.token, "ghost_b")] {
        operator.patch("/comptoir/v1/users/ivan", json!({"roles": ["ADMIN"]})).await.expect(200);
        let demote = async {
            operator.patch("/comptoir/v1/users/ivan", json!({"roles": ["USER"]})).await.expect(200);
        };
        let user = json!({"username": name, "roles": []});
        in_use.server.held(client, "POST", "/comptoir/v1/users", &user, demote).await.expect(401);
        operator.get(&format!("/comptoir/v1/users/{name}")).await.expect(404);
    }
}

#[tokio::test]
async fn a_write_goes_through_when_identities_changed_but_not_the_callers() {
    let in_use = InUse::new().await;
    let operator = in_use.server.as_operator().await;
    let elsewhere = async {
        operator.post("/comptoir/v1/sign-out/everywhere", Value::Null).await.expect(200);
    };
    let user = json!({"username": "maria", "roles": []});
    in_use.server.held(&in_use.token, "POST", "/comptoir/v1/users", &user, elsewhere).await.expect(200);
}
