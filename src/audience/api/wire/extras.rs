//! Macros for bodies: those that are published as they are read, and objects with fields of the company's own beside the
//! known ones (the known ones are published and checked, the others kept as they come).

/// Makes `$name`, an object of the known fields of `$known` and any others, and a `fields` map of those.
macro_rules! with_fields {
    ($(#[$doc:meta])* $name:ident, $known:ident, [$($field:literal),+ $(,)?]) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            /// The fields that the contract names.
            pub known: $known,
            /// The others.
            pub fields: serde_json::Map<String, serde_json::Value>,
        }

        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                <$known as poem_openapi::types::Type>::name()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                <$known as poem_openapi::types::Type>::schema_ref()
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                <$known as poem_openapi::types::Type>::register(registry);
            }

            fn as_raw_value(&self) -> Option<&Self::RawValueType> {
                Some(self)
            }

            fn raw_element_iter<'a>(
                &'a self,
            ) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
                Box::new(self.as_raw_value().into_iter())
            }
        }

        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(
                value: Option<serde_json::Value>,
            ) -> poem_openapi::types::ParseResult<Self> {
                let mut fields = match &value {
                    Some(serde_json::Value::Object(map)) => map.clone(),
                    _ => serde_json::Map::new(),
                };
                fields.retain(|name, _| ![$($field),+].contains(&name.as_str()));
                let known = <$known as poem_openapi::types::ParseFromJSON>::parse_from_json(value)
                    .map_err(poem_openapi::types::ParseError::propagate)?;
                Ok(Self { known, fields })
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                let mut value = self.known.to_json()?;
                if let serde_json::Value::Object(map) = &mut value {
                    map.extend(self.fields.clone());
                }
                Some(value)
            }
        }
    };
}

/// Bodies that are published as they are read.
macro_rules! bodies {
    ($($name:ident),+ $(,)?) => {
        $(impl crate::audience::api::call::CallBody for $name {
            type Published = Self;
        })+
    };
}

pub(super) use {bodies, with_fields};
