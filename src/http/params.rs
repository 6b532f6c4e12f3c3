//! What is wrong with a path, query or header parameter, in words for people: poem-openapi words it for programmers.
//!
//! Must not know: any domain. The framework's wording is pinned by the tests below; a new version that changes it fails
//! them.

/// The rule of a parameter that is a word of a list, as long as nobody has looked the list up: poem-openapi does not say
/// which words there are.
pub const NO_WORD: &str = "is none of the words it may be";

/// The rule a parameter breaks, from poem-openapi's reason.
#[must_use]
pub fn rule(reason: &str) -> String {
    if let Some(validator) = reason.split_once("verification failed. ").map(|(_, validator)| validator) {
        return validator_rule(validator);
    }
    if reason.ends_with("expects an input value.") {
        return "is required".to_owned();
    }
    let parsed = reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once("\": "));
    let Some((kind, why)) = parsed else { return "has the wrong form".to_owned() };
    let why = why.split(" (occurred while parsing").next().unwrap_or(why);
    if why == "Expect a valid enumeration value." {
        return NO_WORD.to_owned();
    }
    kind_rule(kind).map_or_else(|| why.to_owned(), str::to_owned)
}

/// What a value of poem-openapi's type name must be; `None`: the type explains itself.
fn kind_rule(kind: &str) -> Option<&'static str> {
    let kind = kind.strip_prefix("optional_").unwrap_or(kind);
    match kind {
        "boolean" => Some("must be true or false"),
        "string(uuid)" | "string_uuid" | "uuid" => Some("must be a UUID"),
        _ if kind.starts_with("integer") => Some("must be a whole number"),
        _ if kind.starts_with("number") => Some("must be a number"),
        _ => None,
    }
}

/// `maximum(200, exclusive: false)` and its kin.
fn validator_rule(validator: &str) -> String {
    let Some((name, arguments)) = validator.strip_suffix(')').and_then(|text| text.split_once('(')) else {
        return "breaks its rule".to_owned();
    };
    let (bound, exclusive) = match arguments.split_once(", exclusive: ") {
        Some((bound, exclusive)) => (bound, exclusive == "true"),
        None => (arguments, false),
    };
    match name {
        "maximum" if exclusive => format!("must be less than {bound}"),
        "maximum" => format!("must be at most {bound}"),
        "minimum" if exclusive => format!("must be more than {bound}"),
        "minimum" => format!("must be at least {bound}"),
        "maxLength" => format!("must have at most {bound} characters"),
        "minLength" => format!("must have at least {bound} characters"),
        "maxItems" => format!("must have at most {bound} items"),
        "minItems" => format!("must have at least {bound} items"),
        "multipleOf" => format!("must be a multiple of {bound}"),
        "uniqueItems" => "must not repeat an item".to_owned(),
        "pattern" => format!("must match {bound}"),
        _ => "breaks its rule".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::Enum;
    use poem_openapi::types::{ParseFromParameter, Type};
    use poem_openapi::validation::{Maximum, MinLength};

    use super::{NO_WORD, rule};

    #[derive(Debug, Enum)]
    enum Word {
        One,
    }

    fn refusal<T: ParseFromParameter + Type>(text: &str) -> String {
        match T::parse_from_parameter(text) {
            Ok(_) => panic!("{text} was accepted"),
            Err(error) => rule(&error.into_message()),
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told_what_it_must_be() {
        assert_eq!(refusal::<i32>("abc"), "must be a whole number");
        assert_eq!(refusal::<u32>("-1"), "must be a whole number");
        assert_eq!(refusal::<i64>("99999999999999999999"), "must be a whole number");
        assert_eq!(refusal::<f64>("abc"), "must be a number");
        assert_eq!(refusal::<bool>("yes"), "must be true or false");
        assert_eq!(refusal::<uuid::Uuid>("abc"), "must be a UUID");
        assert_eq!(refusal::<Word>("Two"), NO_WORD);
        assert!(matches!(Word::parse_from_parameter("One"), Ok(Word::One)));
    }

    #[test]
    fn a_value_out_of_bounds_is_told_the_bound() {
        let failed = |validator: &dyn std::fmt::Display| rule(&format!("verification failed. {validator}"));
        assert_eq!(failed(&Maximum::new(200.0, false)), "must be at most 200");
        assert_eq!(failed(&Maximum::new(200.0, true)), "must be less than 200");
        assert_eq!(failed(&MinLength::new(6)), "must have at least 6 characters");
        assert_eq!(rule("Type \"string\" expects an input value."), "is required");
        assert_eq!(rule("something else"), "has the wrong form");
    }
}
