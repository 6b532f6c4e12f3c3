//! The house API's types.
//!
//! Must not know: SQL, any domain.

use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::model::{self, Credential, Grant, Principal, Refused, Rule};
use crate::house::service::CreatedToken as Made;
use crate::http::wire::Instant;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "UPPERCASE")]
pub enum Role {
    /// Everything in its company.
    Admin,
    /// Its parties only.
    Partner,
    /// The business contracts.
    User,
    /// Ingest and reports.
    Bot,
}

impl From<model::Role> for Role {
    fn from(role: model::Role) -> Self {
        match role {
            model::Role::Admin => Self::Admin,
            model::Role::Partner => Self::Partner,
            model::Role::User => Self::User,
            model::Role::Bot => Self::Bot,
        }
    }
}

impl From<Role> for model::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Partner => Self::Partner,
            Role::User => Self::User,
            Role::Bot => Self::Bot,
        }
    }
}

/// The checked set of a user's roles.
pub fn roles(roles: &[Role]) -> Result<model::Roles, Refused> {
    let roles: Vec<_> = roles.iter().copied().map(model::Role::from).collect();
    model::Roles::of_user(&roles).map_err(|rule| Refused { field: "roles", rule })
}

/// How the caller signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CredentialKind {
    /// With a JWT.
    Jwt,
    /// With an API token.
    ApiToken,
    /// With a SID.
    Sid,
    /// With a name and a password.
    Basic,
}

/// Who is calling.
#[derive(Debug, Object)]
pub struct CallerView {
    /// Its name.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"^\w+$"))]
    pub username: String,
    /// Its company.
    #[oai(validator(min_length = 3, max_length = 256, pattern = r"^\w+$"))]
    pub company_key: String,
    /// What it may do with the credential it came with.
    #[oai(validator(max_items = 4, unique_items))]
    pub roles: Vec<Role>,
    /// Whether it acts as the operator of the installation.
    pub operator: bool,
    /// Offset from UTC in hours.
    #[oai(validator(minimum(value = "-12"), maximum(value = "12")))]
    pub timezone: i32,
    /// How it signed in.
    pub credential: CredentialKind,
}

impl From<&Principal> for CallerView {
    fn from(principal: &Principal) -> Self {
        Self {
            username: principal.username.to_string(),
            company_key: principal.company_key.to_string(),
            roles: principal.roles.iter().map(Role::from).collect(),
            operator: principal.operator,
            timezone: principal.timezone.hours().into(),
            credential: match principal.credential {
                Credential::Jwt { .. } => CredentialKind::Jwt,
                Credential::ApiToken { .. } => CredentialKind::ApiToken,
                Credential::Sid { .. } => CredentialKind::Sid,
                Credential::Basic { .. } => CredentialKind::Basic,
            },
        }
    }
}

/// A company.
#[derive(Debug, Object)]
pub struct Company {
    /// Its key in the account contract.
    #[oai(validator(min_length = 3, max_length = 256, pattern = r"^\w+$"))]
    pub key: String,
    /// Its id as an organisation in the nomenclature contract.
    pub guid: Uuid,
    /// Its name for people.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
    /// Whether its users may sign in.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed, if ever.
    #[oai(nullable)]
    pub edited_at: Option<Instant>,
}

impl From<model::Company> for Company {
    fn from(company: model::Company) -> Self {
        Self {
            key: company.key.to_string(),
            guid: company.guid,
            name: company.name.to_string(),
            enabled: company.enabled,
            created_at: Instant::utc(company.created_at),
            edited_at: company.edited_at.map(Instant::utc),
        }
    }
}

/// A company to be made.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewCompany {
    /// Its key: letters, digits and underscores; unique whatever its case, and for good.
    #[oai(validator(min_length = 3, max_length = 256, pattern = r"^\w+$"))]
    pub key: String,
    /// Its name for people.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: String,
}

/// A change of a company: what is absent stays.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CompanyChange {
    /// Its name for people.
    #[oai(validator(min_length = 1, max_length = 256))]
    pub name: Option<String>,
    /// Whether its users may sign in.
    pub enabled: Option<bool>,
}

/// A page of companies.
#[derive(Debug, Object)]
pub struct CompanyPage {
    /// The companies, by key.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Company>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(validator(min_length = 1, max_length = 5120), nullable)]
    pub next_page_token: Option<String>,
}

/// A user.
#[derive(Debug, Object)]
#[allow(clippy::struct_excessive_bools, reason = "each is true or false by itself")]
pub struct UserView {
    /// Its name: unique in the installation whatever its case, and for good.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"^\w+$"))]
    pub username: String,
    /// Its id in tokens.
    pub guid: Uuid,
    /// Its company.
    #[oai(validator(min_length = 3, max_length = 256, pattern = r"^\w+$"))]
    pub company_key: String,
    /// Its roles.
    #[oai(validator(max_items = 2, unique_items))]
    pub roles: Vec<Role>,
    /// Whether it administers the installation.
    pub operator: bool,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Whether it has a password; a user without one lives on API tokens.
    pub has_password: bool,
    /// Offset from UTC in hours: where its billing day begins.
    #[oai(validator(minimum(value = "-12"), maximum(value = "12")))]
    pub timezone: i32,
    /// A description.
    #[oai(validator(min_length = 2, max_length = 256), nullable)]
    pub specification: Option<String>,
    /// An e-mail address.
    #[oai(validator(min_length = 5, max_length = 256), nullable)]
    pub email: Option<String>,
    /// Whether an ADMIN has confirmed that address: then it can stand for the name where the schedules contract signs in.
    pub email_confirmed: bool,
    /// A phone number.
    #[oai(validator(min_length = 5, max_length = 32), nullable)]
    pub phone: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed, if ever.
    #[oai(nullable)]
    pub edited_at: Option<Instant>,
}

impl From<model::User> for UserView {
    fn from(user: model::User) -> Self {
        Self {
            username: user.username.to_string(),
            guid: user.guid,
            company_key: user.company_key.to_string(),
            roles: user.roles.iter().map(Role::from).collect(),
            operator: user.operator,
            enabled: user.enabled,
            has_password: user.has_password,
            timezone: user.timezone.hours().into(),
            specification: user.specification.map(|text| text.to_string()),
            email: user.email.map(|text| text.to_string()),
            email_confirmed: user.email_confirmed,
            phone: user.phone.map(|text| text.to_string()),
            created_at: Instant::utc(user.created_at),
            edited_at: user.edited_at.map(Instant::utc),
        }
    }
}

/// A user to be made.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct NewUser {
    /// Its name: letters, digits and underscores; unique whatever its case, and for good.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"^\w+$"))]
    pub username: String,
    /// Its company; absent: the caller's own. Only the operator may name another.
    #[oai(validator(min_length = 3, max_length = 256))]
    pub company_key: Option<String>,
    /// Its password; absent: none, the user lives on API tokens until it gets one.
    #[oai(validator(min_length = 10, max_length = 256))]
    pub password: Option<String>,
    /// Its roles.
    #[oai(validator(max_items = 2, unique_items))]
    pub roles: Vec<Role>,
    /// Whether it is to administer the installation: only an operator may say so.
    #[oai(default)]
    pub operator: bool,
    /// Offset from UTC in hours: where its billing day begins.
    #[oai(default, validator(minimum(value = "-12"), maximum(value = "12")))]
    pub timezone: i32,
    /// A description.
    #[oai(validator(min_length = 2, max_length = 256))]
    pub specification: Option<String>,
    /// An e-mail address.
    #[oai(validator(min_length = 5, max_length = 256))]
    pub email: Option<String>,
    /// A phone number.
    #[oai(validator(min_length = 5, max_length = 32))]
    pub phone: Option<String>,
}

/// A change of a user: what is absent stays, null clears.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct UserChange {
    /// Its roles.
    #[oai(validator(max_items = 2, unique_items))]
    pub roles: Option<Vec<Role>>,
    /// Whether it administers the installation: only an operator may say so.
    pub operator: Option<bool>,
    /// Whether it may sign in. Disabling ends its JWTs and API tokens at once and for good.
    pub enabled: Option<bool>,
    /// Offset from UTC in hours. What was recorded before stays on its day.
    #[oai(validator(minimum(value = "-12"), maximum(value = "12")))]
    pub timezone: Option<i32>,
    /// A description.
    #[oai(validator(min_length = 2, max_length = 256), nullable)]
    pub specification: MaybeUndefined<String>,
    /// An e-mail address.
    #[oai(validator(min_length = 5, max_length = 256), nullable)]
    pub email: MaybeUndefined<String>,
    /// Whether the address, as it is after this change, is known to be the user's own. Another address is unconfirmed.
    pub email_confirmed: Option<bool>,
    /// A phone number.
    #[oai(validator(min_length = 5, max_length = 32), nullable)]
    pub phone: MaybeUndefined<String>,
}

/// A page of users.
#[derive(Debug, Object)]
pub struct UserPage {
    /// The users, by name.
    #[oai(validator(max_items = 200))]
    pub items: Vec<UserView>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(validator(min_length = 1, max_length = 5120), nullable)]
    pub next_page_token: Option<String>,
}

/// A password set by an administrator.
#[derive(Object)]
#[oai(deny_unknown_fields)]
pub struct PasswordReset {
    /// The password from now on.
    #[oai(validator(min_length = 10, max_length = 256))]
    pub new_password: String,
}

/// What an API token may carry of its owner's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "UPPERCASE")]
pub enum TokenRole {
    /// Whatever roles the owner has at the moment of the call, but never the operator's.
    Owner,
    /// Everything in the company.
    Admin,
    /// Its parties only.
    Partner,
    /// The business contracts.
    User,
    /// Ingest and reports.
    Bot,
    /// The installation: only an operator may make one, and only for itself.
    Operator,
}

impl From<Grant> for TokenRole {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::Owner => Self::Owner,
            Grant::Admin => Self::Admin,
            Grant::Partner => Self::Partner,
            Grant::User => Self::User,
            Grant::Bot => Self::Bot,
            Grant::Operator => Self::Operator,
        }
    }
}

impl From<TokenRole> for Grant {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Owner => Self::Owner,
            TokenRole::Admin => Self::Admin,
            TokenRole::Partner => Self::Partner,
            TokenRole::User => Self::User,
            TokenRole::Bot => Self::Bot,
            TokenRole::Operator => Self::Operator,
        }
    }
}

/// An API token, without its secret.
#[derive(Debug, Object)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// Whom it belongs to.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"^\w+$"))]
    pub username: String,
    /// What it is for.
    #[oai(validator(min_length = 1, max_length = 128))]
    pub name: String,
    /// How it begins, to tell tokens apart.
    #[oai(validator(min_length = 10, max_length = 10))]
    pub hint: String,
    /// What it may carry of its owner's rights.
    pub role: TokenRole,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops working; null: never by itself.
    #[oai(nullable)]
    pub expires_at: Option<Instant>,
    /// When it was last used, to the minute; null: not yet.
    #[oai(nullable)]
    pub last_used_at: Option<Instant>,
}

impl From<model::ApiToken> for Token {
    fn from(token: model::ApiToken) -> Self {
        Self {
            id: token.guid,
            username: token.username.to_string(),
            name: token.name.to_string(),
            hint: token.hint,
            role: token.grant.into(),
            created_at: Instant::utc(token.created_at),
            expires_at: token.expires_at.map(Instant::utc),
            last_used_at: token.last_used_at.map(Instant::utc),
        }
    }
}

/// An API token to be made.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[oai(validator(min_length = 1, max_length = 128))]
    pub name: String,
    /// Whom it is to belong to; absent: the caller. Only an ADMIN may name another.
    #[oai(validator(min_length = 2, max_length = 256))]
    pub username: Option<String>,
    /// What it may carry of its owner's rights.
    pub role: TokenRole,
    /// When it is to stop working; absent: never by itself.
    pub expires_at: Option<Instant>,
}

/// An API token that was just made.
#[derive(Debug, Object)]
pub struct CreatedToken {
    /// What to send as `Authorization: Bearer …`. Shown this once; null when the request was a repeated one.
    #[oai(validator(min_length = 47, max_length = 47), nullable)]
    pub secret: Option<String>,
    /// The token.
    pub token: Token,
}

impl From<Made> for CreatedToken {
    fn from(made: Made) -> Self {
        Self { secret: made.secret.map(|secret| secret.expose().to_owned()), token: made.token.into() }
    }
}

/// A page of tokens.
#[derive(Debug, Object)]
pub struct TokenPage {
    /// The tokens, oldest first.
    #[oai(validator(max_items = 200))]
    pub items: Vec<Token>,
    /// What to send as `page_token` for the next page; null on the last.
    #[oai(validator(min_length = 1, max_length = 5120), nullable)]
    pub next_page_token: Option<String>,
}

/// A text that may be absent, parsed into its type.
pub fn parsed<T>(
    field: &'static str,
    text: Option<String>,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> Result<Option<T>, Refused> {
    text.map(parse).transpose().map_err(|rule| Refused { field, rule })
}

/// A text that may be absent or cleared, parsed into its type.
pub fn parsed_change<T>(
    field: &'static str,
    text: MaybeUndefined<String>,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> Result<Option<Option<T>>, Refused> {
    match text {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => parsed(field, Some(text), parse).map(Some),
    }
}

/// An example of [`NewCompany`].
pub fn new_company_example() -> Value {
    json!({"key": "north_star", "name": "North Star Trading"})
}

/// An example of [`CompanyChange`].
pub fn company_change_example() -> Value {
    json!({"name": "North Star Trading Ltd"})
}

/// An example of [`NewUser`].
pub fn new_user_example() -> Value {
    json!({
        "username": "olena",
        "password": "long_strong_password",
        "roles": ["USER"],
        "timezone": 2,
        "specification": "Olena, purchasing",
        "email": "olena@example.com",
    })
}

/// An example of [`UserChange`].
pub fn user_change_example() -> Value {
    json!({"roles": ["USER", "PARTNER"], "timezone": 3})
}

/// An example of [`PasswordReset`].
pub fn password_reset_example() -> Value {
    json!({"new_password": "longer_stronger_password"})
}

/// An example of [`NewToken`].
pub fn new_token_example() -> Value {
    json!({"name": "the connector of the web shop", "role": "OWNER"})
}
