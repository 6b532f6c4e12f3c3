//! What is asked for of profiles and their subscriptions. `token` and `format` are read by the call itself.

use poem_openapi::Object;
use serde_json::{Map, Value};

use super::extras::{bodies, with_fields};
use super::matching::{Matching, Sought, bounded};
use super::words::{ChannelWord, StatusWord};
use crate::audience::api::call::CallBody;
use crate::audience::model::{
    Address, Change, Import, MAX_PHONES, MAX_SUBSCRIPTIONS, ProfileChange, ProfileKey, Refused, Rule,
    SubscriptionChange, Target,
};
use crate::http::json::from_value;
use crate::http::schema::Unknown;

bodies!(ImportProfile, DeleteProfile, SetSubscription, DeleteSubscription, SuspendSubscriptions);

/// The longest text of a profile's field and of what goes with a subscription, in bytes of JSON.
const MAX_FIELD: usize = 4096;

/// The most rows of a batch.
pub const MAX_ROWS: usize = 10_000;

/// The known fields of a subscription within a profile. What goes with the channel (`email_data`, `push_data` …) stands
/// beside them and is kept as it comes.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSubscriptionData")]
pub struct SubscriptionFields {
    /// The resource.
    pub resource_id: i64,
    /// Through what.
    pub channel: ChannelWord,
    /// How it stands; without it a new one is subscribed and an old one stays.
    pub status: Option<StatusWord>,
}

with_fields!(
    /// A subscription within a profile.
    SubscriptionData,
    SubscriptionFields,
    ["resource_id", "channel", "status"]
);

impl SubscriptionData {
    fn into_change(self) -> Result<SubscriptionChange, Refused> {
        subscription(self.known.resource_id, self.known.channel, self.known.status, self.fields)
    }
}

fn subscription(
    resource: i64,
    channel: ChannelWord,
    status: Option<StatusWord>,
    details: Map<String, Value>,
) -> Result<SubscriptionChange, Refused> {
    let details = (!details.is_empty()).then_some(Value::Object(details));
    if details.as_ref().is_some_and(|details| details.to_string().len() > MAX_FIELD) {
        return Err(Refused::new(
            "subscriptions",
            format!("must have at most {MAX_FIELD} bytes beside the known fields"),
        ));
    }
    Ok(SubscriptionChange { resource, channel: channel.into(), status: status.map(|word| word.0), details })
}

/// The known fields of a profile. Any others are the company's own: text, numbers, whatever JSON holds; null removes one.
/// An absent field stays as it is, an empty text clears it.
#[derive(Debug, Object)]
#[oai(rename = "AudienceProfileData")]
pub struct ProfileFields {
    /// E-mail address.
    pub email: Option<String>,
    /// Phones; replaced as a whole.
    pub phones: Option<Vec<String>>,
    /// First name.
    #[oai(rename = "_fname")]
    pub first_name: Option<String>,
    /// Last name.
    #[oai(rename = "_lname")]
    pub last_name: Option<String>,
    /// How the profile stands as a whole: suspended (5), it is not sent to.
    #[oai(rename = "_status")]
    pub status: Option<StatusWord>,
    /// Subscriptions to set, up to 256 at once; those not named stay.
    pub subscriptions: Option<Vec<SubscriptionData>>,
}

with_fields!(
    /// A profile as an import gives it.
    ProfileData,
    ProfileFields,
    ["email", "phones", "_fname", "_lname", "_status", "subscriptions"]
);

impl ProfileData {
    /// What a profile may be matched by among this.
    fn sought(&self) -> Map<String, Value> {
        let mut map = self.fields.clone();
        if let Some(email) = &self.known.email {
            map.insert("email".into(), email.as_str().into());
        }
        if let Some(phones) = &self.known.phones {
            map.insert("phones".into(), phones.clone().into());
        }
        map
    }

    fn into_change(self) -> Result<ProfileChange, Refused> {
        let ProfileFields { email, phones, first_name, last_name, status, subscriptions } = self.known;
        let phones = phones.map(|phones| {
            if phones.len() > MAX_PHONES {
                return Err(Refused::new(
                    "phones",
                    format!("must have at most {MAX_PHONES} items (has {})", phones.len()),
                ));
            }
            let given = phones.iter().filter(|text| !text.trim().is_empty());
            given.map(|text| Address::phone(text).map_err(|rule| Refused { field: "phones", rule })).collect()
        });
        if let Some(count) = subscriptions.as_ref().map(Vec::len).filter(|count| *count > MAX_SUBSCRIPTIONS) {
            let rule = format!("must have at most {MAX_SUBSCRIPTIONS} items (has {count})");
            return Err(Refused::new("subscriptions", rule));
        }
        for (name, value) in &self.fields {
            bounded("data", name, 64)?;
            if value.to_string().len() > MAX_FIELD {
                return Err(Refused::new("data", format!("must have fields of at most {MAX_FIELD} bytes")));
            }
        }
        Ok(ProfileChange {
            email: clearable("email", email, |text| Address::email(&text))?,
            phones: phones.transpose()?,
            first_name: clearable("_fname", first_name, name)?,
            last_name: clearable("_lname", last_name, name)?,
            status: status.map(|word| word.0),
            fields: self.fields,
            subscriptions: subscriptions
                .unwrap_or_default()
                .into_iter()
                .map(SubscriptionData::into_change)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn name(text: String) -> Result<String, Rule> {
    if text.chars().count() > 256 { Err(Rule("must have at most 256 characters".into())) } else { Ok(text) }
}

/// Absent is unchanged, empty is cleared.
fn clearable<T>(
    field: &'static str,
    text: Option<String>,
    parse: impl Fn(String) -> Result<T, Rule>,
) -> Result<Change<T>, Refused> {
    match text {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(Some(None)),
        Some(text) => parse(text).map(|value| Some(Some(value))).map_err(|rule| Refused { field, rule }),
    }
}

/// What matches a profile when its `data` does not.
macro_rules! sought {
    ($body:expr) => {
        Sought {
            matching: $body.matching,
            email: $body.email.clone(),
            phone: $body.phone.clone(),
            profile_id: $body.profile_id.clone(),
            field_name: $body.field_name.clone(),
            field_value: $body.field_value.clone(),
        }
    };
}

/// A profile to make or to change.
#[derive(Debug, Object)]
#[oai(rename = "AudienceImportProfile")]
pub struct ImportProfile {
    /// The list.
    pub db_id: i64,
    /// What an earlier profile is found by: `email`, unless a `profile_id` is given.
    pub matching: Option<Matching>,
    /// To match by; else the one in `data`.
    pub email: Option<String>,
    /// To match by; else the first one in `data`.
    pub phone: Option<String>,
    /// To match by: 24 hexadecimal digits. A profile that is not there is not made.
    pub profile_id: Option<String>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// To match by: that field's value; else the one in `data`.
    pub field_value: Option<Value>,
    /// The profile.
    pub data: ProfileData,
}

impl ImportProfile {
    /// In checked values; a new profile gets `key`.
    pub fn into_import(self, key: ProfileKey) -> Result<Import, Refused> {
        import(&sought!(self), self.data, key)
    }
}

/// A row of an import. What it is matched by becomes a part of the profile, so that the next one finds it.
fn import(sought: &Sought, mut data: ProfileData, key: ProfileKey) -> Result<Import, Refused> {
    let target = sought.target(Some(&data.sought()))?;
    let by_default = sought.profile_id.is_none();
    match sought.matching {
        Some(Matching::Email) => {
            data.known.email = data.known.email.or_else(|| sought.email.clone());
        }
        None if by_default => {
            data.known.email = data.known.email.or_else(|| sought.email.clone());
        }
        Some(Matching::Phone) => {
            data.known.phones = data.known.phones.or_else(|| sought.phone.clone().map(|phone| vec![phone]));
        }
        Some(Matching::Custom) => {
            if let (Some(name), Some(value)) = (&sought.field_name, &sought.field_value) {
                data.fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => {}
    }
    Ok(Import { target, key, change: data.into_change()? })
}

/// Profiles to make or to change, each for itself.
#[derive(Debug, Object)]
#[oai(rename = "AudienceImportProfiles")]
pub struct PublishedBatch {
    /// The list.
    pub db_id: i64,
    /// What earlier profiles are found by: `email` unless it says otherwise.
    pub matching: Option<Matching>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// The profiles, up to 10 000.
    #[oai(validator(max_items = 10000))]
    pub data: Vec<ProfileData>,
}

/// The same as it is read: each row is checked by itself.
#[derive(Debug, Object)]
#[oai(rename = "AudienceImportRows")]
pub struct ImportProfiles {
    /// See [`PublishedBatch`].
    pub db_id: i64,
    /// See [`PublishedBatch`].
    pub matching: Option<Matching>,
    /// See [`PublishedBatch`].
    pub field_name: Option<String>,
    /// See [`PublishedBatch`].
    #[oai(validator(max_items = 10000))]
    pub data: Vec<Value>,
}

impl CallBody for ImportProfiles {
    type Published = PublishedBatch;

    const LARGE: bool = true;
}

impl ImportProfiles {
    /// Each row in checked values, or what is wrong with it; new profiles get `keys`.
    pub fn into_rows(self, mut keys: impl FnMut() -> ProfileKey) -> Vec<Result<Import, String>> {
        let (matching, field_name) = (self.matching, self.field_name);
        self.data
            .into_iter()
            .map(|row| {
                let id = row.get("profile_id").and_then(Value::as_str).map(str::to_owned);
                let data: ProfileData = from_value(row, Unknown::Ignore).map_err(|invalid| invalid.message)?;
                let by_id = matching == Some(Matching::ProfileId);
                let sought = Sought {
                    matching,
                    profile_id: id.filter(|_| by_id),
                    field_name: field_name.clone(),
                    ..Sought::default()
                };
                let mut data = data;
                if by_id {
                    data.fields.shift_remove("profile_id");
                }
                import(&sought, data, keys()).map_err(|refused| format!("`{}` {}", refused.field, refused.rule))
            })
            .collect()
    }
}

/// A profile to delete.
#[derive(Debug, Object)]
#[oai(rename = "AudienceDeleteProfile")]
pub struct DeleteProfile {
    /// The list.
    pub db_id: i64,
    /// What the profile is found by: its id if there is one, else its e-mail address.
    pub matching: Option<Matching>,
    /// To match by.
    pub email: Option<String>,
    /// To match by.
    pub phone: Option<String>,
    /// To match by: 24 hexadecimal digits.
    pub profile_id: Option<String>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// To match by: that field's value.
    pub field_value: Option<Value>,
}

impl DeleteProfile {
    /// The profile that is meant.
    pub fn target(&self) -> Result<Target, Refused> {
        sought!(self).target(None)
    }
}

/// The known fields of a subscription to set.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSetSubscription")]
pub struct SetSubscriptionFields {
    /// The list.
    pub db_id: i64,
    /// What the profile is found by: its id if there is one, else its e-mail address.
    pub matching: Option<Matching>,
    /// To match by.
    pub email: Option<String>,
    /// To match by.
    pub phone: Option<String>,
    /// To match by: 24 hexadecimal digits.
    pub profile_id: Option<String>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// To match by: that field's value.
    pub field_value: Option<Value>,
    /// The resource.
    pub resource_id: i64,
    /// Through what.
    pub channel: ChannelWord,
    /// How it stands; without it a new one is subscribed and an old one stays.
    pub status: Option<StatusWord>,
}

with_fields!(
    /// A subscription to set.
    SetSubscription,
    SetSubscriptionFields,
    [
        "token", "format", "db_id", "matching", "email", "phone", "profile_id", "field_name", "field_value", "resource_id",
        "channel", "status"
    ]
);

impl SetSubscription {
    /// The profile that is meant.
    pub fn target(&self) -> Result<Target, Refused> {
        sought!(self.known).target(None)
    }

    /// The subscription in checked values.
    pub fn into_change(self) -> Result<SubscriptionChange, Refused> {
        subscription(self.known.resource_id, self.known.channel, self.known.status, self.fields)
    }
}

/// A subscription to delete.
#[derive(Debug, Object)]
#[oai(rename = "AudienceDeleteSubscription")]
pub struct DeleteSubscription {
    /// The list.
    pub db_id: i64,
    /// What the profile is found by: its id if there is one, else its e-mail address.
    pub matching: Option<Matching>,
    /// To match by.
    pub email: Option<String>,
    /// To match by.
    pub phone: Option<String>,
    /// To match by: 24 hexadecimal digits.
    pub profile_id: Option<String>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// To match by: that field's value.
    pub field_value: Option<Value>,
    /// The resource.
    pub resource_id: i64,
    /// Through what.
    pub channel: ChannelWord,
}

impl DeleteSubscription {
    /// The profile that is meant.
    pub fn target(&self) -> Result<Target, Refused> {
        sought!(self).target(None)
    }
}

/// A profile whose subscriptions to suspend.
#[derive(Debug, Object)]
#[oai(rename = "AudienceSuspendSubscriptions")]
pub struct SuspendSubscriptions {
    /// The list.
    pub db_id: i64,
    /// What the profile is found by: its id if there is one, else its e-mail address.
    pub matching: Option<Matching>,
    /// To match by.
    pub email: Option<String>,
    /// To match by.
    pub phone: Option<String>,
    /// To match by: 24 hexadecimal digits.
    pub profile_id: Option<String>,
    /// To match by: the name of a field of the company's own.
    pub field_name: Option<String>,
    /// To match by: that field's value.
    pub field_value: Option<Value>,
    /// Only those to this resource.
    pub resource_id: Option<i64>,
}

impl SuspendSubscriptions {
    /// The profile that is meant.
    pub fn target(&self) -> Result<Target, Refused> {
        sought!(self).target(None)
    }
}
