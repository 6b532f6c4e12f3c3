//! Words of the contract that are not plain strings.

use std::borrow::Cow;

use poem_openapi::Enum;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use crate::audience::model::{Channel, Status};

/// What a subscription is delivered through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "AudienceChannel", rename_all = "snake_case")]
pub enum ChannelWord {
    /// E-mail.
    Email,
    /// Text messages.
    Sms,
    /// Push messages.
    Push,
    /// The Notify service.
    Notify,
    /// Viber.
    Viber,
    /// WhatsApp.
    Whatsapp,
    /// A Telegram bot.
    TelegramBot,
}

impl From<ChannelWord> for Channel {
    fn from(word: ChannelWord) -> Self {
        match word {
            ChannelWord::Email => Self::Email,
            ChannelWord::Sms => Self::Sms,
            ChannelWord::Push => Self::Push,
            ChannelWord::Notify => Self::Notify,
            ChannelWord::Viber => Self::Viber,
            ChannelWord::Whatsapp => Self::Whatsapp,
            ChannelWord::TelegramBot => Self::TelegramBot,
        }
    }
}

impl From<Channel> for ChannelWord {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Email => Self::Email,
            Channel::Sms => Self::Sms,
            Channel::Push => Self::Push,
            Channel::Notify => Self::Notify,
            Channel::Viber => Self::Viber,
            Channel::Whatsapp => Self::Whatsapp,
            Channel::TelegramBot => Self::TelegramBot,
        }
    }
}

/// A status, as its word or as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusWord(pub Status);

impl Type for StatusWord {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "AudienceStatus".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        // The number first: XML has text for both, and a word is no number.
        let number = MetaSchema { minimum: Some(0.0), maximum: Some(6.0), ..MetaSchema::new("integer") };
        let word = MetaSchema {
            enum_items: Status::ALL.iter().map(|status| status.word().into()).collect(),
            ..MetaSchema::new("string")
        };
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some(
                "subscribed 0, unsubscribed 1, complained 2, hardbounced 3, unconfirmed 4, suspended 5, invalid 6",
            ),
            any_of: vec![MetaSchemaRef::Inline(Box::new(number)), MetaSchemaRef::Inline(Box::new(word))],
            ..MetaSchema::ANY
        }))
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl ParseFromJSON for StatusWord {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let status = match &value {
            Some(Value::String(word)) => Status::parse(word).ok(),
            Some(Value::Number(number)) => number.as_u64().and_then(Status::of_code),
            _ => None,
        };
        status.map(Self).ok_or_else(|| ParseError::custom("must be a status, as its word or its number from 0 to 6"))
    }
}

impl ToJSON for StatusWord {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.word().into())
    }
}
