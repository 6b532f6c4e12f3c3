//! The account contract's types, field by field as the vendor's document has them, in its order.
//!
//! Must not know: SQL, other domains.

use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};
use serde_json::{Value, json};

use crate::auth::model::{self, Attributes, Email, Phone, Refused, Role, Roles, Rule, Specification};
use crate::auth::users::ProfileChange;
use crate::http::wire::Instant;

fn default_ttl() -> i32 {
    86_400
}

/// What a token is asked for with.
#[derive(Debug, Object)]
pub struct TokenRequest {
    /// Unique name of the user.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"\w+"))]
    pub username: String,
    /// Password.
    #[oai(validator(min_length = 10, max_length = 256))]
    pub password: String,
    /// How long the token is to live, in seconds.
    #[oai(default = "default_ttl", validator(minimum(value = "60"), maximum(value = "31556926")))]
    pub ttl_seconds: i32,
}

/// Whether a token is valid.
#[derive(Debug, Object)]
pub struct TokenValidationResult {
    /// Whether the token would be accepted now.
    pub valid: bool,
    /// The roles behind it; empty when it is not valid.
    #[oai(validator(max_items = 2, unique_items))]
    pub roles: Vec<UserRole>,
}

/// A change of password.
#[derive(Debug, Object)]
pub struct PasswordChangeRequest {
    /// The password so far.
    #[oai(validator(min_length = 10, max_length = 256))]
    pub current_password: String,
    /// The password from now on; it may be the same.
    #[oai(validator(min_length = 10, max_length = 256))]
    pub new_password: String,
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[oai(rename_all = "UPPERCASE")]
pub enum UserRole {
    /// Everything in its company.
    Admin,
    /// Its parties only.
    Partner,
    /// The business contracts.
    User,
    /// Ingest and reports.
    Bot,
}

/// The wire's words for a set of roles.
pub fn roles(roles: Roles) -> Vec<UserRole> {
    roles
        .iter()
        .map(|role| match role {
            Role::Admin => UserRole::Admin,
            Role::Partner => UserRole::Partner,
            Role::User => UserRole::User,
            Role::Bot => UserRole::Bot,
        })
        .collect()
}

/// A piece of service information about an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Object)]
pub struct Attribute {
    /// Its name.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub key: String,
    /// Its value.
    #[oai(validator(max_length = 2000))]
    pub value: String,
}

/// An account.
#[derive(Debug, Object)]
pub struct User {
    /// Unique name of the user.
    #[oai(validator(min_length = 2, max_length = 256, pattern = r"\w+"))]
    pub username: String,
    /// Description of the user.
    #[oai(validator(min_length = 2, max_length = 256), nullable)]
    pub specification: Option<String>,
    /// E-mail address.
    #[oai(validator(min_length = 5, max_length = 256), nullable)]
    pub email: Option<String>,
    /// Phone number.
    #[oai(validator(min_length = 5, max_length = 32), nullable)]
    pub phone: Option<String>,
    /// Unique key of the company.
    #[oai(validator(min_length = 3, max_length = 256, pattern = r"\w+"))]
    pub company_key: String,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// The user's roles.
    #[oai(validator(max_items = 2, unique_items))]
    pub roles: Vec<UserRole>,
    /// Offset from UTC in hours that statistics go by: where a day begins.
    #[oai(validator(minimum(value = "-12"), maximum(value = "12")))]
    pub timezone: i32,
    /// When the account was last changed.
    #[oai(nullable)]
    pub edit_date: Option<Instant>,
    /// When the account was made.
    #[oai(nullable)]
    pub creation_date: Option<Instant>,
    /// Service information.
    #[oai(validator(max_items = 1000, unique_items))]
    pub attributes: Vec<Attribute>,
}

impl From<model::User> for User {
    fn from(user: model::User) -> Self {
        Self {
            username: user.username.to_string(),
            specification: user.specification.map(|text| text.to_string()),
            email: user.email.map(|text| text.to_string()),
            phone: user.phone.map(|text| text.to_string()),
            company_key: user.company_key.to_string(),
            enabled: user.enabled,
            roles: roles(user.roles),
            timezone: user.timezone.hours().into(),
            edit_date: user.edited_at.map(Instant::utc),
            creation_date: Some(Instant::utc(user.created_at)),
            attributes: user
                .attributes
                .items()
                .iter()
                .map(|item| Attribute { key: item.key.clone(), value: item.value.clone() })
                .collect(),
        }
    }
}

/// A change of account information: absent = unchanged, null = cleared.
#[derive(Debug, Object)]
pub struct InfoChangeRequest {
    /// Description of the user.
    #[oai(validator(min_length = 2, max_length = 256), nullable)]
    pub specification: MaybeUndefined<String>,
    /// E-mail address.
    #[oai(validator(min_length = 5, max_length = 256), nullable)]
    pub email: MaybeUndefined<String>,
    /// Phone number.
    #[oai(validator(min_length = 5, max_length = 32), nullable)]
    pub phone: MaybeUndefined<String>,
    /// Service information; replaced as a whole.
    #[oai(validator(max_items = 1000, unique_items), nullable)]
    pub attributes: MaybeUndefined<Vec<Attribute>>,
}

impl InfoChangeRequest {
    /// The change in checked values.
    pub fn into_change(self) -> Result<ProfileChange, Refused> {
        let attributes = match self.attributes {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(Attributes::default()),
            MaybeUndefined::Value(items) => {
                let items = items.into_iter().map(|item| model::Attribute { key: item.key, value: item.value });
                Some(Attributes::parse(items.collect()).map_err(|rule| Refused { field: "attributes", rule })?)
            }
        };
        Ok(ProfileChange {
            specification: optional("specification", self.specification, Specification::parse)?,
            email: optional("email", self.email, Email::parse)?,
            phone: optional("phone", self.phone, Phone::parse)?,
            attributes,
        })
    }
}

fn optional<T>(
    field: &'static str,
    value: MaybeUndefined<String>,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> Result<Option<Option<T>>, Refused> {
    match value {
        MaybeUndefined::Undefined => Ok(None),
        MaybeUndefined::Null => Ok(Some(None)),
        MaybeUndefined::Value(text) => {
            parse(text).map(|value| Some(Some(value))).map_err(|rule| Refused { field, rule })
        }
    }
}

/// How the service is.
#[derive(Debug, Object)]
pub struct CheckResult {
    /// 0: not at all, 1: well.
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    pub health: f64,
}

/// Which service it is.
#[derive(Debug, Object)]
pub struct VersionResult {
    /// Major version of the contract.
    #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
    pub major: i32,
    /// Minor version of the contract.
    #[oai(validator(minimum(value = "0"), maximum(value = "111")))]
    pub minor: i32,
    /// The server's version and commit.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub build: String,
}

/// An example of [`TokenRequest`].
pub fn token_request_example() -> Value {
    json!({"username": "operator", "password": "the password printed at the first start", "ttl_seconds": 86400})
}

/// An example of a token.
pub fn token_example() -> Value {
    json!("new.jwt.token")
}

/// An example of [`PasswordChangeRequest`].
pub fn password_change_example() -> Value {
    json!({"current_password": "long_strong_password", "new_password": "longer_stronger_password"})
}

/// An example of [`InfoChangeRequest`].
pub fn info_change_example() -> Value {
    json!({
        "specification": "User full name",
        "email": "admin@company.com",
        "phone": "+71112223333",
        "attributes": [{"key": "desk", "value": "4"}],
    })
}

/// An example of [`TokenValidationResult`].
pub fn token_validation_example() -> Value {
    json!({"valid": true, "roles": ["USER"]})
}

/// An example of [`User`].
pub fn user_example() -> Value {
    json!({
        "username": "username_for_login",
        "specification": "User full name",
        "email": "admin@company.com",
        "phone": "+71112223333",
        "company_key": "smart_company",
        "enabled": true,
        "roles": ["USER"],
        "timezone": 3,
        "edit_date": "2024-11-21T19:45:00Z",
        "creation_date": "2024-11-21T19:45:00Z",
        "attributes": [{"key": "desk", "value": "4"}],
    })
}

/// An example of [`CheckResult`].
pub fn check_example() -> Value {
    json!({"health": 1.0})
}

/// An example of [`VersionResult`].
pub fn version_example() -> Value {
    json!({"major": 7, "minor": 9, "build": "0.1.0+0123456789ab"})
}
