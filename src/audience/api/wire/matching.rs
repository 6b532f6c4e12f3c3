//! Which profile a request means.

use poem_openapi::Enum;
use serde_json::{Map, Value};

use crate::audience::model::{Address, Identity, ProfileKey, Refused, Rule, Target};

/// What a profile is matched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "AudienceMatching", rename_all = "snake_case")]
pub enum Matching {
    /// Its e-mail address.
    Email,
    /// One of its phones.
    Phone,
    /// Its id.
    ProfileId,
    /// A field of the company's own: `field_name`, and `field_value` or the field in `data`.
    Custom,
}

/// The fields that name a profile.
#[derive(Debug, Default)]
pub struct Sought {
    /// What by; `None`: by its id if there is one, else by its e-mail address.
    pub matching: Option<Matching>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// One of its phones.
    pub phone: Option<String>,
    /// Its id.
    pub profile_id: Option<String>,
    /// The name of a field of the company's own.
    pub field_name: Option<String>,
    /// The field's value.
    pub field_value: Option<Value>,
}

/// Text of one to `max` characters.
pub fn bounded(field: &'static str, text: &str, max: usize) -> Result<(), Refused> {
    let count = text.chars().count();
    if count > max {
        Err(Refused::new(field, format!("must have at most {max} characters (has {count})")))
    } else {
        Ok(())
    }
}

impl Sought {
    /// The profile that is meant. Fields that are missing here may stand among the `data` of an import.
    pub fn target(&self, data: Option<&Map<String, Value>>) -> Result<Target, Refused> {
        let by_default = if self.profile_id.is_some() { Matching::ProfileId } else { Matching::Email };
        let text = |field: &'static str, own: &Option<String>, or: Option<String>| {
            let given = own.clone().or(or).filter(|text| !text.trim().is_empty());
            given.ok_or_else(|| Refused::new(field, "is required to match a profile by it"))
        };
        let among = |name: &str| data.and_then(|data| data.get(name)).and_then(Value::as_str).map(str::to_owned);
        let refused = |field: &'static str| move |rule: Rule| Refused { field, rule };
        match self.matching.unwrap_or(by_default) {
            Matching::Email => {
                let email = text("email", &self.email, among("email"))?;
                Ok(Target::Identity(Identity::from(&Address::email(&email).map_err(refused("email"))?)))
            }
            Matching::Phone => {
                let first = data.and_then(|data| data.get("phones")?.get(0)?.as_str().map(str::to_owned));
                let phone = text("phone", &self.phone, first)?;
                Ok(Target::Identity(Identity::from(&Address::phone(&phone).map_err(refused("phone"))?)))
            }
            Matching::ProfileId => {
                let key = text("profile_id", &self.profile_id, among("profile_id"))?;
                Ok(Target::Key(ProfileKey::parse(&key).map_err(refused("profile_id"))?))
            }
            Matching::Custom => {
                let name = text("field_name", &self.field_name, None)?;
                let value = self.field_value.as_ref().or_else(|| data.and_then(|data| data.get(&name)));
                let value = value.ok_or_else(|| Refused::new("field_value", "is required to match a profile by it"))?;
                Identity::field(&name, value)
                    .map(Target::Identity)
                    .ok_or_else(|| Refused::new("field_value", "must be text or a number of 1 to 256 characters"))
            }
        }
    }
}
